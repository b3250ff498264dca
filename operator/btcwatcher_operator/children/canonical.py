"""One way to write a value down, so that equal values have equal bytes and equal hashes."""

import hashlib
from typing import Any

import msgspec


def canonical_json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def short_hash(value: Any) -> str:
    """Ten hex digits of the value's SHA-256: short enough for a name, long enough for one Strategy's revisions."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:10]

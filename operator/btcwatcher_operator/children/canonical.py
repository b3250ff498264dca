"""One way to write a value down, so that equal values have equal bytes and equal hashes."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def short_hash(value: Any) -> str:
    """Ten hex digits of the value's SHA-256: short enough for a name, long enough for one Strategy's revisions."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:10]

"""Small helpers for Kubernetes objects held as plain JSON values."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

JsonObject = dict[str, Any]

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # the API server's own: no vowels, nothing that looks alike


def encode(value: Any) -> bytes:
    """JSON bytes of a value."""
    return _encoder.encode(value)


def decode(raw: bytes | str) -> Any:
    """The value of JSON bytes; raises msgspec.DecodeError."""
    return _decoder.decode(raw)


def copy_of(value: Any) -> Any:
    """A deep copy of a JSON value (a round trip through msgspec beats copy.deepcopy by far)."""
    if isinstance(value, (dict, list)):
        return _decoder.decode(_encoder.encode(value))
    return value


def now() -> str:
    """The present as metav1.Time: RFC 3339, whole seconds, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uid() -> str:
    return str(uuid.uuid4())


def random_suffix(length: int = 5) -> str:
    """What generateName appends."""
    return "".join(secrets.choice(_NAME_ALPHABET) for _ in range(length))


def metadata(obj: JsonObject) -> JsonObject:
    """metadata of an object, made when it is missing."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        meta = {}
        obj["metadata"] = meta
    return meta


def get_path(obj: Any, *path: str) -> Any:
    """The value at a path of keys, or None where the way ends."""
    for part in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(part)
    return obj


def parse_time(text: str) -> datetime | None:
    """A metav1.Time or MicroTime as an aware datetime, None when it is no such thing."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def keep(obj: JsonObject, old: JsonObject, key: str) -> None:
    """Puts a top-level field back to what it was."""
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)

"""Short, stable names for contents."""

from __future__ import annotations

import hashlib
import json
from typing import Any

# Kubernetes' own alphabet for generated names: no vowels and no look-alikes, so no words by chance.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def short_hash(content: Any, length: int = 10) -> str:
    """`length` safe characters for any JSON value; equal values give equal words."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)

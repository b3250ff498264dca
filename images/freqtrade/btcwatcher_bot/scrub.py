"""Takes secrets out of what a bot says of its end: its words go into conditions, Events and logs that many may read."""

import re
from collections.abc import Iterable

HIDDEN = "***"
_SHORTEST = 6
"""A shorter value is no secret worth the name, and would tear holes into ordinary words."""

# What exchange libraries put into their messages: a signed URL, a proxy's URL, a header.
_NAMED = re.compile(
    r"(?i)\b(signature|sign|api[-_]?key|apikey|secret|password|passphrase|token|x-mbx-apikey|authorization)"
    r"(['\"]?\s*[=:]\s*['\"]?)((?:basic|bearer)\s+)?([^\s&'\",;)}]+)"
)
_IN_URL = re.compile(r"(\w+://)[^/\s@]+@")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given values, and without what is recognised as a secret by its name."""
    for value in sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    text = _IN_URL.sub(rf"\1{HIDDEN}@", text)
    return _NAMED.sub(lambda found: f"{found[1]}{found[2]}{found[3] or ''}{HIDDEN}", text)

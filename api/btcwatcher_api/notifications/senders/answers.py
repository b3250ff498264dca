"""What may be kept of a vendor's answer: cut, in one line, and without anything the Secret holds."""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from btcwatcher_api.notifications.outcome import ANSWER_MAX
from btcwatcher_crds.conditions import ChannelReason

MASK: Final = "***"

RETRY_AFTER_MAX: Final = timedelta(days=1)
"""A vendor that asks for more is not believed."""

_SECRET_MIN: Final = 4
"""Parts of a credential shorter than this are words like `tls` or `25`: to mask them would mask half of any text."""

_PUBLIC_KEYS: Final = frozenset({"host", "port", "security"})
"""Keys of a Secret whose values tell nobody anything and help whoever reads an answer."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_STANDARD: Final = str.maketrans("-_", "+/")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def kept(text: str, credentials: Mapping[str, str]) -> str:
    """The text as an Outcome may hold it. Scrubbed before it is cut: a credential cut in two is not found again."""
    if not text:
        return ""
    text = text.encode("utf-8", "replace").decode()
    secrets = _secrets(credentials)
    looked_at = text[: ANSWER_MAX * 20]
    # Logins come back as they were sent, several parts in one: `Basic ...`, `AUTH PLAIN ...`.
    scrubbed = _BASE64.sub(lambda at: MASK if _holds(at[0], secrets) else at[0], looked_at)
    for secret in secrets:
        scrubbed = re.sub(re.escape(secret), MASK, scrubbed, flags=re.IGNORECASE)
    if len(looked_at) < len(text) and secrets:
        # The end may be the beginning of a credential.
        scrubbed = scrubbed[: -len(secrets[0])]
    text = _CONTROL.sub(" ", scrubbed).strip()
    return text if len(text) <= ANSWER_MAX else text[: ANSWER_MAX - 1] + "…"


def _holds(encoded: str, secrets: Sequence[str]) -> bool:
    """Whether Base64 of either alphabet has a secret in it."""
    text = encoded.rstrip("=").translate(_STANDARD)
    decoded = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "==").decode("latin-1")
    return any(secret.encode("utf-8", "replace").decode("latin-1") in decoded for secret in secrets)


def _secrets(credentials: Mapping[str, str]) -> list[str]:
    """Every form in which a credential could come back, longest first."""
    found: set[str] = set()
    for key, value in credentials.items():
        if key in _PUBLIC_KEYS:
            continue
        for part in (value, value.strip(), *_parts(value.strip())):
            if len(part) >= _SECRET_MIN:
                found.update(_forms(part))
    return sorted((form for form in found if len(form) >= _SECRET_MIN), key=len, reverse=True)


def _parts(value: str) -> Iterable[str]:
    """What a value is made of: the addresses of a list, and of a URL whatever may be a token."""
    yield from (part.strip() for part in value.split(",") if "@" in part)
    if "://" not in value:
        return
    try:
        url = urlsplit(value)
    except ValueError:
        return
    yield from re.split(r"[/:@]", url.netloc)
    yield from url.path.split("/")
    yield from (pair.partition("=")[2] for pair in url.query.split("&"))
    yield from (value.partition("://")[2], url.path.strip("/"), url.query, url.fragment)


def _forms(part: str) -> Iterable[str]:
    plain = unquote(part)
    yield from (part, plain, quote(plain), quote(plain, safe=""), quote_plus(plain))
    yield from (html.escape(plain), json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1])
    yield from (base64.b64encode(plain.encode("utf-8", "replace")).decode().rstrip("="), repr(plain)[1:-1])


def seconds(value: object) -> timedelta | None:
    """A number of seconds that a vendor asks us to wait."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:  # NaN is not
        return None
    if value >= RETRY_AFTER_MAX.total_seconds():
        return RETRY_AFTER_MAX
    return timedelta(seconds=value)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """The Retry-After header: seconds, or a date."""
    value = headers.get("retry-after", "").strip()
    if (wait := seconds(value)) is not None or not value:
        return wait
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return seconds((at - (now or datetime.now(UTC))).total_seconds())


def of_status(status: int) -> ChannelReason:
    """What can be said of an answer that is not in its vendor's form: perhaps it is not the vendor's.

    So it is neither Auth nor Rejected, which are believed at once.
    """
    if status == 429:
        return ChannelReason.RATE_LIMITED
    return ChannelReason.VENDOR_ERROR if status >= 500 else ChannelReason.UNEXPECTED_ANSWER

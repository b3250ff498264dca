"""Which requests are public: only these are kept and shared. What is signed belongs to one account."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from btcwatcher_api.market.questions import TOLD_HEADERS, Args

_PLAIN_HEADERS: Final = TOLD_HEADERS | frozenset(
    (
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "pragma",
        "te",
        "traceparent",
        "tracestate",
        "user-agent",
        "via",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
        # Whom ccxt says that a call is made by, on public ones too.
        "x-channel-api-code",
        "x-gate-channel-id",
    )
)
_KEY_HEADER: Final = re.compile(
    r"^(authorization|proxy-authorization|cookie|apikey|authent|nonce|key|sign|signature|token)$"
    r"|api-?key|api-?sign|access-|passphrase|secret|^ok-|^kc-api-|^x-bapi-|^x-mbx-|signature",
    re.IGNORECASE,
)
_KEY_ARGUMENT: Final = re.compile(
    r"^(sign|sig|key|nonce|token|recvwindow|listenkey|passphrase)$|signature|api_?-?key|access_?-?key|secret",
    re.IGNORECASE,
)


class Privacy(StrEnum):
    PUBLIC = "public"
    """Nothing in it can say who asks: kept and shared."""
    UNSURE = "unsure"
    """It holds a header that is not known: passed on, never kept."""
    PRIVATE = "private"
    """It is signed, names a key, or changes something."""


def privacy(method: str, headers: Iterable[str], args: Args, has_body: bool) -> Privacy:
    """By the names of headers and arguments alone, for what they hold is nobody's business."""
    unknown = [name for name in map(str.lower, headers) if name not in _PLAIN_HEADERS]
    if (
        method != "GET"
        or has_body
        or any(_KEY_HEADER.search(name) for name in unknown)
        or any(_KEY_ARGUMENT.search(name) for name, _ in args)
    ):
        return Privacy.PRIVATE
    return Privacy.UNSURE if unknown else Privacy.PUBLIC


def has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") not in ("", "0") or "transfer-encoding" in headers

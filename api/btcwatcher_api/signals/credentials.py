"""How a sender of signals shows that it has its Strategy's webhook token. The first of these that is there decides:

- `Authorization: Basic`, the token as password under any user name (freqtrade, by its netrc file), or `Bearer`;
- a Standard Webhooks signature made with the token;
- `?token=` in the URL, or a field `token` in the body, for senders that can set no header (TradingView).

A token that came in the URL or the body goes nowhere else: it is no part of what is stored, hashed or logged.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from btcwatcher_api.signals.signatures import Signed, signed

TOKEN_FIELD: Final = "token"  # noqa: S105 - a name

_MOST_FIELDS: Final = 20


class Unreadable(Exception):  # noqa: N818
    """There is an Authorization header, but no token can be read from it."""


def given(headers: dict[bytes, bytes], query: dict[str, str]) -> bytes | Signed | None:
    """A token, a signature, or None where the body may still bring one. Raises Unreadable and NotSigned."""
    authorization = headers.get(b"authorization")
    if authorization is not None:
        return _authorized(authorization)
    signature = signed(headers)
    if signature is not None:
        return signature
    token = query.get(TOKEN_FIELD)
    return None if token is None else token.encode()


def query_of(query_string: bytes) -> dict[str, str]:
    """What the URL says behind its question mark; of a name that comes twice, the last. Nothing, if it is absurd."""
    try:
        return dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def matches(token: bytes, tokens: Iterable[bytes]) -> bool:
    """Whether it is one of them, in a time that does not tell how nearly."""
    return any([hmac.compare_digest(token, one) for one in tokens])  # noqa: C419 - no short cut


def take_from_body(body: dict[str, Any], tokens: tuple[bytes, ...]) -> bool:
    """Whether the body brings one of the tokens; if so it is taken out of it. Another `token` is the sender's own."""
    token = body.get(TOKEN_FIELD)
    if not isinstance(token, str) or not matches(token.encode("utf-8", "replace"), tokens):
        return False
    del body[TOKEN_FIELD]
    return True


def _authorized(value: bytes) -> bytes:
    scheme, _, credentials = value.partition(b" ")
    scheme = scheme.lower()
    if scheme == b"bearer":
        return credentials.strip()
    if scheme == b"basic":
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True)
        except binascii.Error:
            raise Unreadable from None
        _, colon, password = decoded.partition(b":")
        if colon:
            return password
    raise Unreadable

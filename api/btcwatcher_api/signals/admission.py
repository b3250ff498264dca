"""Whether a request may bring a Strategy's signals, and in which form it does: every refusal is a Problem."""

import time
from typing import Final

from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.credentials import Unreadable, given, matches
from btcwatcher_api.signals.signatures import NotSigned, Signed
from btcwatcher_api.strategies.registry import KnownStrategy

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="btcwatcher", charset="UTF-8"'}


def shown(headers: dict[bytes, bytes], query: dict[str, str], strategy: KnownStrategy) -> bytes | Signed | None:
    """A token that is the Strategy's, a signature to be checked, or None: then the body must bring the token.

    Raises Problem 401.
    """
    try:
        shown = given(headers, query)
    except Unreadable:
        raise no_token() from None
    except NotSigned as error:
        raise Problem(401, str(error), [(error.header, str(error))], _CHALLENGE) from None
    if isinstance(shown, bytes) and not matches(shown, strategy.tokens):
        raise wrong_token()
    return shown


def check_signature(signature: Signed, raw: bytes, strategy: KnownStrategy) -> None:
    try:
        signature.check(raw, strategy.tokens, time.time())
    except NotSigned as error:
        raise Problem(401, str(error), [(error.header, str(error))], _CHALLENGE) from None


def no_token() -> Problem:
    return Problem(
        401,
        "give the Strategy's webhook token: as password of Basic authentication, as field `token` of a JSON body, "
        "or sign with it (Standard Webhooks)",
        (),
        _CHALLENGE,
    )


def wrong_token() -> Problem:
    return Problem(401, "this is not the Strategy's webhook token", (), _CHALLENGE)


def is_form(headers: dict[bytes, bytes]) -> bool:
    """Whether the body is announced as a form. Raises Problem when it is neither that nor JSON."""
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
        raise Problem(415, "the body must not be compressed")
    announced = headers.get(b"content-type", b"")
    if announced == b"application/json":
        return False
    media = announced.split(b";", 1)[0].strip().lower()
    if media == b"application/x-www-form-urlencoded":
        return True
    # TradingView announces what is not quite JSON, and older senders all JSON, as text/plain.
    if media not in (b"", b"application/json", b"text/plain", b"text/json") and not media.endswith(b"+json"):
        raise Problem(415, "the body must be JSON (Content-Type application/json) or a form")
    return False

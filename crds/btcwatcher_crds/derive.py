"""Secrets that two parts must agree on are derived from a platform key, never exchanged or stored.

HMAC-SHA256(key, purpose / namespace / name / generation), so a backup, a restore or a new replica changes nothing.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

MIN_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, repr=False)
class BotCredentials:
    """What opens a bot's own REST API and websocket."""

    username: str
    password: str
    jwt_secret: str
    ws_token: str


def check_key(key: bytes, source: str) -> bytes:
    """The key, stripped. Raises ValueError naming `source` (a variable or file) when it is too short to be a secret."""
    stripped = key.strip()
    if len(stripped) < MIN_KEY_BYTES:
        raise ValueError(
            f"{source} holds {len(stripped)} bytes; a platform key has at least {MIN_KEY_BYTES}: "
            "make one with `openssl rand -base64 48`"
        )
    return stripped


def _derive(key: bytes, purpose: str, namespace: str, name: str, generation: int = 0) -> str:
    # NUL cannot occur in any part, so no two different tuples give one message.
    message = "\0".join((purpose, namespace, name, str(generation))).encode()
    digest = hmac.new(key, message, hashlib.sha256).digest()
    # freqtrade coerces what looks like a number or a truth value: a leading letter keeps it a string.
    return "k" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def webhook_token(key: bytes, namespace: str, name: str, generation: int) -> str:
    """The password a Strategy's signals are sent with. `generation` is spec.signals.tokenGeneration."""
    return _derive(key, "webhook", namespace, name, generation)


def bot_api_credentials(key: bytes, namespace: str, name: str) -> BotCredentials:
    """The credentials of a bot's own API (freqtrade's api_server section)."""
    return BotCredentials(
        username="operator",
        password=_derive(key, "bot-password", namespace, name),
        jwt_secret=_derive(key, "bot-jwt", namespace, name),
        ws_token=_derive(key, "bot-websocket", namespace, name),
    )

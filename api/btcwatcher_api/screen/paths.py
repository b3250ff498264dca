"""What a request for a bot is: whose it is, what is asked of it, and whether that changes anything. Pure."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote, unquote

from btcwatcher_crds.names import strategy_id

PREFIX: Final = "/bots/"
_SPLIT: Final = re.compile(r"/bots/([a-z0-9][a-z0-9-]{0,62})/([a-z][a-z0-9-]{0,62})/api/v1/([^?#]{1,1024})")
_SEGMENT: Final = re.compile(r"\w[\w.:-]*")
"""Decoded. Nothing of it means anything to a path: no dots alone, no slash that was encoded, no backslash."""
_READING_POSTS: Final = frozenset({"pair_candles", "pair_history"})
"""freqtrade takes the question in the body; nothing changes."""
_ACTING_GETS: Final = frozenset({"backtest/abort"})
_READING: Final = frozenset({"GET", "HEAD"})
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Ask(Enum):
    """What a request for a bot is."""

    READ = "read"
    COMMAND = "command"
    """Changes something at the bot: not for viewers, and audited."""
    TOKEN = "token"  # noqa: S105 - a kind, not a token
    """FreqUI wants a token: the screen answers, the bot is not asked."""
    WEBSOCKET = "websocket"
    OTHER = "other"
    """A method that no bot takes."""


@dataclass(frozen=True, slots=True)
class BotPath:
    """A path below a bot's /api/v1/."""

    namespace: str
    name: str
    endpoint: str
    """Decoded, without a slash at either end."""

    @property
    def strategy(self) -> str:
        return strategy_id(self.namespace, self.name)

    @property
    def encoded(self) -> str:
        """The endpoint as it goes to the bot."""
        return "/".join(quote(segment, safe="") for segment in self.endpoint.split("/"))


def bot_path(raw: str) -> BotPath | None:
    """Of a path as it came, still encoded and without its query. None for what cannot be a bot's."""
    found = _SPLIT.fullmatch(raw)
    if found is None:
        return None
    try:
        segments = [unquote(segment, errors="strict") for segment in found[3].split("/")]
    except UnicodeDecodeError:
        return None
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return None
    return BotPath(found[1], found[2], "/".join(segments))


def ask_of(method: str, endpoint: str) -> Ask:
    """What the request wants of the bot."""
    if endpoint in ("token/login", "token/refresh"):
        return Ask.TOKEN if method == "POST" else Ask.OTHER
    if endpoint == "message/ws":
        return Ask.WEBSOCKET if method == "GET" else Ask.OTHER
    if endpoint in _ACTING_GETS:
        return Ask.COMMAND
    if method in _READING or (method == "POST" and endpoint in _READING_POSTS):
        return Ask.READ
    return Ask.COMMAND if method in _CHANGING else Ask.OTHER

"""The market-data cache: which requests are for it, and where they go while it is away."""

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

_AWAY_SECONDS = 5.0
"""For so long it is not tried again: a node that is gone swallows connections, and each costs a time-out."""


class MarketCache:
    """`url` is where it is; `direct` maps addresses in it to the exchange's own, empty where bots wait for it."""

    def __init__(self, url: str, direct: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        # The longest first: one may be the beginning of another.
        self._direct = sorted(direct.items(), key=lambda item: len(item[0]), reverse=True)
        self._away_until = 0.0

    def holds(self, host: str, port: int) -> bool:
        """Whether a request to this place is one to the cache."""
        return (host, port) == (self.host, self.port)

    @property
    def waits(self) -> bool:
        """Whether bots try again, as with an exchange that is away."""
        return not self._direct

    def worth_trying(self) -> bool:
        """Whether to connect to it. Where nobody else can be asked, always."""
        return self.waits or time.monotonic() >= self._away_until

    def found_away(self) -> bool:
        """Takes note of it; True when it is news."""
        news = self._away_until == 0.0
        self._away_until = time.monotonic() + _AWAY_SECONDS
        return news

    def found_there(self) -> bool:
        """Takes note of it; True when it is news."""
        news = self._away_until != 0.0
        self._away_until = 0.0
        return news

    def instead(self, url: str) -> str | None:
        """What to ask in place of a URL of the cache."""
        for address, upstream in self._direct:
            if url.startswith(address) and url[len(address) : len(address) + 1] in ("", "/", "?"):
                return upstream + url[len(address) :]
        return None

"""The routes of every Strategy, worked out once and kept until the Strategy or a channel changes.

A signal costs one look into a dict: this is on the way of every webhook.
"""

from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.routing import Routes, routes
from btcwatcher_api.strategies.registry import KnownStrategy


class Router:
    """`channels` are read anew whenever their version is another one."""

    def __init__(self, channels: ChannelRegistry) -> None:
        self._channels = channels
        self._version = channels.version
        self._routes: dict[str, tuple[KnownStrategy, Routes]] = {}

    @property
    def synced(self) -> bool:
        """Whether the channels are known; before that nobody can say who is to be told."""
        return self._channels.synced

    def of(self, strategy: KnownStrategy) -> Routes:
        """The registry has a new object for a Strategy whenever it changed."""
        if self._version != self._channels.version:
            self._version = self._channels.version
            self._routes.clear()
        kept = self._routes.get(strategy.id)
        if kept is not None and kept[0] is strategy:
            return kept[1]
        labels = strategy.item["metadata"].get("labels") or {}
        made = routes(strategy.namespace, labels, strategy.signals.notify, self._channels.channels())
        self._routes[strategy.id] = (strategy, made)
        return made

"""What the controllers of one process share: client, caches and the Event recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from btcwatcher_local.client.informer import Informer

if TYPE_CHECKING:
    from btcwatcher_local.client.events import EventRecorder
    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.resources import Resource


class Controller(Protocol):
    """Made with a context (where it asks for its caches and listens), run once the caches are true."""

    async def run(self) -> None: ...


class Context:
    """Hands out one informer per kind."""

    def __init__(self, client: Client, recorder: EventRecorder) -> None:
        self.client = client
        self.recorder = recorder
        self._informers: dict[tuple[Resource, str], Informer] = {}

    def informer(self, resource: Resource, field_selector: str = "") -> Informer:
        """The cache of a kind, or of the part of it that a field selector finds.

        Started by `start`, so ask while the controllers are being made.
        """
        key = (resource, field_selector)
        if key not in self._informers:
            self._informers[key] = Informer(self.client, resource, field_selector=field_selector)
        return self._informers[key]

    async def start(self) -> None:
        """Start every cache and wait until all are true."""
        for informer in self._informers.values():
            informer.start()
        for informer in self._informers.values():
            await informer.wait_synced()

    async def stop(self) -> None:
        for informer in self._informers.values():
            await informer.stop()

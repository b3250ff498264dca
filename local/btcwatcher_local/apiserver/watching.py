"""WATCH: what happens to the selected objects from a resource version on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

from aiohttp import web

from . import errors, objects, views
from .reading import predicate

if TYPE_CHECKING:
    from .context import Api
    from .objects import JsonObject
    from .request import ReadOptions, View
    from .resources import Resource
    from .selectors import Predicate
    from .storage import Change, Stored

_DEFAULT_SECONDS = (1800.0, 3600.0)  # the real server picks at random so that watches do not all end together
_WRITE_AT_ONCE = 500


def _event(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


class Watch:
    """One open watch."""

    def __init__(
        self, api: Api, resource: Resource, namespace: str | None, name: str, options: ReadOptions, view: View
    ) -> None:
        self._api = api
        self._resource = resource
        self._namespace = namespace
        self._options = options
        self._view = view
        self._collection = api.collection(resource)
        self._test: Predicate | None = predicate(resource, options, name)
        self._sent_version = api.store.rv
        self._table_started = False

    def _selected(self, stored: Stored) -> bool:
        return self._test is None or self._test(stored.obj)

    def _body(self, stored: Stored) -> bytes:
        return views.render_event(self._resource, stored, self._view, first=self._first_row())

    def _first_row(self) -> bool:
        first = not self._table_started
        self._table_started = True
        return first

    def begin(self) -> tuple[int, list[bytes]]:
        """The sequence number to go on from, and what is sent at once. Raises 410 or 422 before anything is sent."""
        options = self._options
        version = options.resource_version
        if version and not version.isdigit():
            raise errors.bad_request(f'Invalid value: "{version}": resourceVersion must be a number')
        self._check_initial_events()
        current = self._collection.first + len(self._collection.history)
        if options.send_initial_events is True or (version in ("", "0") and options.send_initial_events is None):
            initial = [_event("ADDED", self._body(s)) for s in self._initial()]
            if options.send_initial_events:
                initial.append(self._bookmark(end_of_initial=True))
            return current, initial
        if version in ("", "0"):
            return current, []
        position = self._collection.position(int(version))
        if position is None:
            raise errors.expired(f"too old resource version: {version} ({self._collection.floor + 1})")
        return position, []

    def _check_initial_events(self) -> None:
        options = self._options
        if options.send_initial_events is None:
            return
        causes = []
        if options.resource_version_match != "NotOlderThan":
            causes.append(
                errors.forbidden_value(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )
            )
        if options.send_initial_events and not options.bookmarks:
            causes.append(
                errors.forbidden_value(
                    "allowWatchBookmarks", "sendInitialEvents requires setting allowWatchBookmarks to true"
                )
            )
        if causes:
            raise errors.invalid("meta.k8s.io", "ListOptions", "", causes)

    def _initial(self) -> list[Stored]:
        return [s for s in self._collection.select(self._namespace) if self._selected(s)]

    def _bookmark(self, *, end_of_initial: bool = False) -> bytes:
        meta: JsonObject = {"resourceVersion": str(self._sent_version), "creationTimestamp": None}
        if end_of_initial:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        return _event("BOOKMARK", views.render_bookmark(self._resource, meta, self._view))

    def _translate(self, change: Change) -> bytes | None:
        """The event a change is for this watch: entering the selection is ADDED, leaving it DELETED."""
        if self._namespace is not None and change.key[0] != self._namespace:
            return None
        is_in = change.kind != "DELETED" and self._selected(change.new)
        was_in = change.old is not None and self._selected(change.old)
        if is_in:
            return _event("MODIFIED" if was_in else "ADDED", self._body(change.new))
        if not was_in:
            return None
        if change.kind == "DELETED":
            return _event("DELETED", self._body(change.new))
        assert change.old is not None  # noqa: S101 - was_in says so
        last = change.old.fresh()
        last["metadata"]["resourceVersion"] = str(change.rv)
        return _event("DELETED", views.render_event_object(self._resource, last, self._view, first=self._first_row()))

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Serves the watch until its time is up, the client goes or the server stops."""
        sequence, pending = self.begin()
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        response.enable_chunked_encoding()
        # A client that goes away in the middle is how most watches end.
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await self._stream(response, sequence, pending)
            await response.write_eof()
        return response

    async def _stream(self, response: web.StreamResponse, sequence: int, pending: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        seconds = self._options.timeout
        deadline = loop.time() + (seconds if seconds else random.uniform(*_DEFAULT_SECONDS))  # noqa: S311
        next_bookmark = self._next_bookmark(loop.time(), deadline)
        while not self._api.stopping.is_set():
            for start in range(0, len(pending), _WRITE_AT_ONCE):
                await response.write(b"".join(pending[start : start + _WRITE_AT_ONCE]))
            changes = self._collection.since(sequence)
            if changes is None:
                gone = errors.expired("too old resource version: the watch fell behind")
                await response.write(_event("ERROR", objects.encode(gone.body())))
                break
            listed, sequence = changes
            pending = [event for event in map(self._translate, listed) if event is not None]
            if pending:
                self._sent_version = listed[-1].rv
                continue
            self._sent_version = self._api.store.rv
            now = loop.time()
            if now >= next_bookmark:
                next_bookmark = self._next_bookmark(now, deadline)
                if self._options.bookmarks:
                    pending = [self._bookmark()]
                    continue
            if now >= deadline or self._collection.closed:
                break
            await self._collection.wait(max(0.01, min(deadline, next_bookmark) - now))

    def _next_bookmark(self, now: float, deadline: float) -> float:
        """Regularly, and once more shortly before the end, so that the client can go on from a fresh version."""
        before_end = deadline - 0.3
        usual = now + self._api.bookmark_seconds
        return before_end if now < before_end < usual else usual

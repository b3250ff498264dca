"""Tests every Proxy in its interval and writes what came of it into its status."""

import asyncio
import base64
import binascii
from datetime import UTC, datetime

import structlog

from btcwatcher_crds.conditions import ProxyReason
from btcwatcher_crds.proxy import Proxy
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.proxies.outcome import LastTest, Outcome, due, event, last_test, requested, status
from btcwatcher_operator.proxies.trial import fetch
from btcwatcher_operator.recorder import Recorder
from btcwatcher_operator.resources import SECRET
from btcwatcher_operator.store import Key

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 1.0
_AT_ONCE = 16
_GONE = (404, 409)
"""The Proxy was deleted, or made again under its name, while it was tested."""


class Tester:
    """One for all Proxies. It reads the Secrets that they name, and keeps none."""

    def __init__(self, cluster: Cluster, book: ProxyBook, recorder: Recorder) -> None:
        self._cluster = cluster
        self._book = book
        self._recorder = recorder
        self._last: dict[str, LastTest] = {}
        """By uid, for those whose status could not be written: they must not be tested all the time."""
        self._running: set[str] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                now = datetime.now(UTC)
                known = set()
                for key, proxy in self._book:
                    uid = proxy.metadata.uid
                    known.add(uid)
                    if uid not in self._running and due(proxy, self._last.get(uid) or last_test(proxy), now):
                        self._running.add(uid)
                        group.create_task(self._look(key, uid))
                self._last = {uid: last for uid, last in self._last.items() if uid in known}
                await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _look(self, key: Key, uid: str) -> None:
        try:
            async with self._room:
                proxy = self._book.get(key)
                if proxy is not None and proxy.metadata.uid == uid:
                    await self._test(key, proxy)
        except (ClusterError, OSError, TimeoutError) as error:
            if isinstance(error, ClusterError) and error.status in _GONE:
                return
            log.warning("proxy_status_not_written", proxy=str(key), cause=str(error) or type(error).__name__)
        except Exception:
            # One Proxy must not end the tests of all others, let alone the operator.
            log.exception("proxy_not_tested", proxy=str(key))
        finally:
            self._running.discard(uid)

    async def _test(self, key: Key, proxy: Proxy) -> None:
        try:
            outcome = await self._outcome(proxy)
        finally:
            now = datetime.now(UTC)
            self._last[proxy.metadata.uid] = LastTest(now, proxy.metadata.generation, requested(proxy))
        told = event(proxy, outcome)
        applied = await self._cluster.apply(
            {
                "apiVersion": proxy.api_version,
                "kind": proxy.kind,
                "metadata": {"name": key.name, "namespace": key.namespace, "uid": proxy.metadata.uid},
                "status": status(proxy, outcome, now),
            },
            status=True,
        )
        self._book.put(applied)
        if told is not None:
            self._recorder.tell(proxy, told)
            log.info("proxy_tested", proxy=str(key), reason=outcome.reason.value, cause=outcome.message)

    async def _outcome(self, proxy: Proxy) -> Outcome:
        reference = proxy.spec.url_secret_ref
        secret = await self._cluster.get(SECRET, proxy.metadata.namespace, reference.name)
        if secret is None:
            return Outcome(ProxyReason.SECRET_MISSING, f"spec.urlSecretRef: there is no Secret {reference.name!r}")
        encoded = secret.get("data", {}).get(reference.key)
        if encoded is None:
            words = f"spec.urlSecretRef: the Secret {reference.name!r} has no key {reference.key!r}"
            return Outcome(ProxyReason.SECRET_MISSING, words)
        try:
            url = base64.b64decode(encoded).decode()
        except (binascii.Error, UnicodeDecodeError):
            return Outcome(ProxyReason.URL_INVALID, "the Secret's value is not text")
        return await fetch(url, proxy.spec.test)

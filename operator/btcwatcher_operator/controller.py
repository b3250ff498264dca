"""The loop around reconcile: events mark Strategies dirty, workers reconcile them, lists repair what watches lost."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator

import structlog

from btcwatcher_operator.backoff import EndlessBackoff
from btcwatcher_operator.brake import Brake
from btcwatcher_operator.cluster import PASSING, Cluster, ClusterError
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.fleet.book import SwitchBook
from btcwatcher_operator.fleet.steward import Steward
from btcwatcher_operator.live import SELECTOR, LiveNamespaces
from btcwatcher_operator.metrics import Metrics, Result
from btcwatcher_operator.ports import PortPool, PortPoolExhaustedError
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.reconciler import Reconciler
from btcwatcher_operator.resources import (
    CHILD_SELECTOR,
    CHILDREN,
    CLUSTER_FLEET_SWITCH,
    CONFIG_MAP,
    EXCHANGE,
    NAMESPACE,
    OPTIONAL,
    POD,
    POD_SELECTOR,
    PROXY,
    SHARED,
    STRATEGY,
    SWITCHES,
    Object,
    Resource,
)
from btcwatcher_operator.shared_objects import ASKED_AGAIN_SECONDS, SharedObjects
from btcwatcher_operator.store import Key, Store, age_of, owner_of, shared_key
from btcwatcher_operator.workqueue import WorkQueue

log = structlog.get_logger()

WATCHED = ((STRATEGY, ""), *((child, CHILD_SELECTOR) for child in (*CHILDREN, *SHARED)), (POD, POD_SELECTOR))
"""What is cached, with the label selector it is listed and watched by. Strategies first: they hold the ports."""

_SWITCH_KINDS = {resource.kind for resource in SWITCHES}

REPAIR_DELAY_SECONDS = 0.5


class Controller:
    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        proxies: ProxyBook,
        exchanges: ExchangeBook,
        switches: SwitchBook,
        ports: PortPool[Key],
        brake: Brake,
        live: LiveNamespaces,
        reconciler: Reconciler,
        shared: SharedObjects,
        metrics: Metrics,
        *,
        workers: int,
        resync_seconds: float,
        namespaces: tuple[str, ...] = (),
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._proxies = proxies
        self._exchanges = exchanges
        self._switches = switches
        self._steward: Steward | None = None
        self._ports = ports
        self._brake = brake
        self._live = live
        self._reconciler = reconciler
        self._shared = shared
        self._workers = workers
        self._resync_seconds = resync_seconds
        self._namespaces = namespaces
        self._metrics = metrics
        self.absent: set[Resource] = set()
        """Optional kinds that the cluster did not know when it was last asked; there is nothing to watch."""
        self._queue: WorkQueue[Key] = WorkQueue(metrics)
        self._to_list: set[Resource] = set()
        self._began_anew = asyncio.Event()
        metrics.watch(store, ports, brake, lambda: len(self._queue))

    def observe(self, event_type: str | None, obj: Object) -> None:
        """Takes in one watch event (None: an object that was there when the watch began)."""
        if obj["kind"] == CONFIG_MAP.kind:
            self._config_map_changed(obj)
            return
        if obj["kind"] == PROXY.kind:
            if self._proxies.remove(obj) if event_type == "DELETED" else self._proxies.put(obj):
                self._proxies_changed({Key(obj["metadata"]["namespace"], obj["metadata"]["name"])})
            return
        if obj["kind"] == EXCHANGE.kind:
            if self._exchanges.remove(obj) if event_type == "DELETED" else self._exchanges.put(obj):
                self._exchanges_changed({obj["metadata"]["name"]})
            return
        if obj["kind"] in _SWITCH_KINDS:
            if self._switches.remove(obj) if event_type == "DELETED" else self._switches.put(obj):
                self._switches_changed()
            return
        if obj["kind"] == NAMESPACE.kind:
            if self._live.observe(event_type, obj):
                self._namespace_changed(obj["metadata"]["name"])
            return
        changed = self._store.remove(obj) if event_type == "DELETED" else self._store.put(obj)
        key = owner_of(obj)
        if changed and key is not None:
            self._touched(key)

    def _touched(self, key: Key) -> None:
        self._queue.add(key)
        # The namespace's last one may be gone, or the last pod that it left.
        if key.name and not self._store.has_strategy(key):
            self._queue.add(shared_key(key.namespace))

    def listed(self, resource: Resource) -> None:
        """A watch began anew with a LIST. What was deleted since it broke is told by no event: we list as well."""
        self._to_list.add(resource)
        self._began_anew.set()

    async def load(self) -> None:
        """Lists everything: what the watches show later is compared with this, so a restart writes nothing.

        Also makes the port pool again from the Strategies' status, before any port is given out.
        """
        await self._load_namespaces()
        await self._load_proxies()
        await self._load_exchanges()
        # Before any Strategy is reconciled: one that is held must not be let go for a moment.
        await self._load_switches()
        for resource, selector in WATCHED:
            await self._load(resource, selector)
            # Before anything else is listed, let alone reconciled.
            if resource == STRATEGY:
                self._claim_ports()
        self._switches_changed()

    async def _load_namespaces(self) -> None:
        """Where live trading is allowed; nowhere, where the operator may not know."""
        try:
            found = await self._list(NAMESPACE, SELECTOR, None)
        except ClusterError as error:
            if error.status != 403:
                raise
            log.warning("live_trading_refused_everywhere", cause=str(error))
            changed = self._live.replace([], readable=False)
            self.absent.add(NAMESPACE)
        else:
            changed = self._live.replace(found[0] if found else [])
        for name in changed:
            self._namespace_changed(name)

    async def _load_proxies(self) -> None:
        for namespace in self._namespaces or (None,):
            if (found := await self._list(PROXY, "", namespace)) is not None:
                self._proxies_changed(self._proxies.replace(*found, namespace))

    async def _load_exchanges(self) -> None:
        """None, where the operator may not know: then bots ask their exchanges themselves."""
        try:
            found = await self._list(EXCHANGE, "", None)
        except ClusterError as error:
            if error.status != 403:
                raise
            log.warning("exchanges_not_known", cause=str(error))
            self.absent.add(EXCHANGE)
        else:
            if found is not None:
                self._exchanges_changed(self._exchanges.replace(*found))

    async def _load_switches(self) -> None:
        changed = False
        for resource in SWITCHES:
            of_the_cluster = resource == CLUSTER_FLEET_SWITCH
            for namespace in (None,) if of_the_cluster else self._namespaces or (None,):
                try:
                    found = await self._list(resource, "", namespace)
                except ClusterError as error:
                    if error.status != 403 or not (of_the_cluster and self._namespaces):
                        raise
                    # Looking after a few namespaces only, it need not have rights on the cluster's own objects.
                    log.info("cluster_fleet_switches_not_followed", cause=str(error))
                    self.absent.add(resource)
                    found = None
                if found is not None and self._switches.replace(*found, resource.kind, namespace):
                    changed = True
        if changed:
            self._switches_changed()

    def _switches_changed(self) -> None:
        if self._steward is not None:
            self._steward.switches_changed()

    def served_by(self, steward: Steward) -> None:
        """Who carries the fleet switches out; before `load`."""
        self._steward = steward

    def wake(self, key: Key) -> None:
        """Has a Strategy reconciled."""
        self._queue.add(key)

    async def _load(self, resource: Resource, selector: str) -> None:
        for namespace in self._namespaces or (None,):
            found = await self._list(resource, selector, namespace)
            if found is None:
                break
            listed, version = found
            for key in self._store.replace(resource, listed, version, namespace):
                self._touched(key)

    async def _list(self, resource: Resource, selector: str, namespace: str | None) -> tuple[list[Object], str] | None:
        """A LIST; None where the cluster does not know an optional kind. Goes on until the API server answers."""
        delays = iter(EndlessBackoff())
        while True:
            try:
                found = await self._cluster.list(resource, selector, namespace)
            except ClusterError as error:
                if error.status == 404 and resource in OPTIONAL:
                    self.absent.add(resource)
                    return None
                if not error.passes:
                    raise
                await self._wait(resource, error, next(delays), error.retry_after)
            except PASSING as error:
                await self._wait(resource, error, next(delays))
            else:
                self.absent.discard(resource)
                return found

    async def _wait(self, resource: Resource, error: Exception, delay: float, at_least: float | None = None) -> None:
        delay = max(delay, at_least or 0.0)
        cause = str(error) or type(error).__name__
        log.warning("list_failed", kind=resource.kind, cause=cause, retry_in_seconds=round(delay, 2))
        await asyncio.sleep(delay)

    def _claim_ports(self) -> None:
        """Each Strategy the port of its status, of two with the same one the older; then those without one."""
        known = [strategy for key in self._store.strategies() if (strategy := self._store.strategy(key))]
        without = []
        for item in sorted(known, key=age_of):
            metadata = item["metadata"]
            key = Key(metadata["namespace"], metadata["name"])
            port = item.get("status", {}).get("port")
            if (port is None or not self._ports.claim(key, port)) and not metadata.get("deletionTimestamp"):
                without.append((age_of(item), key))
        for age, key in without:
            with contextlib.suppress(PortPoolExhaustedError):
                self._ports.allocate(key, age)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resync())
            group.create_task(self._release_brake())
            group.create_task(self._repair())
            for _ in range(self._workers):
                group.create_task(self._work())

    async def settled(self) -> None:
        """Waits until every Strategy that `load` found was looked at once."""
        await self._queue.idle()

    async def _release_brake(self) -> None:
        """Whose turn it is in a roll-out can be said once every Strategy was looked at."""
        await self.settled()
        self._brake.know()
        for key in self._brake.woken():
            self._queue.add(key)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._resync_seconds * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
            try:
                await self.load()
            except ClusterError as error:
                log.warning("resync_failed", cause=str(error))
            for key in self._store.strategies():
                self._queue.add(key)

    async def _repair(self) -> None:
        """Lists the kinds whose watches began anew."""
        while True:
            await self._began_anew.wait()
            # Watches break together, and a LIST has many pages.
            await asyncio.sleep(REPAIR_DELAY_SECONDS)
            self._began_anew.clear()
            stale, self._to_list = self._to_list, set()
            try:
                await self._load_stale(stale)
            except ClusterError as error:
                log.warning("repair_failed", kinds=sorted(resource.kind for resource in stale), cause=str(error))

    async def _load_stale(self, stale: set[Resource]) -> None:
        if NAMESPACE in stale:
            await self._load_namespaces()
        if PROXY in stale:
            await self._load_proxies()
        if EXCHANGE in stale:
            await self._load_exchanges()
        if not stale.isdisjoint(SWITCHES):
            await self._load_switches()
        for resource, selector in WATCHED:
            if resource in stale:
                await self._load(resource, selector)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            begun = time.monotonic()
            result: Result = "success"
            try:
                again = await self._reconcile(key)
                if again is not None:
                    self._queue.add_after(key, again)
                self._queue.forget(key)
            except Exception as error:
                result = "requeue" if _somebody_was_first(error) else "error"
                self._failed(key, error)
            finally:
                self._metrics.reconciled(result, time.monotonic() - begun)
                self._queue.done(key)
                for other in (*self._ports.served(), *self._brake.woken()):
                    self._queue.add(other)
                for namespace in self._shared.woken():
                    self._namespace_changed(namespace)
                for namespace in self._shared.blocked():
                    self._queue.add_after(shared_key(namespace), ASKED_AGAIN_SECONDS)

    async def _reconcile(self, key: Key) -> float | None:
        """One pass over a Strategy, or over what a namespace's Strategies share."""
        if key.name:
            return await self._reconciler.reconcile(key)
        await self._shared.reconcile(key.namespace)
        return None

    def _failed(self, key: Key, error: Exception) -> None:
        at_least = error.retry_after or 0.0 if isinstance(error, ClusterError) else 0.0
        delay = self._queue.retry(key, at_least)
        known = isinstance(error, (ClusterError, *PASSING))
        if _somebody_was_first(error):
            log.debug("conflict", strategy=str(key), retry_in_seconds=round(delay, 2))
            return
        cause = str(error) or type(error).__name__
        log.warning(
            "reconcile_failed", strategy=str(key), cause=cause, retry_in_seconds=round(delay, 2), exc_info=not known
        )

    def _namespace_changed(self, name: str) -> None:
        for key in self._store.strategies():
            if key.namespace == name:
                self._queue.add(key)

    def _config_map_changed(self, config_map: Object) -> None:
        metadata = config_map["metadata"]
        for key, spec in self._specs(metadata["namespace"]):
            if (spec.get("source") or {}).get("configMapRef", {}).get("name") == metadata["name"]:
                self._queue.add(key)

    def _proxies_changed(self, proxies: set[Key]) -> None:
        for namespace in {proxy.namespace for proxy in proxies}:
            for key, spec in self._specs(namespace):
                references = spec.get("exchange", {}).get("proxyRefs", [])
                if any(Key(namespace, reference["name"]) in proxies for reference in references):
                    self._queue.add(key)

    def _exchanges_changed(self, exchanges: set[str]) -> None:
        for key, spec in self._specs() if exchanges else ():
            if spec.get("exchange", {}).get("name") in exchanges:
                self._queue.add(key)

    def _specs(self, namespace: str | None = None) -> Iterator[tuple[Key, Object]]:
        """The specs of the Strategies of a namespace, or of all."""
        for key in self._store.strategies():
            if namespace in (None, key.namespace):
                yield key, (self._store.strategy(key) or {}).get("spec", {})


def _somebody_was_first(error: Exception) -> bool:
    """A conflict: the newer object is on its way."""
    return isinstance(error, ClusterError) and error.status == 409

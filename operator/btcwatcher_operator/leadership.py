"""Which replica is the active one: whoever holds the Lease. All times are measured here, none is read from it."""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from btcwatcher_crds import names
from btcwatcher_operator.cluster import PASSING, Cluster, ClusterError
from btcwatcher_operator.fence import DeposedError, Fence
from btcwatcher_operator.resources import LEASE, Object

log = structlog.get_logger()

RENEWALS = 7.5
"""How many renewals a Lease lasts; with 15 s every two seconds, as Kubernetes' own controllers do."""
LONGEST_PERIOD_SECONDS = 2.0
"""Also between two looks of one that stands by: so long a hand-over takes, however long the Lease lasts."""
CERTAIN = 2 / 3
"""For what part of the Lease its holder relies on it. The rest is the margin for clocks that run differently."""
RELEASE_SECONDS = 2.0
"""How long a replica that ends tries to hand over; after that the Lease just runs out."""


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    namespace: str
    name: str
    seconds: float
    replica: str
    """Who we are among the replicas. One process after another may have the same name, never two at a time."""


class Leadership:
    """Acquires the Lease, keeps the fence open by renewing it, and hands it over."""

    def __init__(
        self, cluster: Cluster, settings: LeaseSettings, fence: Fence, wrote: Callable[[int], None] = lambda _: None
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._fence = fence
        self._wrote = wrote
        """Is told the resourceVersion of each write."""
        self._identity = f"{settings.replica}_{uuid.uuid4().hex[:8]}"
        self._version = ""
        self._transitions = 0
        self._acquired = ""
        # What the Lease said when it last changed, and when that was seen.
        self._seen: tuple[str, str] | None = None
        self._seen_at = 0.0
        self.active = False
        self.standing_by = False
        """Whether another replica is known to be active."""
        self._released = False

    async def acquire(self) -> None:
        """Waits until the Lease is ours. An API server that is away is waited for."""
        told = ""
        while True:
            try:
                holder = await self._try()
            except (ClusterError, *PASSING) as error:
                holder = ""
                log.warning("lease_not_read", cause=str(error) or type(error).__name__)
            self.standing_by = bool(holder) and not self.active
            if self.active:
                log.info("active", replica=self._identity)
                return
            if holder and holder != told:
                log.info("standing_by", replica=self._identity, active=holder)
                told = holder
            await asyncio.sleep(self._period * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    async def hold(self) -> None:
        """Renews until cancelled. Raises DeposedError when the Lease is lost or could not be renewed in time."""
        try:
            while True:
                renewed = await self._renew()
                # An attempt that failed is soon followed by the next.
                await asyncio.sleep(self._period if renewed else self._period / 4)
        finally:
            self.active = False

    async def release(self) -> None:
        """Hands over: from now on this process writes nothing."""
        self._fence.close()
        if not self._version or self._released:
            return
        self._released = True
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._put_down()
            log.info("released", replica=self._identity)
        except (ClusterError, DeposedError, *PASSING) as error:
            log.warning("lease_not_released", cause=str(error) or type(error).__name__)

    async def _put_down(self) -> None:
        while True:
            try:
                await self._put("", self._version)
            except ClusterError as error:
                # A renewal that was under way when we were told to end has arrived after all.
                if error.status != 409:
                    raise
                await self._still_ours()
            else:
                return

    @property
    def _period(self) -> float:
        return min(self._settings.seconds / RENEWALS, LONGEST_PERIOD_SECONDS)

    async def _try(self) -> str:
        """Takes the Lease if it is free; who has it otherwise."""
        begun = self._fence.clock()
        live = await self._cluster.get(LEASE, self._settings.namespace, self._settings.name)
        if live is None:
            self._acquired, self._transitions = _now(), 0
            try:
                made = await self._cluster.create(self._lease(self._identity), fenced=False)
            except ClusterError as error:
                if error.status != 409:
                    raise
                return ""
            self._ours(made, begun)
            return self._identity
        spec = live.get("spec", {})
        holder: str = spec.get("holderIdentity") or ""
        if not self._free(holder, spec):
            return holder
        self._acquired, self._transitions = _now(), int(spec.get("leaseTransitions") or 0) + 1
        try:
            taken = await self._put(self._identity, live["metadata"]["resourceVersion"])
        except ClusterError as error:
            if error.status != 409:
                raise
            return holder
        self._ours(taken, begun)
        return self._identity

    def _free(self, holder: str, spec: Object) -> bool:
        """Whether the Lease may be taken: released, ours from before, or not renewed while we watched that long."""
        if not holder or holder.rpartition("_")[0] == self._settings.replica:
            return True
        said = (holder, str(spec.get("renewTime")))
        if said != self._seen:
            self._seen, self._seen_at = said, self._fence.clock()
        lasts = float(spec.get("leaseDurationSeconds") or self._settings.seconds)
        return self._fence.clock() - self._seen_at > lasts

    async def _renew(self) -> bool:
        """One attempt; whether it succeeded. Raises DeposedError."""
        left = self._fence.seconds_left
        if left <= 0:
            raise DeposedError(f"the Lease could not be renewed for {self._settings.seconds * CERTAIN:.1f} s")
        begun = self._fence.clock()
        try:
            # A connection that is half open must not use up all the time there is.
            async with asyncio.timeout(min(left, 2 * self._period)):
                self._ours(await self._put(self._identity, self._version), begun)
        except ClusterError as error:
            if error.status == 409:
                return await self._still_ours()
            if error.status == 404:
                raise DeposedError("the Lease is gone") from error
            log.warning("lease_not_renewed", cause=str(error))
            return False
        except PASSING as error:
            log.warning("lease_not_renewed", cause=str(error) or type(error).__name__)
            return False
        return True

    async def _still_ours(self) -> bool:
        """After a conflict: a renewal whose answer was lost is no loss of the Lease. Never says it was renewed."""
        try:
            async with asyncio.timeout(2 * self._period):
                live = await self._cluster.get(LEASE, self._settings.namespace, self._settings.name)
        except (ClusterError, *PASSING) as error:
            log.warning("lease_not_read", cause=str(error) or type(error).__name__)
            return False
        holder = (live or {}).get("spec", {}).get("holderIdentity")
        if live is None or holder != self._identity:
            self._version = ""
            raise DeposedError(f"the Lease is held by {holder or 'nobody'} now")
        self._version = live["metadata"]["resourceVersion"]
        return False

    async def _put(self, holder: str, version: str) -> Object:
        lease = self._lease(holder)
        lease["metadata"]["resourceVersion"] = version
        return await self._cluster.replace(lease, fenced=False)

    def _ours(self, lease: Object, begun: float) -> None:
        """Counts from before the request: the API server may have dated it then."""
        self._version = lease["metadata"]["resourceVersion"]
        self._fence.open_until(begun + self._settings.seconds * CERTAIN)
        self.active = True
        self._wrote(int(self._version))

    def _lease(self, holder: str) -> Object:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {
                "name": self._settings.name,
                "namespace": self._settings.namespace,
                "labels": {
                    names.LABEL_MANAGED_BY: names.MANAGED_BY,
                    names.LABEL_COMPONENT: names.COMPONENT_OPERATOR,
                },
            },
            "spec": {
                "holderIdentity": holder,
                # Whole seconds, so rounded up: shorter would be taken too early.
                "leaseDurationSeconds": int(-(-self._settings.seconds // 1)),
                "acquireTime": self._acquired,
                "renewTime": _now(),
                "leaseTransitions": self._transitions,
            },
        }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

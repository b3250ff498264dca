"""Who may write, told by clocks that the tests move."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from btcwatcher_operator.canary import Canary
from btcwatcher_operator.cluster import ClusterError
from btcwatcher_operator.fence import DeposedError, Fence
from btcwatcher_operator.leadership import Leadership, LeaseSettings
from btcwatcher_operator.resources import Resource

Object = dict[str, Any]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class OneLease:
    """An API server that knows a single Lease and says what the real one would."""

    lease: Object | None = None
    version: int = 0
    lost_answers: int = 0
    away: bool = False
    writes: list[str] = field(default_factory=list)

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        self._reach()
        return copy.deepcopy(self.lease)

    async def create(self, obj: Object, *, fenced: bool = True) -> Object:
        self._reach()
        if self.lease is not None:
            raise ClusterError(409, "AlreadyExists", "it is there")
        return self._store(obj)

    async def replace(self, obj: Object, *, fenced: bool = True) -> Object:
        self._reach()
        if self.lease is None:
            raise ClusterError(404, "NotFound", "it is gone")
        if obj["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ClusterError(409, "Conflict", "there is a newer one")
        return self._store(obj)

    def _reach(self) -> None:
        if self.away:
            raise ConnectionResetError

    def _store(self, obj: Object) -> Object:
        self.version += 1
        self.lease = copy.deepcopy(obj)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        self.writes.append(obj["spec"]["holderIdentity"].rpartition("_")[0])
        if self.lost_answers:
            self.lost_answers -= 1
            raise TimeoutError
        return copy.deepcopy(self.lease)


def replica(server: OneLease, name: str, clock: Clock, seconds: float = 15) -> tuple[Leadership, Fence]:
    fence = Fence(clock)
    settings = LeaseSettings("btcwatcher", "btcwatcher-operator", seconds, name)
    return Leadership(server, settings, fence), fence  # type: ignore[arg-type]


async def test_the_first_is_active_and_the_second_stands_by() -> None:
    server, clock = OneLease(), Clock()
    first, open_fence = replica(server, "a", clock)
    second, closed_fence = replica(server, "b", clock)
    await first.acquire()
    open_fence.check()
    assert (await second._try()).startswith("a_")
    assert not second.active
    with pytest.raises(DeposedError):
        closed_fence.check()


async def test_the_fence_closes_before_another_may_take_the_lease() -> None:
    server, clock = OneLease(), Clock()
    first, fence = replica(server, "a", clock)
    second, _ = replica(server, "b", clock)
    await first.acquire()
    await second._try()
    clock.now += 10.1
    with pytest.raises(DeposedError):
        fence.check()
    await second._try()
    assert not second.active, "a third of the Lease is left"
    clock.now += 5
    await second._try()
    assert second.active
    with pytest.raises(DeposedError):
        await first._renew()


async def test_renewing_keeps_the_fence_open_and_the_others_away() -> None:
    server, clock = OneLease(), Clock()
    first, fence = replica(server, "a", clock)
    second, _ = replica(server, "b", clock)
    await first.acquire()
    for _ in range(10):
        clock.now += 8
        assert await first._renew()
        await second._try()
        fence.check()
    assert not second.active


async def test_a_time_written_by_a_wrong_clock_says_nothing() -> None:
    """The holder's clock jumps by years; only whether the Lease changes counts, by the clock of who looks."""
    server, clock = OneLease(), Clock()
    first, _ = replica(server, "a", clock)
    second, _ = replica(server, "b", clock)
    await first.acquire()
    for year in ("1999", "2099"):
        assert server.lease is not None
        server.lease["spec"]["renewTime"] = f"{year}-01-01T00:00:00.000000Z"
        await second._try()
        clock.now += 14
        await second._try()
        assert not second.active
    clock.now += 2
    await second._try()
    assert second.active


async def test_a_released_lease_is_taken_at_once() -> None:
    server, clock = OneLease(), Clock()
    first, fence = replica(server, "a", clock)
    second, _ = replica(server, "b", clock)
    await first.acquire()
    await first.release()
    with pytest.raises(DeposedError):
        fence.check()
    await second._try()
    assert second.active
    await first.release()
    assert server.writes == ["a", "", "b"], "it is released once, and never when it is another's"


async def test_a_process_started_again_goes_on_at_once() -> None:
    server, clock = OneLease(), Clock()
    before, _ = replica(server, "a", clock)
    await before.acquire()
    after, _ = replica(server, "a", clock)
    await after.acquire()
    assert after.active
    # A second one of the same name, which must not be: the older finds out with its next renewal.
    with pytest.raises(DeposedError):
        await before._renew()


async def test_a_renewal_whose_answer_was_lost_loses_nothing() -> None:
    server, clock = OneLease(), Clock()
    first, fence = replica(server, "a", clock)
    await first.acquire()
    server.lost_answers = 1
    assert not await first._renew()
    clock.now += 1
    assert not await first._renew(), "a conflict with itself"
    assert await first._renew()
    clock.now += 9
    fence.check()


async def test_without_an_api_server_it_deposes_itself() -> None:
    server, clock = OneLease(), Clock()
    first, fence = replica(server, "a", clock)
    await first.acquire()
    server.away = True
    clock.now += 9
    assert not await first._renew()
    fence.check()
    clock.now += 1.5
    with pytest.raises(DeposedError, match="could not be renewed"):
        await first._renew()


async def test_a_lease_that_was_deleted_is_lost() -> None:
    server, clock = OneLease(), Clock()
    first, _ = replica(server, "a", clock)
    await first.acquire()
    server.lease = None
    with pytest.raises(DeposedError, match="gone"):
        await first._renew()


def test_a_canary_that_is_not_seen_dies() -> None:
    clock = Clock()
    canary = Canary(150, clock)
    assert canary.alive
    canary.wrote(7)
    clock.now += 100
    canary.wrote(8)
    canary.saw(7)
    clock.now += 100
    assert canary.alive, "what was written last is 100 s old"
    clock.now += 60
    assert not canary.alive
    canary.saw(9)
    assert canary.alive


def test_a_canary_that_cannot_be_written_does_not_die() -> None:
    """An API server that is away is no reason to start the operator again."""
    clock = Clock()
    canary = Canary(150, clock)
    canary.wrote(7)
    canary.saw(7)
    clock.now += 10_000
    assert canary.alive


async def test_it_is_released_although_a_renewal_arrives_at_the_last_moment() -> None:
    server, clock = OneLease(), Clock()
    first, _ = replica(server, "a", clock)
    await first.acquire()
    server.lost_answers = 1
    assert not await first._renew()
    await first.release()
    assert server.lease is not None
    assert server.lease["spec"]["holderIdentity"] == ""

"""Two replicas of the operator: one works, the other goes on in its place, and nothing is written twice."""

from __future__ import annotations

import contextlib
import signal
import time
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support.faultproxy import FaultProxy, Gate, Rule
from support.faults import cut_before, deaf
from support.kubectl import until
from support.operator_fork import Supervised
from support.world import World, environment, install_crds, quiet, until_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aiohttp import web

    from support.apiservers import ApiServer
    from support.faultproxy import Exchange, Seen
    from support.operator_fork import Forge

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

SHORT = "8"
LONG = "120"
"""Lease in seconds: one that runs out while a test waits, and one that does not."""

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/btcwatcher-operator"


class Replicas:
    """The replicas "a" and "b", each behind a proxy of its own."""

    def __init__(self, first: World, second: World) -> None:
        self.worlds = {"a": first, "b": second}
        self.server = first.server

    def active(self) -> str:
        """Which one holds the Lease; empty for none."""
        answer = self.server.call("GET", LEASE.format(self.worlds["a"].namespace))
        holder = answer.json()["spec"].get("holderIdentity") if answer.status_code == 200 else ""
        return str(holder or "").rpartition("_")[0]

    def both(self) -> tuple[World, World]:
        """The active one and the other, once there is an active one."""
        name = until(self.active, "a replica is active")
        return self.worlds[name], self.worlds["b" if name == "a" else "a"]

    def becomes_active(self, world: World) -> None:
        (name,) = [name for name, one in self.worlds.items() if one is world]
        until(lambda: self.active() == name, f"replica {name} is active", 60)

    def writes(self, name: str) -> list[str]:
        return [one.word for world in self.worlds.values() for one in world.writes(name)]


@contextlib.contextmanager
def running(server: ApiServer, forge: Forge, place: Path, seconds: str) -> Iterator[Replicas]:
    install_crds(server)
    namespace = f"replicas-{uuid.uuid4().hex[:6]}"
    server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    with contextlib.ExitStack() as stack:
        worlds = []
        for name in ("a", "b"):
            folder = place / name
            folder.mkdir()
            proxy = stack.enter_context(FaultProxy(server.kubeconfig))
            proxy.write_kubeconfig(folder / "kubeconfig")
            env = environment(folder, namespace, REPLICA=name, LEASE_SECONDS=seconds)
            operator = stack.enter_context(Supervised(forge, env, folder / "operator.log"))
            worlds.append(World(server, proxy, forge, namespace, folder, operator))
        yield Replicas(*worlds)


@pytest.fixture
def short(api_server: ApiServer, forge: Forge, tmp_path: Path) -> Iterator[Replicas]:
    with running(api_server, forge, tmp_path, SHORT) as replicas:
        yield replicas


@pytest.fixture
def long(api_server: ApiServer, forge: Forge, tmp_path: Path) -> Iterator[Replicas]:
    with running(api_server, forge, tmp_path, LONG) as replicas:
        yield replicas


def test_only_the_active_one_writes(long: Replicas, new_name: Callable[[], str]) -> None:
    active, other = long.both()
    name = new_name()
    active.make(name)
    active.converged(name)
    quiet(lambda: long.writes(name), 7)
    assert other.writes() == []


def test_the_other_goes_on_when_the_active_one_is_killed(short: Replicas, new_name: Callable[[], str]) -> None:
    active, other = short.both()
    before, after = new_name(), new_name()
    active.make(before)
    active.converged(before)
    active.operator.end(signal.SIGKILL)
    active.make(after)
    short.becomes_active(other)
    other.converged(after)
    other.converged(before)
    quiet(lambda: short.writes(after), 7)
    assert other.writes(before) == [], "what is as it should be is not written again"


def test_the_active_one_hands_over_when_it_is_told_to_end(long: Replicas, new_name: Callable[[], str]) -> None:
    """With a Lease of two minutes: nobody waits for it to run out."""
    active, other = long.both()
    name = new_name()
    active.operator.end(signal.SIGTERM)
    active.make(name)
    long.becomes_active(other)
    other.converged(name)
    quiet(lambda: long.writes(name), 7)
    log = active.operator.log.read_text()
    assert '"released"' in log
    assert "Traceback" not in log


def test_killed_between_two_writes_it_is_finished_by_the_other(short: Replicas, new_name: Callable[[], str]) -> None:
    active, other = short.both()
    name = new_name()

    async def killed(exchange: Exchange) -> web.StreamResponse:
        active.operator.end(signal.SIGKILL)
        return exchange.cut()

    active.proxy.arm(Rule(lambda seen: seen.word == f"create statefulsets/{name}", killed))
    active.make(name)
    short.becomes_active(other)
    other.converged(name)
    # The one that never arrived is counted too.
    quiet(lambda: short.writes(name), 8)


def test_one_that_was_stopped_wakes_up_deposed(short: Replicas, new_name: Callable[[], str]) -> None:
    """A frozen process, as on a node that stalls: when it goes on it must know, and write nothing."""
    active, other = short.both()
    active.operator.pause()
    short.becomes_active(other)
    name = new_name()
    other.make(name)
    other.converged(name)
    starts = active.operator.starts
    active.operator.go_on()
    until(lambda: active.operator.starts > starts, "the deposed one ends", 30)
    assert active.writes() == []
    other.converged(name)
    quiet(lambda: short.writes(name), 7)


def leases(seen: Seen) -> bool:
    return seen.plural == "leases" and seen.write


@pytest.mark.parametrize(
    "late",
    [
        "patch statefulsets/X",
        *(
            pytest.param(point, marks=pytest.mark.full)
            for point in ("patch statefulsets/X (hand over)", "delete ingresses/X", "patch strategies/X/status")
        ),
    ],
)
def test_a_late_write_of_a_deposed_one_is_harmless(short: Replicas, new_name: Callable[[], str], late: str) -> None:
    """Its request is on the way while another one becomes active and the spec changes once more; then it arrives."""
    active, other = short.both()
    name = new_name()
    active.make(name)
    active.converged(name)
    gate = Gate()
    held = active.proxy.arm(Rule(lambda seen: seen.word == late.replace("X", name), gate.fault))
    active.change(name, {"timeframe": "15m", "expose": {"enabled": False}})
    assert gate.reached.wait(20), [one.word for one in active.writes(name)]
    # From here on it cannot renew.
    active.proxy.arm(Rule(leases, cut_before, times=10_000))
    short.becomes_active(other)
    other.change(name, {"timeframe": "1h", "expose": {"enabled": True}})
    other.converged(name)
    generation = other.children(name)["StatefulSet", name]["metadata"]["generation"]
    gate.open()
    assert held.struck.wait(20)
    time.sleep(0.5)
    other.converged(name)
    assert other.children(name)["StatefulSet", name]["metadata"]["generation"] == generation, "no bot is restarted"
    until(lambda: active.operator.starts > 1, "the deposed one ends", 30)
    until_empty(lambda: other.divergence(name), "nobody undoes it", 5, other.operator.log)


def test_without_a_renewal_the_active_one_stops_writing(short: Replicas, new_name: Callable[[], str]) -> None:
    """Only its Lease cannot be reached: it gives up before the other takes over, although it could write."""
    active, other = short.both()
    active.proxy.arm(Rule(leases, cut_before, times=10_000))
    until(lambda: active.operator.starts > 1, "it ends", 30)
    short.becomes_active(other)
    name = new_name()
    other.make(name)
    other.converged(name)
    assert active.writes(name) == []
    quiet(lambda: short.writes(name), 7)


def test_a_canary_that_no_watch_brings_back_fails_the_liveness_probe(
    api_server: ApiServer, forge: Forge, tmp_path: Path
) -> None:
    """All other watches are well: only what the operator itself writes does not come back."""
    install_crds(api_server)
    namespace = f"canary-{uuid.uuid4().hex[:6]}"
    api_server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    port = free_port()
    with FaultProxy(api_server.kubeconfig) as proxy:
        proxy.write_kubeconfig(tmp_path / "kubeconfig")
        env = environment(
            tmp_path, namespace, METRICS_PORT=str(port), METRICS_ADDRESS="127.0.0.1", LEASE_SECONDS=SHORT,
            CANARY_SECONDS="2", WATCH_TIMEOUT_SECONDS="600", REPLICA="only",
        )  # fmt: skip

        def health(path: str) -> int:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}{path}").status_code
            return 0

        with Supervised(forge, env, tmp_path / "operator.log"):
            until(lambda: health("/readyz") == 200, "it is ready", 30)
            time.sleep(3)
            assert health("/healthz") == 200
            proxy.arm(Rule(lambda seen: seen.verb == "watch" and seen.plural == "leases", deaf, times=100))
            proxy.break_watches()
            until(lambda: health("/healthz") == 503, "the canary is missed", 30)
            assert "not seen by a watch" in httpx.get(f"http://127.0.0.1:{port}/healthz").text

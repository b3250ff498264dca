"""A change of the platform reaches thirty Strategies a few at a time, and stops when the first ones fail with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from btcwatcher_local.loopback import free_port
from btcwatcher_operator.brake import STOP_AFTER
from support.bulk import Bulk
from support.fleet import Fleet, image_of
from support.kubectl import Kubectl
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance, pytest.mark.timeout(400)]

NAMES = [f"s{number:02}" for number in range(30)]
AT_ONCE = 3


class Rollouts:
    """Thirty Strategies under an operator that is started with one image after the other."""

    def __init__(self, kubectl: Kubectl, namespace: str, folder: Path, bulk: Bulk) -> None:
        self.fleet = Fleet(bulk, namespace)
        self.bulk = bulk
        self.namespace = namespace
        self._operator = Operator(kubectl, namespace, folder)
        self._metrics_port = free_port()
        self.names: list[str] = []
        """The oldest first: they are made side by side, and may fall into several seconds."""

    @staticmethod
    def ages(strategies: list[Object]) -> dict[str, tuple[str, str]]:
        stamps = {one["metadata"]["name"]: one["metadata"]["creationTimestamp"] for one in strategies}
        return {name: (stamp, name) for name, stamp in stamps.items()}

    async def start(self, image: str) -> None:
        self.stop()
        starts = self._said("loaded")
        self._operator.start(
            bot_image=image, rollout_percent="10", metrics_port=str(self._metrics_port), metrics_address="127.0.0.1"
        )
        await self.until(lambda: self._said("loaded") > starts, "the operator has begun")

    def stop(self) -> None:
        if self._operator.running:
            self._operator.kill()

    def _said(self, event: str) -> int:
        log = self._operator.log
        return log.read_text().count(f'"event": "{event}"') if log.exists() else 0

    async def metric(self, series: str) -> float | None:
        """Its value; None while the operator is not ready."""
        try:
            async with httpx.AsyncClient() as client:
                if (await client.get(f"http://127.0.0.1:{self._metrics_port}/readyz")).status_code != 200:
                    return None
                text = (await client.get(f"http://127.0.0.1:{self._metrics_port}/metrics")).text
        except httpx.TransportError:
            return None
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{series} ")), None)

    async def until(self, look: Callable[[], object | Awaitable[object]], what: str, seconds: float = 90) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            seen = look()
            if isinstance(seen, Awaitable):
                seen = await seen
            if seen:
                return
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.1)

    async def all_run(self, image: str) -> bool:
        """Plays on; whether every bot is ready with the image, and nothing waits."""
        await self.fleet.step()
        strategies = await self.fleet.listed("Strategy")
        return all(
            reason(one) == "Running" and not reason(one, "ConfigDrift") and one["status"]["image"] == image
            for one in strategies
        )

    async def reasons(self, kind: str = "ConfigDrift") -> dict[str, str]:
        return {one["metadata"]["name"]: reason(one, kind) for one in await self.fleet.listed("Strategy")}

    async def versions(self) -> dict[str, str]:
        kinds = ("Strategy", "StatefulSet", "Secret", "Service", "Job")
        found = [obj for kind in kinds for obj in await self.fleet.listed(kind)]
        return {f"{obj['kind']}/{obj['metadata']['name']}": obj["metadata"]["resourceVersion"] for obj in found}


def reason(strategy: Object, kind: str = "Ready") -> str:
    conditions = strategy.get("status", {}).get("conditions", [])
    return next((one["reason"] for one in conditions if one["type"] == kind), "")


@pytest_asyncio.fixture
async def rollouts(kubectl: Kubectl, namespace: str, manifest: Object, tmp_path: Path) -> AsyncIterator[Rollouts]:
    """All are Ready with the image bot:1."""
    async with Bulk(kubectl.kubeconfig) as bulk:
        made = Rollouts(kubectl, namespace, tmp_path, bulk)
        try:
            await made.start("bot:1")
            await bulk.create({**manifest, "metadata": {"name": name, "namespace": namespace}} for name in NAMES)
            await made.until(lambda: made.all_run("bot:1"), "all are Ready")
            made.names = sorted(NAMES, key=made.ages(await made.fleet.listed("Strategy")).__getitem__)
            yield made
        finally:
            made.stop()


async def test_a_few_at_a_time_the_oldest_first(rollouts: Rollouts) -> None:
    fleet, names = rollouts.fleet, rollouts.names
    assert not fleet.begun, "a first start needs no trial"
    await rollouts.start("bot:2")

    async def waiting() -> bool:
        await fleet.look()
        reasons = list((await rollouts.reasons()).values())
        return reasons.count("PreflightRunning") == AT_ONCE and reasons.count("RolloutWaiting") == 30 - AT_ONCE

    await rollouts.until(waiting, "three are tried, the others say that they wait")
    assert sorted(fleet.begun_with("bot:2")) == sorted(names[:AT_ONCE])
    assert await rollouts.metric('btcwatcher_rollout_strategies{part="waiting"}') == 30 - AT_ONCE

    # A change of one Strategy's own has its trial at once.
    await rollouts.bulk.patch("Strategy", rollouts.namespace, names[-1], {"spec": {"timeframe": "15m"}})

    async def tried() -> bool:
        await fleet.look()
        return names[-1] in fleet.begun_with("bot:2")

    await rollouts.until(tried, "its own change is tried")

    async def done() -> bool:
        finished = await rollouts.all_run("bot:2")
        await fleet.look()
        order = [name for name in fleet.begun_with("bot:2") if name != names[-1]]
        assert len({key.split()[1] for key in fleet.under_way("bot:2")} - {names[-1]}) <= AT_ONCE
        older = set(names[: max(names.index(name) for name in order) + 1])
        assert len(older - set(order)) < AT_ONCE, "none is passed over"
        return finished

    await rollouts.until(done, "all have it", 150)
    assert await rollouts.metric('btcwatcher_rollout_strategies{part="done"}') == 29
    assert await rollouts.metric("btcwatcher_rollout_stopped") == 0

    # The same again is no change.
    await rollouts.until(lambda: rollouts.all_run("bot:2"), "all is said")
    before = await rollouts.versions()
    await rollouts.start("bot:2")
    await rollouts.until(lambda: is_zero(rollouts.metric("btcwatcher_rollout_stopped")), "it is ready")
    assert await rollouts.metric('btcwatcher_rollout_strategies{part="waiting"}') == 0
    assert await rollouts.versions() == before, "a restart with the same settings writes nothing"


async def is_zero(value: Awaitable[float | None]) -> bool:
    return await value == 0


@pytest.mark.parametrize("image", ["bot:refuses", "bot:dies"])
async def test_it_stops_when_the_first_ones_fail(rollouts: Rollouts, image: str) -> None:
    fleet, names = rollouts.fleet, rollouts.names
    await rollouts.start(image)

    async def stopped() -> bool:
        await fleet.step()
        return (await rollouts.reasons())[names[-1]] == "RolloutStopped"

    await rollouts.until(stopped, "the youngest says that it is stopped")
    attempted = fleet.begun_with(image)
    assert STOP_AFTER <= len(attempted) < STOP_AFTER + AT_ONCE
    assert set(attempted) <= set(names[: STOP_AFTER + AT_ONCE])
    assert await rollouts.metric("btcwatcher_rollout_stopped") == 1
    (youngest,) = [one for one in await fleet.listed("Strategy") if one["metadata"]["name"] == names[-1]]
    message = next(one["message"] for one in youngest["status"]["conditions"] if one["type"] == "ConfigDrift")
    assert f"{rollouts.namespace}.{names[0]}" in message, "it names who failed"
    assert reason(youngest) == "Running", "it trades on"
    assert not reason(youngest, "Stalled"), "it is none the worse for it"

    # One Strategy's own change does not wait behind it.
    await rollouts.bulk.patch("Strategy", rollouts.namespace, names[20], {"spec": {"timeframe": "15m"}})

    async def tried() -> bool:
        await fleet.look()
        return names[20] in fleet.begun_with(image)

    await rollouts.until(tried, "its own change is tried")

    async def all_others_say_so() -> bool:
        # Who had its turn when the third one failed has a Job by now.
        await fleet.look()
        said = list((await rollouts.reasons()).values()).count("RolloutStopped")
        return said == 30 - len(fleet.begun_with(image))

    await rollouts.until(all_others_say_so, "all others say so")
    begun = set(fleet.begun_with(image))
    assert len(begun - {names[20]}) < STOP_AFTER + AT_ONCE

    # A new process knows.
    await rollouts.start(image)
    await rollouts.until(lambda: rollouts.metric("btcwatcher_rollout_stopped"), "it is still stopped")
    await fleet.step()
    assert set(fleet.begun_with(image)) == begun

    # What mends it goes to all.
    await rollouts.start("bot:3")
    await rollouts.until(lambda: rollouts.all_run("bot:3"), "all have the mended one", 150)
    images = {image_of(one) for one in await fleet.listed("StatefulSet")}
    assert images == {"bot:3"}
    assert json.dumps(await rollouts.reasons()).count("Rollout") == 0

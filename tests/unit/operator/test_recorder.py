import asyncio
import contextlib
from typing import Any, cast

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.events import Event
from btcwatcher_operator.recorder import WAITING_AT_MOST, Recorder

STRATEGY = Strategy.model_validate(
    {
        "metadata": {"name": "ema", "namespace": "trading", "uid": "u", "generation": 1},
        "spec": {"strategyName": "Ema", "exchange": {"name": "binance", "pairs": ["BTC/USDT"]}, "timeframe": "5m"},
    }
)


class FakeCluster:
    """Takes Events but refuses the first one."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.asked = 0

    async def create_event(self, event: dict[str, Any]) -> None:
        self.asked += 1
        if self.asked == 1:
            raise ClusterError(403, "Forbidden", "the namespace is being terminated")
        self.written.append(event["reason"])


async def run_for_a_moment(recorder: Recorder) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(recorder.run(), 0.05)


async def test_a_refused_event_does_not_stop_the_next() -> None:
    cluster = FakeCluster()
    recorder = Recorder(cast("Cluster", cluster))
    for reason in ("One", "Two", "Three"):
        recorder.tell(STRATEGY, Event("Normal", reason, "a message"))
    assert cluster.written == [], "telling waits for nobody"
    await run_for_a_moment(recorder)
    assert cluster.written == ["Two", "Three"]


async def test_one_too_many_is_dropped() -> None:
    cluster = FakeCluster()
    recorder = Recorder(cast("Cluster", cluster))
    for number in range(WAITING_AT_MOST + 10):
        recorder.tell(STRATEGY, Event("Normal", f"R{number}", "a message"))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(recorder.run(), 2)
    assert cluster.asked == WAITING_AT_MOST

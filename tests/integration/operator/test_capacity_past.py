"""What a real Prometheus answers of two weeks that were written into it, and what comes of that."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from btcwatcher_operator.capacity.forecast import forecast
from btcwatcher_operator.capacity.prometheus import Prometheus, PrometheusError
from btcwatcher_operator.store import Key
from support import monitoring

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(monitoring.binary() is None or monitoring.binary("promtool") is None, reason=monitoring.MISSING),
]

_MINUTE = 60
_DAY = 86400


def _history(now: int) -> str:
    """OpenMetrics. A bot of 5-minute candles works for 40 s when one closes; the fleet grew by two bots a day."""
    bot = '{namespace="trading",pod="ema-0",container="freqtrade"}'
    other = '{namespace="web",pod="shop-7d9f-x2x",container="freqtrade"}'
    begun = now - now % _DAY - _DAY
    cpu, memory, chance, slots = [], [], [], []
    busy = 0.0
    for at in range(begun, now, _MINUTE):
        busy += 40.0 if (at // _MINUTE) % 5 == 0 else 0.3
        cpu.append(f"container_cpu_usage_seconds_total{bot} {busy:.1f} {at}")
        memory.append(f"container_memory_working_set_bytes{bot} {3e8 if (at // _MINUTE) % 5 == 0 else 2e8:.0f} {at}")
        chance.append(f"container_memory_working_set_bytes{other} 9e9 {at}")
    for at in range(now - 14 * _DAY, now, 4 * _MINUTE):
        slots.append(f'btcwatcher_capacity_slots{{state="used"}} {10 + 2 * (at - now + 14 * _DAY) // _DAY} {at}')
    return "\n".join([
        "# TYPE container_cpu_usage_seconds counter", *cpu,
        "# TYPE container_memory_working_set_bytes gauge", *memory, *chance,
        "# TYPE btcwatcher_capacity_slots gauge", *slots, "# EOF", "",
    ])  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("past")
    (folder / "history").write_text(_history(int(time.time())))
    promtool = monitoring.binary("promtool")
    assert promtool is not None
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "history", "data", "-q"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    with monitoring.scraping(folder, []) as running:
        yield running


async def test_what_bots_use_when_candles_close(url: str) -> None:
    prometheus = Prometheus(url)
    try:
        uses = await prometheus.uses()
    finally:
        await prometheus.close()
    assert set(uses) == {Key("trading", "ema")}, "another's pod has the container's name only by chance"
    cores, memory = uses[Key("trading", "ema")]
    assert memory == 3e8
    assert 0.3 < cores < 0.7, "40 s in the busiest two minutes; on average it is 0.14"


async def test_how_the_fleet_grew(url: str) -> None:
    prometheus = Prometheus(url)
    try:
        samples = await prometheus.used_slots(time.time())
    finally:
        await prometheus.close()
    assert len(samples) > 300
    coming = forecast(samples, free=21)
    assert coming is not None
    assert (round(float(coming.growth_per_day), 1), coming.days_until_full) == (2.0, 10)


async def test_no_answer_says_why(tmp_path: Path, url: str) -> None:
    for prometheus, sentence in (
        (Prometheus("http://127.0.0.1:9"), "ClientConnectorError"),
        (Prometheus(f"{url}/nothing"), "its answer is not Prometheus' JSON"),
        (Prometheus(url, tmp_path / "missing"), "its token file cannot be read: No such file or directory"),
    ):
        try:
            with pytest.raises(PrometheusError, match=sentence):
                await prometheus.uses()
        finally:
            await prometheus.close()

"""A loss of bots together, from open trades and exits, that lets a fleet switch begin: the collector on a real Postgres
and the embedded API server, with the rights that the chart gives it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from btcwatcher_api.collector import service
from btcwatcher_api.fleet import loss_limits
from btcwatcher_api.signals.dedup import first_id_at
from support import rights
from support.bots import SimulatedBots, open_trade, simulated_bots
from support.collectors import collecting
from support.desk import NAMESPACED, PATH, Desk
from support.localcluster import eventually

pytestmark = pytest.mark.integration

SWITCHES = f"{NAMESPACED}/fleetswitches"


@pytest.fixture
async def bots() -> AsyncIterator[SimulatedBots]:
    async with simulated_bots() as running:
        running.closed_of_others = []
        yield running


def left(
    desk: Desk, strategy: str, profit: str, *, trade: str = "77", part: bool = False, ago: timedelta = timedelta(0)
) -> None:
    """An exit of the bot's, as Postgres has it."""
    at = datetime.now(UTC) - ago
    identifier = UUID(int=first_id_at(at).int | (uuid4().int >> 64))
    with psycopg.connect(desk.database) as connection:
        connection.execute(
            "INSERT INTO signals (id, event_time, event_key, dated, namespace, strategy, source, type, trade_id,"
            " sub_trade, stake_currency, profit_amount, payload)"
            " VALUES (%s, %s, '', true, 'trading', %s, 'freqtrade', 'exit_fill', %s, %s, 'USDT', %s, '{}')",
            (identifier, at, strategy, trade, part, profit),
        )


async def test_a_switch_begins_when_its_bots_have_lost_so_much_together(
    desk: Desk, bots: SimulatedBots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(desk.database) as connection:
        connection.execute("DELETE FROM signals WHERE namespace = 'trading'")
    for name in ("ema", "rsi", "other"):
        stake = {"currency": "USDC"} if name == "other" else {}
        assert (await desk.create(name, stake=stake)).status_code == 201
        body = (await desk.kubernetes.get(f"{PATH}/{name}")).json()
        answer = await desk.kubernetes.put(f"{PATH}/{name}/status", json=body | {"status": {"port": 8081}})
        assert answer.status_code == 200, answer.text
    for name, on_loss in (
        ("daily", {"amount": "500", "currency": "USDT"}),
        ("far", {"amount": "9999.5", "currency": "USDT"}),
        ("dollars", {"amount": "0.01", "currency": "USD"}),
    ):
        spec = {"action": "PauseEntries", "onLoss": on_loss}
        made = await desk.ask(
            "POST", "/api/v1/fleet/switches/", json={"namespace": "trading", "name": name, "spec": spec}
        )
        assert made.status_code == 201, made.text

    async def status(name: str) -> dict[str, Any]:
        return (await desk.kubernetes.get(f"{SWITCHES}/{name}")).json().get("status") or {}

    async def loses(name: str, amount: str) -> None:
        async def seen() -> bool:
            return bool((await status(name)).get("loss", {}).get("amount") == amount)

        await eventually(seen, 30)

    # What was lost before the switch was made is nobody's news.
    left(desk, "ema", "-9000", ago=timedelta(hours=1))
    now = int(datetime.now(UTC).timestamp() * 1000)
    bots.opened = [{**open_trade(7, now), "profit_abs": -100.5}, {**open_trade(8, now), "profit_abs": 10.0}]
    monkeypatch.setattr(loss_limits, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(loss_limits, "_TOLD_SECONDS", 0.0)
    # Bots are visited in a hurry here, but a busy machine takes longer for the first visits than four such cycles.
    monkeypatch.setattr(service, "_CYCLES_UNTIL_KNOWN", 100)
    # In a thread: it waits for the server, which is of this loop.
    kubeconfig = await asyncio.to_thread(rights.kubeconfig, tmp_path / "kubeconfig", "collector")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    async with collecting(desk.database, tmp_path, bots.address, None, recover_after_seconds=3600):
        # Nor what open trades had come to by then: 90.5 at each of two bots.
        # Each begins with its own first look.
        for name in ("daily", "far", "dollars"):
            await loses(name, "0")
        said = await status("daily")
        assert (said["loss"]["bots"], said["loss"]["unknown"], "trippedAt" in said) == (2, 0, False)
        assert [one["profit"] for one in said["loss"]["opened"]] == ["-181"]
        # A trade has closed since the last visit, and worse than it stood: it is counted once. A part of one was sold
        # before, and a bot that does not answer any more has lost what it said last.
        bots.odd["trading", "ema"] = lambda _: None
        left(desk, "ema", "-400", trade="7")
        left(desk, "rsi", "-9", trade="8", part=True)
        await loses("daily", "308.5")
        assert "trippedAt" not in await status("daily")
        left(desk, "rsi", "-191.5")
        await loses("far", "500")
        await loses("daily", "500")
        assert (await status("daily"))["trippedAt"]
        assert "trippedAt" not in await status("far")
        assert (await status("dollars"))["loss"]["bots"] == 0

        # Made again it counts from zero.
        spec = (await desk.kubernetes.get(f"{SWITCHES}/daily")).json()["spec"]
        assert (await desk.ask("DELETE", "/api/v1/fleet/switches/trading.daily")).status_code == 204
        # Times of Kubernetes are whole seconds, and exits of this one are of before.
        await asyncio.sleep(1)
        again = {"namespace": "trading", "name": "daily", "spec": {**spec, "requestedBy": ""}}
        assert (await desk.ask("POST", "/api/v1/fleet/switches/", json=again)).status_code == 201
        await loses("daily", "0")
        assert "trippedAt" not in await status("daily")
        left(desk, "rsi", "-500")
        await loses("daily", "500")
        await loses("far", "1000")
    # Another collector knows what a bot that does not answer said to the one before.
    monkeypatch.setattr(service, "_CYCLES_UNTIL_KNOWN", 1)
    async with collecting(desk.database, tmp_path, bots.address, None, recover_after_seconds=3600):
        left(desk, "rsi", "-1", trade="78")
        await loses("far", "1001")
        assert (await status("far"))["loss"]["unknown"] == 0
    answer = (await desk.ask("GET", "/api/v1/fleet/switches/trading.daily")).json()
    assert (answer["loss"]["amount"], answer["loss"]["bots"]) == ("500", 2)
    assert answer["tripped_at"] is not None

"""Real bots trade while the API is away: what their webhooks could not deliver is in Postgres all the same, once."""

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from support import stack
from support.kubectl import until
from support.manifests import STEPPER, namespace, strategy
from support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SIDES = {"entry_fill": "buy", "exit_fill": "sell"}
Fills = Counter[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BTCWATCHER_COLLECT_CYCLE_SECONDS", "1")
        patch.setenv("BTCWATCHER_COLLECT_BACKOFF_SECONDS", "2")
        # Above what a bot takes to give a webhook up, on a busy machine too.
        patch.setenv("BTCWATCHER_RECOVER_AFTER_SECONDS", "10")
        with stack.running(tmp_path_factory.mktemp("stack-lossy"), "21400-21499") as started:
            yield started


def api_process(running: RunningStack) -> int:
    return _listener(running, urlsplit(running.api_url).port or 0)


def stored(database_url: str) -> tuple[Fills, int]:
    """The fills in Postgres, and how many of them were recovered: read there, for the API may be away."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT type, trade_id, price, amount, recovered FROM signals WHERE strategy = 'steps'"
            " AND type IN ('entry_fill', 'exit_fill')"
        ).fetchall()
    found = Counter((SIDES[row[0]], row[1], _plain(row[2]), _plain(row[3])) for row in rows)
    return found, sum(row[4] for row in rows)


def ordered(running: RunningStack) -> tuple[Fills, int]:
    """The filled orders in the bot's own database, and how many trades are open."""
    (volume,) = json.loads(running.kubectl("get", "persistentvolumes", "-o", "json"))["items"]
    source: dict[str, Any] = volume["spec"].get("hostPath") or volume["spec"]["local"]
    path = Path(source["path"]) / "trades.dryrun.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
        rows = database.execute(
            "SELECT ft_order_side, ft_trade_id, average, filled FROM orders WHERE ft_is_open = 0 AND filled > 0"
        ).fetchall()
        (still_open,) = database.execute("SELECT count(*) FROM trades WHERE is_open = 1").fetchone()
    return Counter((row[0], str(row[1]), _plain(row[2]), _plain(row[3])) for row in rows), int(still_open)


def differences(running: RunningStack, database_url: str) -> list[str]:
    """What only Postgres or only the bot knows of."""
    rows, orders = stored(database_url)[0], ordered(running)[0]
    return [f"no order for {row}" for row in rows - orders] + [f"no row for {order}" for order in orders - rows]


def _plain(number: Any) -> str:
    return f"{Decimal(str(number)).normalize():f}"


def figures(running: RunningStack) -> dict[str, float]:
    """The series of the Strategy `steps`."""
    text = httpx.get(f"{running.collector_url}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if 'name="steps"' in line]
    return {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_what_bots_do_while_the_api_is_away_is_filled_in(running: RunningStack) -> None:
    kubectl = running.kubectl
    api = api_process(running)
    database_url = running.environment(api)["BTCWATCHER_DATABASE_URL"]
    collector_port = urlsplit(running.collector_url).port or 0
    with psycopg.connect(database_url) as connection:
        # A stack in a folder of the same name, of an earlier run, has left its database.
        connection.execute("TRUNCATE signals, deliveries, recovered_fills")

    # From the very first entry on: the API takes connections and answers nothing.
    os.kill(api, signal.SIGSTOP)
    kubectl.apply(namespace("mine"), strategy("steps", "mine", STEPPER, "Stepper"))
    kubectl("-n", "mine", "wait", "--for=condition=Ready", "strategy/steps", "--timeout=180s", timeout=190)
    for _ in range(4):
        os.kill(_listener(running, collector_port), signal.SIGKILL)
        time.sleep(1.5)
    until(lambda: stored(database_url)[1] >= 2, "fills are recovered while the API is away", 180)
    # What waited in its sockets is gone for good.
    os.kill(api, signal.SIGKILL)

    until(lambda: sum(stored(database_url)[0].values()) > stored(database_url)[1], "a webhook arrives again", 180)
    listed = until(lambda: _listed(running), "the API lists them", 60)
    assert {True, False} <= {row["recovered"] for row in listed}
    entry = next(row for row in listed if row["recovered"] and row["type"] == "entry_fill")
    assert (entry["level"], entry["strength"], entry["source"]) == ("Strong", "0.95", "freqtrade"), (
        "graded all the same"
    )
    until(lambda: figures(running).get("btcwatcher_bot_reachable") == 1, "the bot's figures", 60)

    # Away again; this time what waited in its sockets arrives after it was recovered.
    before = stored(database_url)[1]
    api = api_process(running)
    os.kill(api, signal.SIGSTOP)
    until(lambda: stored(database_url)[1] > before, "fills are recovered again", 180)
    os.kill(api, signal.SIGCONT)

    kubectl.patch("strategy", "steps", "mine", {"spec": {"state": "Paused"}})
    until(lambda: ordered(running)[1] == 0, "the bot has left all its trades", 180)
    until(lambda: not differences(running, database_url), "every order is one row, no more and no less", 90)
    # And stays so, however often the collector looks.
    visits = _visits(running)
    until(lambda: _visits(running) > visits + 5, "more visits", 60)
    assert differences(running, database_url) == []

    assert figures(running)["btcwatcher_bot_open_trades"] == 0
    kubectl("-n", "mine", "delete", "strategy", "steps", "--wait=true")
    until(lambda: figures(running) == {}, "its figures are gone with it", 60)


def _listener(running: RunningStack, port: int) -> int:
    """The process that listens there, once one does."""

    def look() -> int:
        with contextlib.suppress(AssertionError):
            return running.listener(port)
        return 0

    return until(look, f"somebody listens on {port}", 60)


def _listed(running: RunningStack) -> list[dict[str, Any]]:
    try:
        return running.signals(strategy="steps", limit="200")
    except httpx.HTTPError:
        return []


def _visits(running: RunningStack) -> float:
    text = httpx.get(f"{running.collector_url}/metrics", timeout=10).text
    return next(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith('btcwatcher_collector_visits_total{result="ok"}')
    )

"""Real bots trade while the API is away: what their webhooks could not deliver is in Postgres all the same, once."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from support import stack
from support.kubectl import until
from support.manifests import STEPPER, namespace, strategy
from support.orders import Orders
from support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    settings = {
        "BTCWATCHER_COLLECT_CYCLE_SECONDS": "1",
        "BTCWATCHER_COLLECT_BACKOFF_SECONDS": "2",
        # Above what a bot takes to give a webhook up, on a busy machine too.
        "BTCWATCHER_RECOVER_AFTER_SECONDS": "10",
    }
    values = {
        "collector": {"extraEnv": [{"name": name, "value": value} for name, value in settings.items()]},
        # It is to hang for minutes, and not to be restarted for it.
        "api": {"probes": {"liveness": {"failureThreshold": 100}}},
    }
    file = tmp_path_factory.mktemp("values") / "values.json"
    file.write_text(json.dumps(values))
    with stack.running(tmp_path_factory.mktemp("stack-lossy"), "21400-21499", "--values", str(file)) as started:
        yield started


def api_process(running: RunningStack) -> int:
    return _listener(running, urlsplit(running.api_url).port or 0)


def figures(running: RunningStack) -> dict[str, float]:
    """The series of the Strategy `steps`."""
    text = httpx.get(f"{running.collector_url}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if 'name="steps"' in line]
    return {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_what_bots_do_while_the_api_is_away_is_filled_in(running: RunningStack) -> None:
    kubectl = running.kubectl
    api = api_process(running)
    database_url = running.environment(api)["BTCWATCHER_DATABASE_URL"]
    steps = Orders(running, database_url, "mine", "steps")
    collector_port = urlsplit(running.collector_url).port or 0
    with psycopg.connect(database_url) as connection:
        # A stack in a folder of the same name, of an earlier run, has left its database.
        connection.execute("TRUNCATE signals, deliveries, recovered_fills")

    # From the very first entry on: the API takes connections and answers nothing.
    os.kill(api, signal.SIGSTOP)
    kubectl.apply(namespace("mine"), strategy("steps", "mine", STEPPER, "Stepper"))
    kubectl("-n", "mine", "wait", "--for=condition=Ready", "strategy/steps", "--timeout=180s", timeout=190)
    # The second time the node waits ten seconds before it starts it again.
    for _ in range(2):
        os.kill(_listener(running, collector_port), signal.SIGKILL)
        time.sleep(1.5)
    until(lambda: steps.stored()[1] >= 2, "fills are recovered while the API is away", 180)
    # What waited in its sockets is gone for good.
    os.kill(api, signal.SIGKILL)

    until(
        lambda: steps.count > steps.stored()[1],
        "a webhook arrives again",
        180,
    )
    listed = until(lambda: _listed(running), "the API lists them", 60)
    assert {True, False} <= {row["recovered"] for row in listed}
    entry = next(row for row in listed if row["recovered"] and row["type"] == "entry_fill")
    assert (entry["level"], entry["strength"], entry["source"]) == ("Strong", "0.95", "freqtrade"), (
        "graded all the same"
    )

    def is_read() -> bool:
        # The collector, killed twice, may still wait for its next start.
        with contextlib.suppress(httpx.TransportError):
            return figures(running).get("btcwatcher_bot_reachable") == 1
        return False

    until(is_read, "the bot's figures", 60)

    # Away again; this time what waited in its sockets arrives after it was recovered.
    before = steps.stored()[1]
    api = api_process(running)
    os.kill(api, signal.SIGSTOP)
    until(lambda: steps.stored()[1] > before, "fills are recovered again", 180)
    os.kill(api, signal.SIGCONT)

    kubectl.patch("strategy", "steps", "mine", {"spec": {"state": "Paused"}})
    until(lambda: steps.ordered()[1] == 0, "the bot has left all its trades", 180)
    until(
        lambda: not steps.differences(),
        "every order is one row, no more and no less",
        90,
    )
    # And stays so, however often the collector looks.
    visits = _visits(running)
    until(lambda: _visits(running) > visits + 5, "more visits", 60)
    assert steps.differences() == []

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

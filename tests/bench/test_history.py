"""Reading a long history: pages by any filter, first and deep; statistics; and a thousand reads a second.

Ten million generated rows, or as many as BTCWATCHER_BENCH_ROWS says. Everything is asked of the API as a process of its
own, over a socket; Postgres, API and reader share the machine.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_api.signals.cursor import Cursor
from btcwatcher_api.signals.dedup import first_id_at
from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support import api, history

ROWS: Final = int(os.environ.get("BTCWATCHER_BENCH_ROWS", "10000000"))
ASKED: Final = 20
"""Times that each kind of page is asked for, with other values each time."""
GOAL_MS: Final = 100.0
SECONDS: Final = 8.0
CONNECTIONS: Final = 32
_SIGNALS: Final = "/api/v1/signals/"
_NOW: Final = datetime.now(UTC)
_RANDOM: Final = random.Random(1)  # noqa: S311


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
        server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=history.SETTINGS)
        try:
            server.start()
            migrate(server.url, 1)
            history.generate(server.url, ROWS, _NOW)
            yield server
        finally:
            server.remove()


@pytest.fixture(scope="module")
def api_port(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The API as `serve` runs it, with its pool of 5 to 20 connections."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "support.served", postgres.url, str(tmp_path_factory.mktemp("api")), str(port)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            deadline = time.monotonic() + 60
            while True:
                try:
                    http.get("/healthz")
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
        _wait_for_the_roll_up(postgres.url)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for_the_roll_up(url: str) -> None:
    """It counts all that was generated, once."""
    begin = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT below > 1 FROM signal_rollup").fetchone() != (True,):
            assert time.monotonic() - begin < 900
            time.sleep(1)
    print(f"all signals rolled up after {time.monotonic() - begin:.0f} s")


def _strategy() -> dict[str, Any]:
    number = _RANDOM.randrange(280)
    return {"strategy": f"desk{number // 30}.s{number}"}


def _pair() -> dict[str, Any]:
    return {"pair": f"C{_RANDOM.randrange(58)}/USDT"}


def _level() -> dict[str, Any]:
    return {"level": _RANDOM.choice(["Strong", "Medium", "Weak", "Ignore"])}


def _time() -> dict[str, Any]:
    begin = _NOW - timedelta(days=_RANDOM.randrange(31, 330))
    return {
        "since": begin.isoformat(),
        "until": (begin + timedelta(days=_RANDOM.choice([1, 7, 30]))).isoformat(),
    }


_FILTERS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "nothing": dict,
    "namespace": lambda: {"namespace": f"desk{_RANDOM.randrange(9)}"},
    "strategy": _strategy,
    "strategy by its name alone": lambda: {"strategy": f"s{_RANDOM.randrange(280)}"},
    "pair": _pair,
    "level": _level,
    "action": lambda: {"action": _RANDOM.choice(["entry", "exit", "message"])},
    "a common type": lambda: {"type": "exit_fill"},
    "a rare type": lambda: {"type": "exception"},
    "a type that there is none of": lambda: {"type": "liquidation_warning"},
    "exits with a level: there are none": lambda: {"action": "exit", **_level()},
    "pair, level": lambda: {**_pair(), **_level()},
    "strategy, pair": lambda: {**_strategy(), **_pair()},
    "strategy, pair, level, action": lambda: {**_strategy(), **_pair(), **_level(), "action": "entry"},
    "strategy, a rare type": lambda: {**_strategy(), "type": "exception"},
    "pair, a rare type": lambda: {**_pair(), "type": "exception"},
    "time": _time,
    "time, strategy": lambda: {**_time(), **_strategy()},
    "time, pair, level": lambda: {**_time(), **_pair(), **_level()},
    "time, a rare type": lambda: {**_time(), "type": "exception"},
    "a strategy given up months ago": lambda: {"strategy": f"desk9.s{_RANDOM.randrange(285, 300)}"},
    "the same, a level": lambda: {"strategy": f"s{_RANDOM.randrange(285, 300)}", **_level()},
    "a pair given up months ago": lambda: {"pair": "OLD/USDT"},
    "a strategy that is unknown": lambda: {"strategy": "desk1.nobody"},
    "a namespace that is unknown": lambda: {"namespace": "nobody"},
}


def _cursor(filters: dict[str, Any], *, newer: bool) -> str:
    """Anywhere in the year; within the time that is asked for, if any is."""
    at = _NOW - timedelta(days=_RANDOM.randrange(10, 340))
    if "since" in filters:
        since, until = (datetime.fromisoformat(filters[name]) for name in ("since", "until"))
        at = since + (until - since) * _RANDOM.random()
    return Cursor(first_id_at(at), newer).encode()


def test_any_page_of_the_history(api_port: int) -> None:
    headers = {"Authorization": f"Bearer {api.READ_TOKEN}"}
    slow: dict[str, float] = {}
    print(f"\n{ROWS:,} signals, load {os.getloadavg()[0]:.1f}; ms: p50 / p95 of {ASKED} pages of 50 each")
    with httpx.Client(base_url=f"http://127.0.0.1:{api_port}", headers=headers, timeout=60) as http:
        for name, make in _FILTERS.items():
            told = []
            for kind in ("first", "older", "newer"):
                latencies = []
                for _ in range(ASKED):
                    filters = make()
                    if kind != "first":
                        filters["cursor"] = _cursor(filters, newer=kind == "newer")
                    begin = time.perf_counter()
                    answer = http.get(_SIGNALS, params=filters)
                    latencies.append(1000 * (time.perf_counter() - begin))
                    assert answer.status_code == 200, answer.text
                latencies.sort()
                p95 = latencies[int(0.95 * len(latencies)) - 1]
                told.append(f"{kind} {latencies[len(latencies) // 2]:6.1f} /{p95:6.1f}")
                if p95 > GOAL_MS:
                    slow[f"{name}, {kind}"] = round(p95, 1)
            print(f"  {name:36} {'   '.join(told)}")
    assert slow == {}


@pytest.mark.parametrize(
    ("path", "days", "more"),
    [
        ("summary", 1, {}),
        ("summary", 31, {}),
        ("trend", 31, {}),
        ("trend", 31, {"strategy": "s7"}),
        ("trend", 366, {"interval": "day"}),
    ],
)
def test_statistics(api_port: int, path: str, days: int, more: dict[str, str]) -> None:
    """Told, without a goal of their own."""
    headers = {"Authorization": f"Bearer {api.READ_TOKEN}"}
    filters = {"since": (_NOW - timedelta(days=days)).isoformat(), "until": _NOW.isoformat(), **more}
    latencies = []
    with httpx.Client(base_url=f"http://127.0.0.1:{api_port}", headers=headers, timeout=120) as http:
        for _ in range(6):
            begin = time.perf_counter()
            answer = http.get(f"{_SIGNALS}statistics/{path}", params=filters)
            latencies.append(1000 * (time.perf_counter() - begin))
            assert answer.status_code == 200, answer.text
    print(f"\n{path} of {days} days {more or ''}: first {latencies[0]:.0f} ms, then {sorted(latencies[1:])[2]:.0f} ms")


@pytest.mark.parametrize("rate", [1000.0, 0.0])
def test_a_thousand_reads_a_second(api_port: int, rate: float) -> None:
    """Pages of 50 by Strategy, by pair, unfiltered, and onward. RATE 0 tells what one process can do at all."""
    query = httpx.QueryParams
    paths = [f"{_SIGNALS}?{query(make())}" for _ in range(50) for make in (dict[str, Any], _strategy, _pair)]
    paths += [f"{_SIGNALS}?{query({'cursor': _cursor({}, newer=False)})}" for _ in range(50)]
    _RANDOM.shuffle(paths)
    result = subprocess.run(
        [sys.executable, "-m", "support.read_load", *map(str, (api_port, api.READ_TOKEN, CONNECTIONS, SECONDS, rate))],
        check=True,
        input="\n".join(paths),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    figures = json.loads(result.stdout)
    asked = f"{rate:.0f} a second asked for" if rate else "as fast as it goes"
    print(f"\n{asked}: {figures}, load {os.getloadavg()[0]:.1f}")
    assert figures["failed"] == 0
    if rate:
        assert figures["per_second"] > 0.95 * rate
        assert figures["p90_ms"] < GOAL_MS

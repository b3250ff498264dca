"""Answers of 1,000 candles a second: from the cache, and from the exchange itself, which here is the paper exchange.

Exchange, cache and readers are processes of their own on one machine. What a bot saves against a real exchange is the
way there and the limit, which no figure here shows."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support import cpu

CONNECTIONS: Final = 32
SECONDS: Final = 8.0
PAIRS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT")
_ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


@contextmanager
def process(*command: str, answers: str) -> Iterator[int]:
    """Its id, once it answers there."""
    with subprocess.Popen([sys.executable, "-m", *command], env=_ENVIRONMENT) as running:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    httpx.get(answers).raise_for_status()
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield running.pid
        finally:
            running.terminate()


def paths(prefix: str) -> list[str]:
    return [f"{prefix}/klines?symbol={pair}&interval=1h&limit=1000" for pair in PAIRS]


def ask(port: int, path: str) -> int:
    """Bytes of the answer."""
    return len(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=120).raise_for_status().content)


def read(pid: int, port: int, prefix: str) -> dict[str, float]:
    arguments = [str(port), "", str(CONNECTIONS), str(SECONDS), "0"]
    before = cpu.seconds(pid)
    done = subprocess.run(
        [sys.executable, "-m", "support.read_load", *arguments],
        input="\n".join(paths(prefix)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=_ENVIRONMENT,
    )
    result: dict[str, float] = json.loads(done.stdout)
    # What readers get after the end of the measurement is counted to it: at most one answer a connection.
    return {**result, "cpu_us": 1e6 * (cpu.seconds(pid) - before) / (result["per_second"] * SECONDS + CONNECTIONS)}


@pytest.mark.timeout(300)
def test_hits_against_asking_the_exchange() -> None:
    exchange, cache = free_port(), free_port()
    upstream = f"http://127.0.0.1:{exchange}"
    paper = process("btcwatcher_local.exchange", "--port", str(exchange), answers=f"{upstream}/api/v3/ping")
    served = process("support.served_market", upstream, str(cache), answers=f"http://127.0.0.1:{cache}/healthz")
    with paper as exchange_pid, served as cache_pid:
        size = sum(ask(exchange, path) for path in paths("/api/v3"))  # makes its candles
        direct = read(exchange_pid, exchange, "/api/v3")
        httpx.delete(f"{upstream}/_stats").raise_for_status()
        for path in paths("/binance/public"):
            ask(cache, path)
        cached = read(cache_pid, cache, "/binance/public")
        calls = httpx.get(f"{upstream}/_stats").json()["totalCalls"]
    print(f"\n{size / len(PAIRS) / 1024:.0f} KiB an answer, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f}")
    for name, said in (("exchange", direct), ("cache", cached)):
        speed = f"{said['per_second']:.0f} a second, p50 {said['p50_ms']:.1f} ms, p99 {said['p99_ms']:.1f} ms"
        print(f"{name}: {speed}, {said['cpu_us']:.0f} us of CPU an answer")
    print(f"ratio {cached['per_second'] / direct['per_second']:.2f}, by CPU {direct['cpu_us'] / cached['cpu_us']:.2f}")
    print(f"{calls} upstream calls for {cached['per_second'] * SECONDS:.0f} answers")
    assert cached["failed"] == direct["failed"] == 0
    # An hour may end while it runs.
    assert calls <= 2 * len(PAIRS)

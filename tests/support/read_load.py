"""A cheap reader: keeps a number of connections busy with GETs and prints what it measured, as JSON.

Run as a process of its own, `python -m support.read_load PORT TOKEN CONNECTIONS SECONDS RATE`, with one path a line on
standard input, which are asked for in turn; an empty TOKEN is not sent; RATE 0 is as fast as it goes. See support.load
for why it uses no library.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import cast

import uvloop


class Reader(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered and its time has come."""

    def __init__(self, requests: Iterator[bytes], interval: float, delay: float) -> None:
        self.requests = requests
        self.interval = interval
        self.latencies: list[float] = []
        self.failed = 0
        self.stopped = False
        self.due = time.perf_counter() + delay
        self.begin = 0.0
        self.head = b""
        self.missing = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        asyncio.get_running_loop().call_later(self.due - time.perf_counter(), self.ask)

    def ask(self) -> None:
        # With a rate, waiting for the last answer counts: else a slow server would only be asked less.
        self.begin = self.due if self.interval else time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        if self.missing < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = self.head[:end].lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            self.missing = int(length) - (len(self.head) - end - 4)
        else:
            self.missing -= len(data)
        if self.missing == 0:
            self._answered()

    def _answered(self) -> None:
        if self.head.startswith(b"HTTP/1.1 200"):
            self.latencies.append(time.perf_counter() - self.begin)
        else:
            self.failed += 1
        self.head, self.missing = b"", -1
        if self.stopped:
            self.transport.close()
            return
        self.due += self.interval
        wait = self.due - time.perf_counter() if self.interval else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.ask)
        else:
            self.ask()


async def main(port: int, token: str, connections: int, seconds: float, rate: float, paths: list[str]) -> None:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    requests = cycle([f"GET {path} HTTP/1.1\r\nHost: api\r\n{authorization}\r\n".encode() for path in paths])
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    interval = connections / rate if rate else 0.0
    for number in range(connections):
        # Spread over the interval: in step they would come in bursts.
        make = partial(Reader, requests, interval, delay=interval * number / connections)
        _, reader = await loop.create_connection(make, "127.0.0.1", port)
        readers.append(reader)
    begin = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - begin
    latencies = sorted(latency for reader in readers for latency in reader.latencies)
    for reader in readers:
        reader.stopped = True
    await asyncio.sleep(0.3)
    result = {
        "failed": sum(reader.failed for reader in readers),
        "per_second": len(latencies) / elapsed,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p90_ms": 1000 * latencies[len(latencies) * 9 // 10],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    port, token, connections, seconds, rate = sys.argv[1:]
    lines = [line.strip() for line in sys.stdin if line.strip()]
    uvloop.run(main(int(port), token, int(connections), float(seconds), float(rate), lines))

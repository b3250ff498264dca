"""A cheap sender of entry signals: keeps a number of connections busy and prints what it measured, as JSON.

Run as a process of its own, `python -m support.load PORT PATH AUTHORIZATION CONNECTIONS SECONDS RATE`; RATE 0 is as
fast as it goes. No HTTP library: one would cost several times what the API costs, on the same cores.
"""

import asyncio
import json
import sys
import time
from functools import partial
from itertools import count
from typing import cast

import uvloop

_BODY = (
    b'{"type":"entry","strategy":"trading.ema-cross","trade_id":"%d","exchange":"Binance","pair":"BTC/USDT",'
    b'"base_currency":"BTC","quote_currency":"USDT","leverage":"1.0","direction":"Long","limit":"60414.57469",'
    b'"order_rate":"60414.57469","open_rate":"60414.57469","order_type":"market","stake_amount":"99.6840482385",'
    b'"stake_currency":"USDT","fiat_currency":"","amount":"0.00165","open_date":"2026-11-22T19:50:37.%06dZ",'
    b'"current_rate":"60414.26622815","enter_tag":"pulse:0.83","buy_tag":"pulse:0.83","sub_trade":"False"}'
)


class Sender(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered and its time has come."""

    def __init__(self, head: bytes, numbers: "count[int]", interval: float, delay: float) -> None:
        self.head = head
        self.numbers = numbers
        self.interval = interval
        self.latencies: list[float] = []
        self.refused = 0
        self.stopped = False
        self.due = time.perf_counter() + delay
        self.begin = 0.0
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self.transport = cast("asyncio.Transport", transport)
        asyncio.get_running_loop().call_later(self.due - time.perf_counter(), self.send)

    def send(self) -> None:
        number = next(self.numbers)
        body = _BODY % (number, number % 1_000_000)
        # With a rate, waiting for the last answer counts: else a slow server would only be asked less.
        self.begin = self.due if self.interval else time.perf_counter()
        self.transport.write(self.head + b"%d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0 or b"}" not in self.received[end:]:
            return
        if self.received.startswith(b"HTTP/1.1 202"):
            self.latencies.append(time.perf_counter() - self.begin)
        else:
            self.refused += 1
        self.received = b""
        if self.stopped:
            self.transport.close()
            return
        self.due += self.interval
        wait = self.due - time.perf_counter() if self.interval else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.send)
        else:
            self.send()


async def main(port: int, path: str, authorization: str, connections: int, seconds: float, rate: float) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: api\r\nAuthorization: {authorization}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    loop = asyncio.get_running_loop()
    numbers = count(time.time_ns() // 1000)
    senders: list[Sender] = []
    begin = time.perf_counter()
    interval = connections / rate if rate else 0.0
    for number in range(connections):
        # Spread over the interval: in step they would come in bursts.
        make = partial(Sender, head, numbers, interval, delay=interval * number / connections)
        _, sender = await loop.create_connection(make, "127.0.0.1", port)
        senders.append(sender)
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - begin
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    for sender in senders:
        sender.stopped = True
    await asyncio.sleep(0.3)
    result = {
        "accepted": len(latencies),
        "refused": sum(sender.refused for sender in senders),
        "per_second": len(latencies) / elapsed,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    port, path, authorization, connections, seconds, rate = sys.argv[1:]
    uvloop.run(main(int(port), path, authorization, int(connections), float(seconds), float(rate)))

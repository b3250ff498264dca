"""What a real bot said (tests/data/freqtrade_trades.json), and many bots in one process that say it over HTTP."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import encode_basic_auth, web

from btcwatcher_api.collector.bot_api import Trade
from btcwatcher_api.collector.fills import Fill, fills_of
from btcwatcher_crds.derive import bot_api_credentials

Object = dict[str, Any]

RECORDED: Object = json.loads((Path(__file__).parents[1] / "data" / "freqtrade_trades.json").read_text())
"""Two closed trades of a dry run, each entered twice and left twice, and the webhooks that told of it."""
WEBHOOKS: list[Object] = RECORDED["webhooks"]
BOT_KEY = b"bot-key-of-the-tests-only-0123456789"


def recorded_trades() -> list[Trade]:
    return msgspec.convert(RECORDED["trades"]["trades"], list[Trade])


def recorded_fills() -> list[Fill]:
    return [fill for trade in recorded_trades() for fill in fills_of(trade)]


class SimulatedBots:
    """Bots by path: `/{namespace}/{service}/{port}/api/v1/...`. All say what was recorded, unless told otherwise."""

    def __init__(self) -> None:
        self.closed: dict[tuple[str, str], list[Object]] = {}
        """The closed trades of a bot, the latest first."""
        self.closed_of_others: list[Object] = RECORDED["trades"]["trades"]
        self.odd: dict[tuple[str, str], Callable[[str], web.StreamResponse | None]] = {}
        """What a bot says in place of an answer, by the endpoint; None: hang."""
        self.opened: list[Object] = RECORDED["status"]
        self.visits: dict[tuple[str, str], int] = {}
        self.port = 0

    @property
    def address(self) -> str:
        """The setting that leads to them."""
        return f"http://127.0.0.1:{self.port}/{{namespace}}/{{service}}/{{port}}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        bot = (request.match_info["namespace"], request.match_info["service"])
        endpoint = request.match_info["endpoint"]
        if endpoint == "health":
            self.visits[bot] = self.visits.get(bot, 0) + 1
        if bot in self.odd:
            said = self.odd[bot](endpoint)
            if said is None:
                await asyncio.sleep(3600)
            assert said is not None
            return said
        credentials = bot_api_credentials(BOT_KEY, *bot)
        if request.headers.get("Authorization") != encode_basic_auth(credentials.username, credentials.password):
            return web.json_response({"detail": "Unauthorized"}, status=401)
        if endpoint == "trades":
            return web.json_response(self._page(bot, request))
        if endpoint == "pair_candles":
            return web.json_response(await self._candles(request))
        if endpoint == "status":
            return web.json_response(self.opened)
        return web.json_response(RECORDED[endpoint])

    async def _candles(self, request: web.Request) -> Object:
        """In the columns of freqtrade 2026.9, with one of the strategy's own; of a pair that it does not have, none."""
        asked = await request.json()
        columns = ["date", "open", "high", "low", "close", "volume", "enter_long", "__date_ts"]
        begin = 1_795_737_600_000
        rows = [
            [f"row {number}", 10.5, 11.0, 10.0, 10.75, 3.5, 1, begin + number * 60_000]
            for number in range(asked["limit"] if asked["pair"] == "BTC/USDT" else 0)
        ]
        told = {"columns": columns, "data": rows} if rows else {"columns": [], "data": []}
        return {"pair": asked["pair"], "timeframe": asked["timeframe"], **told}

    def _page(self, bot: tuple[str, str], request: web.Request) -> Object:
        trades = self.closed.get(bot, self.closed_of_others)
        begin, size = int(request.query["offset"]), int(request.query["limit"])
        return {"trades": trades[begin : begin + size], "total_trades": len(trades)}


@contextlib.asynccontextmanager
async def simulated_bots() -> AsyncIterator[SimulatedBots]:
    """Serving on a free port."""
    bots = SimulatedBots()
    app = web.Application()
    app.router.add_get("/{namespace}/{service}/{port}/api/v1/{endpoint}", bots.answer)
    app.router.add_post("/{namespace}/{service}/{port}/api/v1/{endpoint:pair_candles}", bots.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bots.port = runner.addresses[0][1]
    try:
        yield bots
    finally:
        await runner.cleanup()


def closed_trade(number: int, closed_at: int) -> Object:
    """The recorded trade under another id, opened and closed (Unix milliseconds) at another time."""
    trade: Object = deepcopy(RECORDED["trades"]["trades"][0])
    later = closed_at - trade["close_timestamp"]
    trade["trade_id"] = number
    for name in ("open_timestamp", "close_timestamp"):
        trade[name] += later
    for order in trade["orders"]:
        order["order_id"] = f"{number}-{order['order_id']}"
        order["order_filled_timestamp"] += later
    return trade


def open_trade(number: int, opened_at: int) -> Object:
    """The recorded trade as it was after its first entry."""
    trade = closed_trade(number, opened_at)
    trade["orders"] = trade["orders"][:1]
    return {**trade, "is_open": True, "close_timestamp": None, "close_profit": None, "close_profit_abs": None}


async def _main(opened: int, closed: int) -> None:
    """Bots as many as are asked for, each with so many trades; prints where they are, and serves until stopped."""
    now = int(time.time() * 1000)
    async with simulated_bots() as bots:
        of_all = [closed_trade(number, now - 1_800_000 * (closed - number)) for number in range(closed, 0, -1)]
        bots.closed_of_others = of_all
        bots.opened = [open_trade(closed + 1 + number, now) for number in range(opened)]
        print(json.dumps({"address": bots.address}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))

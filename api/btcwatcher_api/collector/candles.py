"""`GET /candles`: a pair's candles as a bot has them, for the page's charts.

The bots have downloaded them anyway, of every exchange that there is: no exchange is asked once more for a chart. Only
the collector may ask the bots; what it hands on is market data, and nothing of what a strategy makes of it.
"""

from typing import Final

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from btcwatcher_api.bots import address_of
from btcwatcher_api.collector.bot_api import BotApi, BotError
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.derive import bot_api_credentials

PATH: Final = "/candles"
_MOST: Final = 1500
_MOST_SECONDS: Final = 5.0
"""Somebody waits for the chart."""


def route(registry: Registry, settings: CollectorSettings) -> Route:
    """Also of a collector that stands by: it knows the Strategies, too."""
    key = settings.bot_key()
    timeout = min(settings.collect_timeout_seconds, _MOST_SECONDS)

    async def candles(request: Request) -> Response:
        asked = request.query_params
        strategy = registry.get(asked.get("strategy", ""))
        address = address_of(settings.bot_address, strategy) if strategy is not None else None
        if strategy is None or address is None:
            return _said(404, "there is no such bot")
        limit = asked.get("limit", "")
        credentials = bot_api_credentials(key, strategy.namespace, strategy.name)
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                found = await BotApi(session, address, credentials, timeout=timeout).candles(
                    asked.get("pair", ""),
                    asked.get("timeframe", ""),
                    min(int(limit), _MOST) if limit.isdigit() else _MOST,
                )
        except BotError as error:
            return _said(502, str(error))
        return Response(msgspec.json.encode(found), media_type="application/json")

    return Route(PATH, candles)


def _said(status: int, detail: str) -> Response:
    return Response(msgspec.json.encode({"detail": detail}), status_code=status, media_type="application/json")

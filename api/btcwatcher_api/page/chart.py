"""`/charts`: candles of a pair with the signals of all Strategies on them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from btcwatcher_api.page import live, render
from btcwatcher_api.page.assets import CHART_LIBRARY, charts_there
from btcwatcher_api.page.candles import Candles, Market, markets, seconds
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals import arrival, repository
from btcwatcher_api.signals.cursor import event_id
from btcwatcher_api.signals.dedup import first_id_at
from btcwatcher_api.signals.endpoints import Reading
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.table import signals
from btcwatcher_api.signals.types import SignalType
from btcwatcher_api.strategies.access import Known

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MARKED: Final = (SignalType.ENTRY, SignalType.ENTRY_FILL, SignalType.EXIT, SignalType.EXIT_FILL)
_MOST: Final = 1000
_CANDLES: Final = 500
_RECENT: Final = 20

Exchange = Annotated[str, Query(max_length=64)]
Pair = Annotated[str, Query(max_length=64)]
Timeframe = Annotated[str, Query(max_length=8)]


@router.get("/charts")
async def show_chart(
    request: Request,
    visitor: SignedIn,
    known: Known,
    connection: Reading,
    exchange: Exchange = "",
    pair: Pair = "",
    timeframe: Timeframe = "",
) -> Response:
    there = markets(known.items())
    market = _chosen(there, exchange, pair)
    latest = await arrival.latest(connection)
    recent = await repository.page(connection, Filter(pair=market.pair), None, _RECENT) if market else None
    frame = timeframe if market and timeframe in market.strategies else market.timeframes[0] if market else ""
    return render.page(
        request,
        "chart.html",
        visitor,
        markets=there,
        market=market,
        timeframe=frame,
        signals_shown=recent.rows if recent else (),
        library=CHART_LIBRARY if charts_there() else None,
        live=live.address(request, event_id(latest), filters={"pair": market.pair}) if market else None,
    )


@router.get("/charts/data")
async def chart_data(
    request: Request,
    visitor: SignedIn,
    known: Known,
    connection: Reading,
    exchange: Exchange,
    pair: Pair,
    timeframe: Timeframe,
) -> Response:
    """Candles and marks as JSON. Where there are no candles, `problem` says why; the marks are there all the same."""
    market = _chosen(markets(known.items()), exchange, pair)
    if market is None:
        raise Problem(404, f"no Strategy names {pair} of {exchange}")
    candles: Candles = request.app.state.candles
    found: list[Any] = []
    problem = None
    try:
        found = await candles.of(market, timeframe)
    except Problem as said:
        problem = said.detail
    begin = found[0].time if found else datetime.now(UTC).timestamp() - _CANDLES * max(60, seconds(timeframe))
    others = {one.id for other in markets(known.items()) if other.pair == pair and other.exchange != exchange
              for sources in other.strategies.values() for one in sources}  # fmt: skip
    rows = await marks(connection, pair, datetime.fromtimestamp(begin, UTC))
    return JSONResponse(
        {
            "candles": [
                {"time": one.time, "open": one.open, "high": one.high, "low": one.low, "close": one.close,
                 "volume": one.volume}
                for one in found
            ],
            "marks": [_mark(row) for row in rows if f"{row.namespace}.{row.strategy}" not in others],
            "problem": problem,
        }
    )  # fmt: skip


async def marks(connection: AsyncConnection, pair: str, since: datetime) -> Sequence[Any]:
    """Entries and exits of a pair, the oldest first; an order that was filled is there once, as its fill."""
    columns = signals.c
    query = (
        select(
            columns.id, columns.namespace, columns.strategy, columns.type, columns.trade_id, columns.event_time,
            columns.price, columns.direction, columns.level, columns.enter_tag, columns.exit_reason,
            columns.profit_ratio,
        )
        .where(
            columns.pair == pair,
            columns.type.in_([kind.value for kind in _MARKED]),
            columns.event_time >= since,
            columns.id >= first_id_at(since - timedelta(seconds=1)),
        )
        .order_by(columns.id.desc())
        .limit(_MOST)
    )  # fmt: skip
    rows = list(reversed((await connection.execute(query)).all()))
    filled = {(row.namespace, row.strategy, row.trade_id, row.type) for row in rows if row.type.endswith("_fill")}
    return [row for row in rows if (row.namespace, row.strategy, row.trade_id, f"{row.type}_fill") not in filled]


def _mark(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "time": int(row.event_time.timestamp()),
        "strategy": f"{row.namespace}.{row.strategy}",
        "type": row.type,
        "price": render.number(row.price),
        "level": row.level,
        "why": row.exit_reason or row.enter_tag or "",
        "profit": render.percent(row.profit_ratio),
    }


def _chosen(there: Sequence[Market], exchange: str, pair: str) -> Market | None:
    """The market that is asked for; the first of all where none is."""
    if not exchange and not pair:
        return there[0] if there else None
    return next((one for one in there if one.pair == pair and exchange in ("", one.exchange)), None)

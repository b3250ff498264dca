"""Order book, tickers and last trades at one moment, as Binance's answers."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from btcwatcher_local.exchange.candles import rolling_day
from btcwatcher_local.exchange.markets import MARKETS, Market
from btcwatcher_local.exchange.prices import TICK_MS, price, tick_of, unit, volume

MAX_DEPTH = 100
_HALF_SPREAD = Decimal("0.00005")
_LEVEL_STEP = Decimal("0.0001")
_LEVEL_WORTH_USDT = 30_000.0
Json = dict[str, object]
Level = tuple[Decimal, Decimal]


def levels(market: Market, at_ms: int, depth: int) -> tuple[list[Level], list[Level]]:
    """(bids, asks), best first, each a (price in quote, amount in base).

    A level is worth some ten thousand US dollars, so that the orders of a dry run fill at once.
    """
    tick = tick_of(at_ms)
    middle = Decimal(str(price(market, tick)))
    step = Decimal(1).scaleb(-market.price_decimals)
    bids: list[Level] = []
    asks: list[Level] = []
    for number in range(min(depth, MAX_DEPTH)):
        distance = middle * (_HALF_SPREAD + _LEVEL_STEP * number)
        nth_step = step * (number + 1)
        bid = max(step, min(_floor(middle - distance, step), middle - nth_step))
        ask = max(_ceil(middle + distance, step), middle + nth_step)
        bids.append((bid, _amount(market, tick, 2 * number)))
        asks.append((ask, _amount(market, tick, 2 * number + 1)))
    return bids, asks


def depth_answer(market: Market, at_ms: int, depth: int) -> Json:
    """GET /api/v3/depth."""
    bids, asks = levels(market, at_ms, depth)
    return {
        "lastUpdateId": tick_of(at_ms),
        "bids": [[f"{rate:f}", f"{amount:f}"] for rate, amount in bids],
        "asks": [[f"{rate:f}", f"{amount:f}"] for rate, amount in asks],
    }


def price_answer(market: Market, at_ms: int) -> Json:
    """GET /api/v3/ticker/price."""
    return {"symbol": market.symbol, "price": _money(market, price(market, tick_of(at_ms)))}


def book_ticker_answer(market: Market, at_ms: int) -> Json:
    """GET /api/v3/ticker/bookTicker."""
    ((bid, bid_amount),), ((ask, ask_amount),) = levels(market, at_ms, 1)
    return {
        "symbol": market.symbol,
        "bidPrice": f"{bid:f}",
        "bidQty": f"{bid_amount:f}",
        "askPrice": f"{ask:f}",
        "askQty": f"{ask_amount:f}",
    }


def day_ticker_answer(market: Market, at_ms: int) -> Json:
    """GET /api/v3/ticker/24hr."""
    day = rolling_day(market, at_ms)
    change = day.close - day.open
    tick = tick_of(at_ms)
    return {
        **book_ticker_answer(market, at_ms),
        "priceChange": _money(market, change),
        "priceChangePercent": f"{change / day.open * 100:.3f}",
        "weightedAvgPrice": _money(market, day.quote_volume / day.volume if day.volume else day.close),
        "prevClosePrice": _money(market, day.open),
        "lastPrice": _money(market, day.close),
        "lastQty": _quantity(market, volume(market, tick)),
        "openPrice": _money(market, day.open),
        "highPrice": _money(market, day.high),
        "lowPrice": _money(market, day.low),
        "volume": _quantity(market, day.volume),
        "quoteVolume": f"{day.quote_volume:.8f}",
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": tick - day.trades + 1,
        "lastId": tick,
        "count": day.trades,
    }


def average_price_answer(market: Market, at_ms: int) -> Json:
    """GET /api/v3/avgPrice: over the last five minutes."""
    tick = tick_of(at_ms)
    rates = [price(market, past) for past in range(tick - 59, tick + 1)]
    return {"mins": 5, "price": _money(market, sum(rates) / len(rates)), "closeTime": tick * TICK_MS}


def trades_answer(market: Market, at_ms: int, limit: int) -> list[Json]:
    """GET /api/v3/trades: one trade a tick, oldest first."""
    last = tick_of(at_ms)
    return [
        {
            "id": tick,
            "price": _money(market, price(market, tick)),
            "qty": _quantity(market, volume(market, tick)),
            "quoteQty": f"{price(market, tick) * volume(market, tick):.8f}",
            "time": tick * TICK_MS,
            "isBuyerMaker": price(market, tick) < price(market, tick - 1),
            "isBestMatch": True,
        }
        for tick in range(last - limit + 1, last + 1)
    ]


def _money(market: Market, value: float) -> str:
    return f"{value:.{market.price_decimals}f}"


def _quantity(market: Market, value: float) -> str:
    return f"{value:.{market.amount_decimals}f}"


def _floor(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def _ceil(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def _amount(market: Market, tick: int, number: int) -> Decimal:
    worth = _LEVEL_WORTH_USDT * (0.5 + unit(tick, number))
    amount = worth / MARKETS[market.base + "USDT"].reference_price
    return Decimal(_quantity(market, amount))

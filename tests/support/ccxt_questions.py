"""What the real ccxt asks of an exchange, for the questions that freqtrade has: a script for freqtrade's own Python.

`python ccxt_questions.py EXCHANGE...` prints one JSON line for each request: exchange, kind of market, question,
method, path in the cache, names of headers. Nothing is sent: each request ends where it would be.
"""

import json
import sys
from typing import Any

import ccxt

SINCE = 1_795_399_990_123
LIMIT = 100


def main() -> None:
    for name in sys.argv[1:]:
        for kind, symbol in (("spot", "BTC/USDT"), ("swap", "BTC/USDT:USDT")):
            for question, ask in questions(symbol, kind):
                exchange = made(name, kind, symbol)
                exchange.fetch = recorder(name, kind, question)
                try:
                    ask(exchange)
                except (ccxt.BaseError, TypeError):
                    continue  # recorded, or not to be had of this exchange without a key


def questions(symbol: str, kind: str) -> list[tuple[str, Any]]:
    always = [
        ("candles", lambda e: e.fetch_ohlcv(symbol, "1h", limit=LIMIT)),
        ("candles", lambda e: e.fetch_ohlcv(symbol, "1d", limit=LIMIT)),
        ("candles", lambda e: e.fetch_ohlcv(symbol, "5m", since=SINCE, limit=LIMIT)),
        ("markets", lambda e: e.fetch_markets()),
        ("markets", lambda e: e.fetch_currencies()),
        ("ticker", lambda e: e.fetch_tickers()),
        ("ticker", lambda e: e.fetch_ticker(symbol)),
        ("book", lambda e: e.fetch_order_book(symbol, 20)),
        ("trades", lambda e: e.fetch_trades(symbol, limit=LIMIT)),
        ("clock", lambda e: e.fetch_time()),
    ]
    of_futures = [
        ("candles", lambda e: e.fetch_ohlcv(symbol, "1h", limit=LIMIT, params={"price": "mark"})),
        ("rates", lambda e: e.fetch_funding_rate_history(symbol, limit=LIMIT)),
        ("markets", lambda e: e.fetch_leverage_tiers()),
        ("markets", lambda e: e.fetch_market_leverage_tiers(symbol)),
    ]
    return always + (of_futures if kind == "swap" else [])


def made(name: str, kind: str, symbol: str) -> Any:
    options = {"defaultType": kind, "fetchMarkets": {"types": ["spot" if kind == "spot" else "linear"]}}
    exchange = getattr(ccxt, name)({"enableRateLimit": False, "options": options})
    exchange.urls["api"] = led(exchange.urls["api"], "")
    exchange.set_markets([market(symbol, kind)])
    return exchange


def led(api: dict[str, Any], before: str) -> dict[str, Any]:
    """ccxt's urls.api as the operator renders them."""
    return {
        key: led(value, f"{before}{key}.") if isinstance(value, dict) else f"http://cache/{before}{key}"
        for key, value in api.items()
    }


def market(symbol: str, kind: str) -> dict[str, Any]:
    swap = kind == "swap"
    return {
        "id": "BTCUSDT",
        "symbol": symbol,
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT" if swap else None,
        "settleId": "usdt" if swap else None,
        "type": kind,
        "spot": not swap,
        "swap": swap,
        "future": False,
        "option": False,
        "contract": swap,
        "linear": swap or None,
        "inverse": False if swap else None,
        "active": True,
        "contractSize": 1 if swap else None,
        "precision": {"amount": 0.1, "price": 0.1},
        "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
        "info": {"instFamily": "BTC-USDT", "uly": "BTC-USDT"},
    }


def recorder(name: str, kind: str, question: str) -> Any:
    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        path = url.removeprefix("http://cache/")
        print(json.dumps([name, kind, question, method, path, sorted(headers or {})]))
        raise ccxt.NetworkError("as far as this goes")

    return fetch


if __name__ == "__main__":
    main()

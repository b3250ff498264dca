"""What is kept of answers as the exchanges give them: the samples are those of their documentation, cut short."""

import json

import pytest

from btcwatcher_api.market.endpoints import Data, Verdict
from btcwatcher_api.market.freshness import newest_ms
from btcwatcher_api.market.tables import table_of

OPENED = 1_671_265_020
NEW, OLD = OPENED * 1000, OPENED * 1000 - 60_000
NEW_S, OLD_S = OPENED, OPENED - 60


def okay(code: str, data: object) -> object:
    return {"code": code, "data": data}


CANDLES = [
    ("binance", "public", "klines", [[OLD, "1"], [NEW, "1"]]),
    ("okx", "rest", "api/v5/market/candles", okay("0", [[str(NEW), "1"], [str(OLD), "1"]])),
    ("bybit", "public", "v5/market/kline", {"retCode": 0, "result": {"list": [[str(NEW)], [str(OLD)]]}}),
    ("kraken", "public", "0/public/OHLC", {"error": [], "result": {"XXBTZUSD": [[OLD_S], [NEW_S]], "last": 1}}),
    ("kraken", "public", "0/public/OHLC", {"error": [], "result": {"last": 1, "XXBTZUSD": [[OLD_S], [NEW_S]]}}),
    ("gate", "public.spot", "spot/candlesticks", [[str(OLD_S), "1"], [str(NEW_S), "1"]]),
    ("gate", "public.futures", "futures/usdt/candlesticks", [{"t": OLD_S, "o": "1"}, {"t": NEW_S, "o": "1"}]),
    ("kucoin", "public", "api/v1/market/candles", okay("200000", [[str(NEW_S)], [str(OLD_S)]])),
    ("kucoin", "futuresPublic", "api/v1/kline/query", okay("200000", [[OLD], [NEW]])),
    ("kucoin", "uta", "api/ua/v1/market/kline", okay("200000", {"list": [[NEW_S], [OLD_S]]})),
    ("bitget", "spot", "api/v2/spot/market/candles", okay("00000", [[str(OLD)], [str(NEW)]])),
    ("bitget", "mix", "api/v2/mix/market/history-candles", okay("00000", [[str(NEW)]])),
]


@pytest.mark.parametrize(("exchange", "api", "path", "answer"), CANDLES)
def test_when_the_newest_candle_opened(exchange: str, api: str, path: str, answer: object) -> None:
    candles = table_of(exchange).find(api, path).candles
    assert candles is not None
    assert newest_ms(candles, json.dumps(answer).encode()) == OPENED * 1000
    assert table_of(exchange).judge(200, json.dumps(answer).encode()) is Verdict.GOOD


@pytest.mark.parametrize(
    ("exchange", "status", "answer", "verdict"),
    [
        ("binance", 400, {"code": -1121, "msg": "Invalid symbol."}, Verdict.FAILED),
        ("okx", 200, {"code": "51001", "msg": "Instrument ID does not exist", "data": []}, Verdict.FAILED),
        ("okx", 200, {"code": "50011", "msg": "Requests too frequent.", "data": []}, Verdict.LIMITED),
        ("bybit", 200, {"retCode": 10001, "retMsg": "Not supported symbols"}, Verdict.FAILED),
        ("bybit", 200, {"retCode": 10006, "retMsg": "Too many visits!"}, Verdict.LIMITED),
        ("bybit", 403, "access too frequent", Verdict.LIMITED),
        ("bybit", 403, "not from your country", Verdict.FAILED),
        ("kraken", 200, {"error": ["EQuery:Unknown asset pair"]}, Verdict.FAILED),
        ("kraken", 200, {"error": ["EGeneral:Too many requests"]}, Verdict.LIMITED),
        ("gate", 400, {"label": "INVALID_CURRENCY_PAIR"}, Verdict.FAILED),
        ("kucoin", 200, {"code": "400100", "msg": "Unsupported trading pair."}, Verdict.FAILED),
        ("kucoin", 429, {"code": "429000", "msg": "Too many requests"}, Verdict.LIMITED),
        ("bitget", 400, {"code": "40034", "msg": "Parameter does not exist"}, Verdict.FAILED),
        ("bitget", 429, {"code": "429", "msg": "Too Many Requests"}, Verdict.LIMITED),
        ("nowhere", 200, {"error": "anything"}, Verdict.GOOD),
        ("nowhere", 404, {}, Verdict.FAILED),
    ],
)
def test_errors_are_seen_whatever_the_status(exchange: str, status: int, answer: object, verdict: Verdict) -> None:
    assert table_of(exchange).judge(status, json.dumps(answer).encode()) is verdict


@pytest.mark.parametrize("exchange", ["okx", "bybit", "kraken", "kucoin", "bitget"])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"code": 7, "retCode": "x", "error": 7}'])
def test_what_is_no_answer_of_the_exchange_is_not_kept(exchange: str, body: bytes) -> None:
    assert table_of(exchange).judge(200, body) is Verdict.FAILED


@pytest.mark.parametrize(
    ("api", "path", "args", "weight"),
    [
        ("public", "klines", {}, 2),
        ("public", "exchangeInfo", {}, 20),
        ("public", "depth", {}, 5),
        ("public", "depth", {"limit": "100"}, 5),
        ("public", "depth", {"limit": "101"}, 25),
        ("public", "depth", {"limit": "5000"}, 250),
        ("public", "depth", {"limit": "x"}, 5),
        ("public", "ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("public", "ticker/24hr", {}, 80),
        ("fapiPublic", "klines", {"limit": "99"}, 1),
        ("fapiPublic", "klines", {"limit": "499"}, 2),
        ("fapiPublic", "klines", {}, 5),
        ("fapiPublic", "klines", {"limit": "1500"}, 10),
        ("fapiPublic", "ticker/24hr", {}, 40),
        ("fapiData", "openInterestHist", {}, 1),
        ("public", "unheardOf", {}, 1),
    ],
)
def test_binances_weights(api: str, path: str, args: dict[str, str], weight: int) -> None:
    assert table_of("binance").find(api, path).weight(args) == weight


def test_an_unknown_exchange_gets_what_is_safe() -> None:
    endpoint = table_of("nowhere").find("public", "klines")
    assert (endpoint.data, endpoint.weight({}), endpoint.candles) == (Data.UNKNOWN, 1, None)

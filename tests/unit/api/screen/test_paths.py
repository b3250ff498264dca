"""What a request for a bot is, and that no path leads anywhere but to a bot's API."""

import pytest

from btcwatcher_api.screen.paths import Ask, BotPath, ask_of, bot_path


def test_a_path_names_a_bot_and_what_is_asked_of_it() -> None:
    path = bot_path("/bots/trading/ema-cross/api/v1/trades/7/reload")
    assert path == BotPath("trading", "ema-cross", "trades/7/reload")
    assert path.strategy == "trading.ema-cross"
    assert path.encoded == "trades/7/reload"


def test_a_class_may_have_any_name_that_python_takes() -> None:
    path = bot_path("/bots/trading/ema-cross/api/v1/strategy/%E5%9D%87%E7%BA%BF")
    assert path is not None
    assert path.endpoint == "strategy/均线"
    assert path.encoded == "strategy/%E5%9D%87%E7%BA%BF"


@pytest.mark.parametrize(
    "raw",
    [
        "/bots/trading/ema-cross/api/v1/",
        "/bots/trading/ema-cross/api/v1/../../other",
        "/bots/trading/ema-cross/api/v1/%2e%2e/%2e%2e/other",
        "/bots/trading/ema-cross/api/v1/a%2fb",
        "/bots/trading/ema-cross/api/v1/a%5cb",
        "/bots/trading/ema-cross/api/v1/a%00b",
        "/bots/trading/ema-cross/api/v1/a%0d%0ab",
        "/bots/trading/ema-cross/api/v1/%25%32%65",
        "/bots/trading/ema-cross/api/v1/a//b",
        "/bots/trading/ema-cross/api/v1/%ff",
        "/bots/trading/ema-cross/api/v1/.hidden",
        "/bots/trading/ema-cross/api/v2/ping",
        "/bots/trading/ema-cross/docs",
        "/bots/trading.evil/ema-cross/api/v1/ping",
        "/bots/trading/ema-cross@evil/api/v1/ping",
        "/bots/trading/ema-cross:80/api/v1/ping",
        "/bots/../ema-cross/api/v1/ping",
        "//bots/trading/ema-cross/api/v1/ping",
        "http://evil/bots/trading/ema-cross/api/v1/ping",
    ],
)
def test_nothing_else_is_a_path_of_a_bot(raw: str) -> None:
    assert bot_path(raw) is None


@pytest.mark.parametrize(
    ("method", "endpoint", "ask"),
    [
        ("GET", "status", Ask.READ),
        ("HEAD", "ping", Ask.READ),
        ("POST", "pair_candles", Ask.READ),
        ("POST", "forceexit", Ask.COMMAND),
        ("POST", "forcesell", Ask.COMMAND),
        ("POST", "stop", Ask.COMMAND),
        ("DELETE", "trades/3", Ask.COMMAND),
        ("PATCH", "backtest/history/x", Ask.COMMAND),
        ("GET", "backtest/abort", Ask.COMMAND),
        ("POST", "pair_candles/x", Ask.COMMAND),
        ("POST", "token/login", Ask.TOKEN),
        ("POST", "token/refresh", Ask.TOKEN),
        ("GET", "token/refresh", Ask.OTHER),
        ("GET", "message/ws", Ask.WEBSOCKET),
        ("POST", "message/ws", Ask.OTHER),
        ("OPTIONS", "status", Ask.OTHER),
        ("TRACE", "status", Ask.OTHER),
    ],
)
def test_what_changes_something_is_a_command(method: str, endpoint: str, ask: Ask) -> None:
    assert ask_of(method, endpoint) is ask

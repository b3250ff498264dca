"""What a bot's trades say was filled."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from btcwatcher_api.collector.bot_api import Order, Trade
from btcwatcher_api.collector.fills import fills_of
from btcwatcher_api.signals.types import SignalType
from support.bots import WEBHOOKS, recorded_fills

OPENED = 1_790_000_000_123


def order(identity: str, side: str = "buy", at: int = 0, **fields: object) -> Order:
    values = {
        "order_id": identity,
        "ft_order_side": side,
        "is_open": False,
        "safe_price": 100.5,
        "filled": 0.3,
        "order_filled_timestamp": OPENED + at,
        **fields,
    }
    return Order(**values)  # type: ignore[arg-type]


def trade(*orders: Order, **fields: object) -> Trade:
    values = {
        "trade_id": 7,
        "pair": "BTC/USDT",
        "is_open": True,
        "is_short": False,
        "open_timestamp": OPENED,
        "stake_amount": 30.0,
        "quote_currency": "USDT",
        "orders": list(orders),
        "enter_tag": "breakout:0.9",
        **fields,
    }
    return Trade(**values)  # type: ignore[arg-type]


def test_only_orders_that_were_filled_are_fills() -> None:
    still_open = order("2", is_open=True, filled=0.1)
    cancelled = order("3", filled=0.0)
    assert [fill.order_id for fill in fills_of(trade(order("1"), still_open, cancelled))] == ["1"]
    assert fills_of(trade(still_open)) == []


def test_an_entry_says_what_its_webhook_says() -> None:
    (fill,) = fills_of(trade(order("1", filled=0.3, ft_fee_base=0.0003, safe_price=1e-05)))
    assert fill.type is SignalType.ENTRY_FILL
    assert (fill.trade_id, fill.direction, fill.enter_tag) == ("7", "long", "breakout:0.9")
    assert fill.amount == Decimal(repr(0.3 - 0.0003)), "after the fee, in the floats that freqtrade computes with"
    assert fill.price == Decimal("0.00001")
    assert fill.filled_at == datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)
    assert (fill.exit_reason, fill.profit_amount, fill.sub_trade) == (None, None, False)


def test_a_short_trade_is_entered_by_selling() -> None:
    fills = fills_of(trade(order("1", "sell"), order("2", "buy", 5), is_short=True, is_open=False))
    assert [fill.type for fill in fills] == [SignalType.ENTRY_FILL, SignalType.EXIT_FILL]
    assert {fill.direction for fill in fills} == {"short"}


def test_a_stop_loss_on_the_exchange_is_an_exit() -> None:
    fills = fills_of(trade(order("1"), order("2", "stoploss", 5), is_open=False, exit_reason="stoploss_on_exchange"))
    assert (fills[1].type, fills[1].exit_reason) == (SignalType.EXIT_FILL, "stoploss_on_exchange")


def test_of_several_orders_the_first_entry_and_the_last_exit_are_the_trades_own() -> None:
    orders = [
        order("1"),
        order("2", at=10),
        order("3", "sell", 20, ft_order_tag="less"),
        order("4", "sell", 30, ft_order_tag="roi"),
    ]
    closed = fills_of(trade(*reversed(orders), is_open=False, close_profit=0.02, close_profit_abs=0.4))
    assert [fill.order_id for fill in closed] == ["1", "2", "3", "4"], "by time"
    assert [fill.sub_trade for fill in closed] == [False, True, True, False]
    assert [fill.exit_reason for fill in closed] == [None, None, "less", "roi"]
    assert [fill.profit_amount is None for fill in closed] == [True, True, False, False]
    still = fills_of(trade(*orders[:3]))
    assert [fill.sub_trade for fill in still] == [False, True, True], "an exit of an open trade is a part"


def test_the_only_exit_has_the_profit_of_the_trade() -> None:
    fills = fills_of(trade(order("1"), order("2", "sell", 9), is_open=False, close_profit=0.02, close_profit_abs=0.4))
    assert (fills[1].profit_ratio, fills[1].profit_amount) == (Decimal("0.02"), Decimal("0.4"))


def test_a_tag_never_holds_what_postgres_cannot_store() -> None:
    (fill,) = fills_of(trade(order("1"), enter_tag="a\0b"))
    assert fill.enter_tag == "ab"


def test_stakes_and_profits_are_those_that_the_webhooks_told() -> None:
    told = {(body["trade_id"], body["type"], body["sub_trade"]): body for body in WEBHOOKS}
    fills = recorded_fills()
    assert len(fills) == len(told) == 8
    for fill in fills:
        body = told[fill.trade_id, fill.type, str(fill.sub_trade)]
        assert (str(fill.price), f"{fill.amount:f}") == (body["order_rate"], body["amount"])
        assert float(fill.stake) == pytest.approx(float(body["stake_amount"]))
        if fill.type is SignalType.EXIT_FILL:
            # freqtrade rounds the average price of the entries to the exchange's precision first.
            assert fill.profit_amount is not None
            assert float(fill.profit_amount) == pytest.approx(float(body["profit_amount"]), rel=1e-4)
            assert fill.profit_ratio is not None
            assert float(fill.profit_ratio) == pytest.approx(float(body["profit_ratio"]), rel=1e-4)


def test_of_parts_of_a_future_no_profit_is_made_up() -> None:
    orders = [order("1"), order("2", "sell", 10, filled=0.1), order("3", "sell", 20, filled=0.2)]
    whole = {"close_profit": 0.02, "close_profit_abs": 0.4, "trading_mode": "futures", "leverage": 3.0}
    fills = fills_of(trade(*orders, is_open=False, **whole))
    assert [fill.profit_amount for fill in fills] == [None, None, None]
    fills = fills_of(trade(*orders[::2], is_open=False, **whole))
    assert fills[1].profit_amount == Decimal("0.4"), "the only exit has the trade's"
    assert fills[0].stake == Decimal("10.05"), "a third of what it is worth"

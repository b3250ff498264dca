"""TradingView's alerts, as its users write them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from btcwatcher_api.signals.bodies import decode, parse
from btcwatcher_api.signals.fields import InvalidBody
from btcwatcher_api.signals.types import Event, SignalType, Source

ORDER = {
    "action": "buy",
    "ticker": "BTCUSDT.P",
    "market_position": "long",
    "prev_market_position": "flat",
    "price": "67432.50",
    "contracts": "0.1",
    "order_id": "Long Entry",
    "comment": "",
    "time": "2026-11-22T19:50:37Z",
}


def parsed(body: dict[str, Any]) -> Event:
    event = parse(decode(json.dumps(body).encode()))
    assert event is not None
    return event


def test_a_strategys_order() -> None:
    event = parsed({**ORDER, "price": 67432.5, "signal_strength": "0.9"})
    assert (event.source, event.type, event.pair, event.direction) == (
        Source.TRADINGVIEW,
        SignalType.ENTRY,
        "BTCUSDT.P",
        "long",
    )
    assert (event.price, event.amount, event.enter_tag) == (Decimal("67432.5"), Decimal("0.1"), "Long Entry")
    assert (event.stated_strength, event.trade_id) == (Decimal("0.9"), None)
    assert event.happened_at == datetime(2026, 11, 22, 19, 50, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "before", "after", "kind", "direction"),
    [
        ("buy", "flat", "long", SignalType.ENTRY, "long"),
        ("buy", "long", "long", SignalType.ENTRY, "long"),
        ("sell", "long", "long", SignalType.EXIT, "long"),
        ("sell", "long", "flat", SignalType.EXIT, "long"),
        ("sell", "flat", "short", SignalType.ENTRY, "short"),
        ("buy", "short", "short", SignalType.EXIT, "short"),
        ("buy", "short", "flat", SignalType.EXIT, "short"),
        ("buy", "short", "long", SignalType.ENTRY, "long"),
        ("sell", "long", "short", SignalType.ENTRY, "short"),
        ("sell", None, "flat", SignalType.EXIT, "long"),
        ("buy", None, "flat", SignalType.EXIT, "short"),
    ],
)
def test_what_an_order_did_is_told_by_the_positions(
    action: str, before: str | None, after: str, kind: SignalType, direction: str
) -> None:
    event = parsed({**ORDER, "action": action, "market_position": after, "prev_market_position": before})
    assert (event.type, event.direction) == (kind, direction)
    assert (event.enter_tag or event.exit_reason) == "Long Entry"


def test_an_indicators_alert_says_what_it_means() -> None:
    event = parsed({"action": "exit", "ticker": "ETHUSDT", "direction": "Long", "comment": "RSI"})
    assert (event.type, event.direction, event.exit_reason) == (SignalType.EXIT, "long", "RSI")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"market_position": None}, "market_position"),
        ({"market_position": "up"}, "market_position"),
        ({"prev_market_position": 3}, "prev_market_position"),
        ({"action": "hold"}, "action"),
        ({"action": "{{strategy.order.action}}"}, "action"),
        ({"comment": "at {{plot_0}}"}, "comment"),
        ({"ticker": ""}, "ticker"),
        ({"price": "high"}, "price"),
        ({"time": "now"}, "time"),
        ({"direction": "up"}, "direction"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        parsed({**ORDER, **change})
    assert [error.field for error in caught.value.errors] == [field]

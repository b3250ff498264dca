"""Subjects of every kind, as examples: what a user's template is tried against, and what the documentation shows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.signals.types import Priority

_AT: Final = datetime(2026, 11, 22, 19, 50, 37, tzinfo=UTC)
_TRADE: Final[dict[str, Any]] = {
    "source": "freqtrade",
    "pair": "BTC/USDT",
    "direction": "long",
    "trade_id": "1",
    "trade_opened_at": _AT,
    "sub_trade": False,
    "price": Decimal("60414.57469"),
    "amount": Decimal("0.00165"),
    "stake": Decimal("99.6840482385"),
    "stake_currency": "USDT",
    "profit_ratio": None,
    "profit_amount": None,
    "enter_tag": "pulse",
    "exit_reason": None,
    "message": None,
    "strength": Decimal("0.85"),
    "level": "Strong",
    "recovered": False,
}
_WORDS: Final[dict[str, Any]] = {"source": "freqtrade", "recovered": False}


def _signal(number: int, priority: Priority, values: dict[str, Any]) -> Subject:
    return Subject(UUID(int=number), Kind.SIGNAL, priority, "trading", "ema-cross", _AT, values)


def _notice(number: int, kind: Kind, priority: Priority, values: dict[str, Any], strategy: str | None) -> Subject:
    common = {"labels": {}, "annotations": {}, "resolved": False, "starts_at": None, "ends_at": None, "author": None}
    return Subject(UUID(int=number), kind, priority, "trading", strategy, _AT, common | values)


_EXIT: Final = {
    "price": Decimal("60615.75"),
    "profit_ratio": Decimal("0.00333123"),
    "profit_amount": Decimal("0.33339264"),
    "exit_reason": "roi",
    "strength": None,
    "level": None,
}
_LOSS: Final = {
    "profit_ratio": Decimal("-0.0512"),
    "profit_amount": Decimal("-5.1038"),
    "exit_reason": "trailing_stop_loss",
}
_ALERT: Final[dict[str, Any]] = {
    "title": "BTCWatcherNodeMemoryFull",
    "body": "Node worker-1 has memory for 2 more bots.",
    "labels": {"alertname": "BTCWatcherNodeMemoryFull", "severity": "warning"},
    "annotations": {"summary": "Node worker-1 has memory for 2 more bots."},
    "fingerprint": "b4c2a7d1e0f39586",
    "starts_at": _AT,
}

SAMPLES: Final[tuple[Subject, ...]] = (
    _signal(1, Priority.P0, _TRADE | {"type": "entry"}),
    _signal(2, Priority.P1, _TRADE | {"type": "entry_fill"}),
    _signal(3, Priority.P2, _TRADE | {"type": "entry_cancel", "level": "Weak", "strength": Decimal("0.4")}),
    _signal(4, Priority.P1, _TRADE | _EXIT | {"type": "exit"}),
    _signal(5, Priority.P1, _TRADE | _EXIT | {"type": "exit_fill"}),
    _signal(6, Priority.P0, _TRADE | _EXIT | _LOSS | {"type": "exit_fill"}),
    _signal(7, Priority.P1, _TRADE | _EXIT | {"type": "exit_cancel"}),
    _signal(8, Priority.P2, _WORDS | {"type": "status", "message": "running"}),
    _signal(9, Priority.P2, _WORDS | {"type": "startup", "message": "*Exchange:* `binance`\n*Timeframe:* `1m`"}),
    _signal(10, Priority.P2, _WORDS | {"type": "warning", "message": "Dry run is enabled."}),
    _signal(11, Priority.P0, _WORDS | {"type": "exception", "message": "OperationalException: no data"}),
    _signal(12, Priority.P1, _WORDS | {"type": "protection_trigger", "pair": "BTC/USDT", "message": "CooldownPeriod"}),
    _signal(13, Priority.P1, _WORDS | {"type": "protection_trigger_global", "message": "MaxDrawdown"}),
    _signal(14, Priority.P0, _WORDS | {"type": "liquidation_warning", "pair": "BTC/USDT"}),
    _signal(15, Priority.P2, _WORDS | {"type": "strategy_msg", "message": "hello", "level": "Weak"}),
    _notice(16, Kind.ALERT, Priority.P1, _ALERT, None),
    _notice(
        17,
        Kind.ALERT,
        Priority.P0,
        _ALERT | {"resolved": True, "ends_at": _AT + timedelta(minutes=10)},
        "ema-cross",
    ),
    _notice(18, Kind.MANUAL, Priority.P1, {"title": "Maintenance", "body": "From 22:00.", "author": "ada"}, None),
    _notice(19, Kind.TEST, Priority.P0, {"title": "Test", "body": "A test message.", "author": "ada"}, None),
)
"""One of each kind and type; ordered, so that failures name the simplest one first."""

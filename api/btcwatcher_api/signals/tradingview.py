"""TradingView's alerts -> Event. The message is what its user typed, with TradingView's placeholders filled in.

`action` is `buy` or `sell` ({{strategy.order.action}}) beside `market_position` and best `prev_market_position`, which
tell whether the order opened or closed, or `entry`, `exit` or `message` of an alert that is no strategy's; `ticker` or
`pair`; and as far as known `price`, `contracts`, `order_id`, `comment`, `time` ({{timenow}}), `direction`,
`signal_strength`, `message`. Nothing is required twice and nothing is guessed: a lone `sell` may open or close.
"""

from typing import Any, Final

from btcwatcher_api.signals.fields import FieldError, Fields, InvalidBody
from btcwatcher_api.signals.limits import MESSAGE_LENGTH, NAME_LENGTH, PAIR_LENGTH
from btcwatcher_api.signals.types import TRADE_TYPES, Event, SignalType, Source

_NULLS: Final = ("", "null", "NaN", "na")
_ORDERS: Final = {"buy": "long", "sell": "short"}
_OTHERS: Final = {"entry": SignalType.ENTRY, "exit": SignalType.EXIT, "message": SignalType.STRATEGY_MSG}
_POSITIONS: Final = ("long", "short", "flat")


def is_tradingview(body: dict[str, Any]) -> bool:
    """Whether a body with an `action` is TradingView's: only its messages say buy, sell or ticker."""
    return "ticker" in body or "market_position" in body or body["action"] in ("buy", "sell")


def parse(body: dict[str, Any]) -> Event:
    """Raises InvalidBody naming every bad field."""
    read = Fields(body, _NULLS)
    for name, value in body.items():
        if isinstance(value, str) and "{{" in value and "}}" in value:
            read.wrong(
                name[:64], "holds a placeholder that TradingView did not fill in: it has it in strategy alerts only"
            )
    read.check()
    kind, direction = _what(read, body["action"])
    event = Event(
        source=Source.TRADINGVIEW,
        type=kind,
        happened_at=read.moment("timestamp") or read.moment("time"),
        pair=read.text("pair", PAIR_LENGTH) or read.text("ticker", PAIR_LENGTH, required=kind in TRADE_TYPES),
        direction=direction,
        price=read.number("price"),
        amount=read.number("contracts"),
        message=read.text("message", MESSAGE_LENGTH),
        stated_strength=read.strength(),
    )
    # An order's id is the name it has in the script, not a number of its own.
    comment = read.label("comment", NAME_LENGTH) or read.label("order_id", NAME_LENGTH)
    if kind is SignalType.ENTRY:
        event.enter_tag = comment
    elif kind is SignalType.EXIT:
        event.exit_reason = comment
    read.check()
    return event


def _what(read: Fields, action: object) -> tuple[SignalType, str | None]:
    """Entry, exit or message, and long or short. Raises InvalidBody."""
    stated = (read.text("direction", NAME_LENGTH) or "").lower() or None
    if stated not in (None, "long", "short"):
        raise InvalidBody(FieldError("direction", "must be long or short"))
    if not isinstance(action, str) or action not in _ORDERS:
        kind = _OTHERS.get(action) if isinstance(action, str) else None
        if kind is None:
            raise InvalidBody(FieldError("action", f"must be one of {', '.join((*_ORDERS, *_OTHERS))}"))
        return kind, stated
    position, before = _position(read, "market_position"), _position(read, "prev_market_position")
    if position is None:
        raise InvalidBody(
            FieldError(
                "market_position",
                f'is required with {action}: "{{{{strategy.market_position}}}}"; or say action entry or exit',
            )
        )
    side = _ORDERS[action]
    if position == side:
        return SignalType.ENTRY, side
    # The order closed what stood on the other side, wholly or in part.
    closed = "long" if side == "short" else "short"
    return SignalType.EXIT, before if before in ("long", "short") else closed


def _position(read: Fields, field: str) -> str | None:
    position = read.text(field, NAME_LENGTH)
    if position is not None and position not in _POSITIONS:
        raise InvalidBody(FieldError(field, f"must be one of {', '.join(_POSITIONS)}"))
    return position

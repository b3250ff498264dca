"""Bytes of a webhook -> one Event. Three bodies are taken: freqtrade's, whose values are all strings (JSON or a form),
TradingView's (see `tradingview`) and a plain one.

The plain body: `action` ("entry", "exit" or "message"), `pair` (required unless it is a message), and as far as known
`direction`, `signal_strength` (0 to 1), `price`, `amount`, `stake`, `stake_currency`, `profit_ratio`, `profit_amount`,
`tag`, `reason`, `trade_id`, `timestamp`, `message`. Numbers, and `trade_id`, may be JSON numbers or strings, the rest
must be strings; other fields are kept as they are in the payload.
"""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from btcwatcher_api.signals import tradingview
from btcwatcher_api.signals.fields import FieldError, Fields, InvalidBody
from btcwatcher_api.signals.limits import MESSAGE_LENGTH, NAME_LENGTH, PAIR_LENGTH
from btcwatcher_api.signals.types import (
    ENTRY_TYPES,
    EXIT_TYPES,
    IGNORED_TYPES,
    TRADE_TYPES,
    Event,
    SignalType,
    Source,
)
from btcwatcher_api.signals.unkeepable import unkeepable

_NULLS: Final = ("None", "")
_TYPES: Final = {kind.value: kind for kind in SignalType}
_PLAIN_ACTIONS: Final = {
    "entry": SignalType.ENTRY,
    "exit": SignalType.EXIT,
    "message": SignalType.STRATEGY_MSG,
}
_DIRECTIONS: Final = frozenset({"long", "short"})

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

_MOST_FIELDS: Final = 500


class NotJson(Exception):  # noqa: N818
    """The bytes are not JSON; the message says where they stop being it."""


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object in the body, numbers as Decimal. Raises NotJson, and InvalidBody when it is no object.

    InvalidBody too for half of a surrogate pair, which is JSON that no string can hold.
    """
    try:
        decoded = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        if wrong := unkeepable(body):
            raise InvalidBody(*wrong) from error
        raise NotJson(str(error)) from error
    if not isinstance(decoded, dict):
        raise InvalidBody(FieldError("body", "must be a JSON object"))
    return decoded


def decode_form(body: bytes) -> dict[str, Any]:
    """The fields of a form, all strings. JSON that is announced as a form, as `curl -d` does, is taken for what it is.

    Raises NotJson for what is neither, and InvalidBody for a field that comes twice.
    """
    if body.lstrip()[:1] == b"{":
        return decode(body)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        # The parser's own words quote the body, which may hold a token.
        raise NotJson("and no form of name=value pairs either") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise InvalidBody(*(FieldError(name[:64], "comes more than once") for name in fields if names.count(name) > 1))
    return fields


def encode(body: dict[str, Any]) -> bytes:
    """A decoded body as JSON again, its numbers digit by digit."""
    return _encoder.encode(body)


def parse(body: dict[str, Any]) -> Event | None:
    """The event in a decoded body; None for market data that is not kept. Raises InvalidBody naming every bad field."""
    kind = body.get("type")
    if kind is None and "action" in body:
        return tradingview.parse(body) if tradingview.is_tradingview(body) else _plain(body)
    if isinstance(kind, str) and kind in IGNORED_TYPES:
        return None
    known = _TYPES.get(kind) if isinstance(kind, str) else None
    if known is None:
        said = "is required (or `action` for a plain signal)" if kind is None else "is not a known message type"
        raise InvalidBody(FieldError("type", f"{said}: one of {', '.join(_TYPES)}"))
    if known in TRADE_TYPES:
        return _trade(known, body)
    return _message(known, body)


def _trade(kind: SignalType, body: dict[str, Any]) -> Event:
    read = Fields(body, _NULLS)
    opened = read.moment("open_date")
    sub_trade = read.flag("sub_trade")
    event = Event(
        source=Source.FREQTRADE,
        type=kind,
        pair=read.text("pair", PAIR_LENGTH, required=True),
        direction=_direction(read),
        trade_id=read.label("trade_id", NAME_LENGTH),
        trade_opened_at=opened,
        sub_trade=sub_trade,
        price=_price(kind, read),
        amount=read.number("amount"),
        stake=read.number("stake_amount"),
        stake_currency=read.text("stake_currency", NAME_LENGTH),
        enter_tag=read.text("enter_tag", NAME_LENGTH) or read.text("buy_tag", NAME_LENGTH),
        stated_strength=read.strength(),
    )
    if kind in EXIT_TYPES:
        event.happened_at = read.moment("close_date")
        event.profit_ratio = read.number("profit_ratio")
        event.profit_amount = read.number("profit_amount")
        event.exit_reason = read.text("exit_reason", NAME_LENGTH)
    elif kind is SignalType.ENTRY and not sub_trade:
        event.happened_at = opened
    elif kind is SignalType.ENTRY_FILL and not sub_trade:
        # One fill opens one trade, but its body tells the time of the order only, which may be hours before.
        event.unique_since = opened
    if kind in (SignalType.ENTRY_CANCEL, SignalType.EXIT_CANCEL):
        event.message = read.text("reason", MESSAGE_LENGTH)
    read.check()
    return event


def _price(kind: SignalType, read: Fields) -> Decimal | None:
    if kind in ENTRY_TYPES:
        order = ("order_rate", "limit", "open_rate")
    elif kind is SignalType.EXIT_FILL:
        order = ("close_rate", "order_rate", "limit")
    else:
        order = ("order_rate", "limit", "close_rate")
    for field in order:
        price = read.number(field)
        if price is not None:
            return price
    return None


def _direction(read: Fields) -> str | None:
    text = read.text("direction", NAME_LENGTH)
    return text.lower() if text else None


def _message(kind: SignalType, body: dict[str, Any]) -> Event:
    read = Fields(body, _NULLS)
    event = Event(
        source=Source.FREQTRADE,
        type=kind,
        pair=read.text("pair", PAIR_LENGTH),
        stated_strength=read.strength(),
    )
    if kind is SignalType.STRATEGY_MSG:
        _strategy_message(event, body, read)
    elif kind is SignalType.LIQUIDATION_WARNING:
        event.trade_id = read.label("trade_id", NAME_LENGTH)
        event.direction = _direction(read)
        event.price = read.number("current_rate")
    elif kind in (SignalType.PROTECTION_TRIGGER, SignalType.PROTECTION_TRIGGER_GLOBAL):
        event.happened_at = read.moment("lock_timestamp") or read.moment("lock_time")
        event.message = read.text("reason", MESSAGE_LENGTH)
    else:
        event.message = read.text("status", MESSAGE_LENGTH)
    read.check()
    return event


def _strategy_message(event: Event, body: dict[str, Any], read: Fields) -> None:
    """A strategy may send JSON as its message, with signal_strength, pair and direction; else it is words."""
    said = body.get("msg")
    if isinstance(said, dict):
        event.message = msgspec.json.encode(said).decode()
        inner: object = said
    else:
        event.message = read.text("msg", MESSAGE_LENGTH)
        inner = _object_in(event.message)
    if not isinstance(inner, dict):
        return
    # The words are the user's own: what does not fit in them is no reason to refuse the message.
    lenient = Fields(inner, _NULLS)
    event.stated_strength = event.stated_strength or lenient.strength()
    event.pair = event.pair or lenient.text("pair", PAIR_LENGTH)
    event.direction = _direction(lenient)


def _object_in(text: str | None) -> object:
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _plain(body: dict[str, Any]) -> Event:
    action = body["action"]
    kind = _PLAIN_ACTIONS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise InvalidBody(FieldError("action", f"must be one of {', '.join(_PLAIN_ACTIONS)}"))
    read = Fields(body)
    direction = read.text("direction", NAME_LENGTH)
    if direction is not None and direction.lower() not in _DIRECTIONS:
        read.wrong("direction", "must be long or short")
    event = Event(
        source=Source.PLAIN,
        type=kind,
        happened_at=read.moment("timestamp"),
        pair=read.text("pair", PAIR_LENGTH, required=kind in TRADE_TYPES),
        direction=direction.lower() if direction else None,
        trade_id=read.label("trade_id", NAME_LENGTH),
        price=read.number("price"),
        amount=read.number("amount"),
        stake=read.number("stake"),
        stake_currency=read.text("stake_currency", NAME_LENGTH),
        profit_ratio=read.number("profit_ratio"),
        profit_amount=read.number("profit_amount"),
        enter_tag=read.text("tag", NAME_LENGTH),
        exit_reason=read.text("reason", NAME_LENGTH),
        message=read.text("message", MESSAGE_LENGTH),
        stated_strength=read.strength(),
    )
    read.check()
    return event

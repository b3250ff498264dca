"""What a bot's trades say was filled: one Fill for each order that was, with what its webhook would have said. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from btcwatcher_api.collector.accounts import Account, accounts_of
from btcwatcher_api.collector.bot_api import Order, Trade
from btcwatcher_api.signals.types import SignalType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fill:
    """One filled order of a trade."""

    type: SignalType
    """entry_fill or exit_fill."""
    trade_id: str
    opened_at: datetime
    """With trade_id it names the trade: ids are used again after a cancelled entry, and by a new database."""
    order_id: str
    pair: str
    direction: str
    filled_at: datetime
    price: Decimal
    amount: Decimal
    stake: Decimal
    stake_currency: str
    sub_trade: bool
    """An entry that is not the first of its trade, or an exit that is not its last."""
    enter_tag: str | None
    exit_reason: str | None
    profit_ratio: Decimal | None
    profit_amount: Decimal | None

    @property
    def key(self) -> tuple[str, datetime, str]:
        """What no other fill of this bot has."""
        return (self.trade_id, self.opened_at, self.order_id)


def fills_of(trade: Trade) -> list[Fill]:
    """The fills of a trade, the earliest first. An order that is still open, or ended without a fill, is none."""
    entry_side = "sell" if trade.is_short else "buy"
    filled = sorted(
        filter(is_filled, trade.orders),
        key=lambda order: _filled_at(order, trade),
    )
    # A stop-loss on the exchange is an order of a side of its own.
    entries = [order for order in filled if order.ft_order_side == entry_side]
    exits = [order for order in filled if order.ft_order_side != entry_side]
    accounts = accounts_of(trade, filled, entry_side)
    return [_fill(trade, order, entries, exits, account) for order, account in zip(filled, accounts, strict=True)]


def is_filled(order: Order) -> bool:
    """Not one that is still open, in part or whole, nor one that ended without a fill."""
    return not order.is_open and bool(order.filled)


def moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _fill(trade: Trade, order: Order, entries: list[Order], exits: list[Order], account: Account) -> Fill:
    entry = order in entries
    last_exit = bool(exits) and order is exits[-1]
    return Fill(
        type=SignalType.ENTRY_FILL if entry else SignalType.EXIT_FILL,
        trade_id=str(trade.trade_id),
        opened_at=moment(trade.open_timestamp),
        order_id=order.order_id,
        pair=trade.pair,
        direction="short" if trade.is_short else "long",
        filled_at=_filled_at(order, trade),
        price=_decimal(order.safe_price),
        amount=_decimal(_amount(order, entry=entry)),
        stake=_decimal(account.stake),
        stake_currency=trade.quote_currency,
        sub_trade=order is not entries[0] if entry else trade.is_open or not last_exit,
        enter_tag=_text(trade.enter_tag),
        exit_reason=None if entry else _text(order.ft_order_tag or trade.exit_reason),
        profit_ratio=_maybe(account.ratio),
        profit_amount=_maybe(account.profit),
    )


def _amount(order: Order, *, entry: bool) -> float:
    """As the webhook computes it, in floats, so that both have the same digits."""
    filled = order.filled or 0.0
    return filled - (order.ft_fee_base or 0.0) if entry else filled


def _filled_at(order: Order, trade: Trade) -> datetime:
    return moment(order.order_filled_timestamp or order.order_timestamp or trade.open_timestamp)


def _decimal(number: float) -> Decimal:
    """The shortest decimal that reads back as this float: what freqtrade prints."""
    return Decimal(repr(number))


def _text(text: str | None) -> str | None:
    """Postgres has no NUL in its strings."""
    return text.replace("\0", "") if text else None


def _maybe(number: float | None) -> Decimal | None:
    return None if number is None else _decimal(number)

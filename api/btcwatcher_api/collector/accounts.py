"""What each fill meant for the stake and the profit of its trade. The bot's API tells that of the whole trade only, its
webhooks of each fill; computed in floats, as freqtrade does. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from btcwatcher_api.collector.bot_api import Order, Trade

_DIGITS: Final = 8
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Account:
    """As of one fill. Money is in the stake currency; what cannot be told is None."""

    stake: float
    """What is in the trade after the fill; after the last one, what was in it before."""
    profit: float | None = None
    """Of an exit: fees included."""
    ratio: float | None = None


def accounts_of(trade: Trade, filled: Sequence[Order], entry_side: str) -> list[Account]:
    """One for each of the filled orders, which are all of the trade's, the earliest first."""
    exits = sum(order.ft_order_side != entry_side for order in filled)
    whole = not trade.is_open and exits == 1
    # Interest and funding are not known of each order.
    plain = trade.trading_mode in (None, "spot") and not trade.is_short
    leverage = trade.leverage or 1.0
    accounts = []
    amount = cost = 0.0
    for order in filled:
        traded = (order.filled or 0.0) - (order.ft_fee_base or 0.0)
        if order.ft_order_side == entry_side:
            amount += traded
            cost += traded * order.safe_price
            accounts.append(Account(round(cost / leverage, _DIGITS)))
            continue
        opened_at = cost / amount if amount > _NOTHING else 0.0
        left = amount - traded
        stake = cost if left <= _NOTHING or (whole and not plain) else left * opened_at
        profit: tuple[float | None, float | None] = (None, None)
        if whole:
            profit = (trade.close_profit_abs, trade.close_profit)
        elif plain and opened_at:
            profit = _profit(trade, traded, opened_at, order.safe_price)
        accounts.append(Account(round(stake / leverage, _DIGITS), *profit))
        if left > _NOTHING:
            amount, cost = left, left * opened_at
    return accounts


def _profit(trade: Trade, amount: float, opened_at: float, closed_at: float) -> tuple[float, float]:
    paid = amount * opened_at * (1 + (trade.fee_open or 0.0))
    got = amount * closed_at * (1 - (trade.fee_close or 0.0))
    return round(got - paid, _DIGITS), round(got / paid - 1, _DIGITS)

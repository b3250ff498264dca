"""One visit to one bot: read its trades and figures, fill in what has no signal."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from btcwatcher_api.collector.bot_api import BotApi, ClosedTrades, Trade
from btcwatcher_api.collector.figures import Figures
from btcwatcher_api.collector.fills import Fill
from btcwatcher_api.collector.ledger import Ledger
from btcwatcher_api.collector.memory import Memory
from btcwatcher_api.strategies.registry import KnownStrategy

_FIRST_PAGE: Final = 5
"""Closed trades asked for first: most of the time nothing closed, or one or two did."""
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Rules:
    """How the collector goes about it; seconds."""

    lookback: timedelta
    recover_after: float
    balance_every: float


@dataclass(slots=True)
class Bot:
    """What is kept of a bot from visit to visit."""

    memory: Memory
    figures: Figures = field(default_factory=lambda: Figures(reachable=False))
    closed_stamp: tuple[int, int | None] | None = None
    """How many trades had closed, and when the last one did, when the profit was last read."""
    balance_due: float = 0.0
    """By the monotonic clock."""

    def away(self) -> None:
        """It did not answer: what it said before may be true no more, but when its loop last came round stays so."""
        self.figures = Figures(reachable=False, last_process=self.figures.last_process)
        self.closed_stamp, self.balance_due = None, 0.0


async def visit(strategy: KnownStrategy, api: BotApi, bot: Bot, ledger: Ledger, rules: Rules, now: float) -> list[Fill]:
    """The fills that were filled in. `now` is the monotonic clock's.

    Raises BotError (nothing was learnt), LedgerAway, LedgerBusy and FillsRefused (what waits goes on waiting).
    """
    at = datetime.now(UTC)
    oldest = at - rules.lookback
    health = await api.health()
    opened, closed, last_page = await _trades(api, bot.memory, oldest)
    await _figures(api, bot, rules, opened, (last_page.total_trades, _closed_last(closed)), now)
    last_process = float(health.last_process_ts) if health.last_process_ts else None
    bot.figures = replace(bot.figures, reachable=True, last_process=last_process)
    bot.memory.take([*opened, *closed], oldest, now)
    bot.memory.visited(opened, at)
    return await _fill_in(strategy, bot.memory, ledger, oldest, now - rules.recover_after)


async def _trades(api: BotApi, memory: Memory, oldest: datetime) -> tuple[list[Trade], list[Trade], ClosedTrades]:
    """The open trades and the closed ones that may be new to us. The open ones are read first: a trade that closes
    between the two is then among both, and the later, closed, state is the one that counts."""
    opened = await api.open_trades()
    closed: list[Trade] = []
    limit = _FIRST_PAGE
    while True:
        page = await api.closed_trades(limit=limit, offset=len(closed))
        closed += page.trades
        if len(page.trades) < limit or memory.read_enough(opened, closed, oldest):
            return opened, closed, page
        limit = _PAGE


async def _figures(
    api: BotApi, bot: Bot, rules: Rules, opened: list[Trade], stamp: tuple[int, int | None], now: float
) -> None:
    """Profit is asked for when a trade closed, for the bot goes through all its trades to tell; the balance rarely."""
    figures = replace(
        bot.figures,
        open_trades=len(opened),
        open_profit=sum(trade.profit_abs or 0.0 for trade in opened),
    )
    if stamp != bot.closed_stamp or figures.closed_profit is None:
        figures = replace(figures, closed_profit=(await api.profit()).profit_closed_coin)
        bot.closed_stamp = stamp
    if now >= bot.balance_due:
        balance = await api.balance()
        figures = replace(figures, balance=balance.total_bot, currency=balance.stake)
        bot.balance_due = now + rules.balance_every
    bot.figures = figures


async def _fill_in(
    strategy: KnownStrategy, memory: Memory, ledger: Ledger, oldest: datetime, seen_before: float
) -> list[Fill]:
    due = memory.due(seen_before)
    if not due:
        return []

    def wanted(fill: Fill) -> bool:
        return memory.is_due(fill, seen_before) and fill.filled_at >= oldest

    absent = await ledger.missing(strategy, due)
    written = await ledger.fill_in(strategy, due, wanted) if any(wanted(fill) for fill in absent) else []
    memory.settle(due, [fill for fill in absent if not wanted(fill)])
    return written


def _closed_last(closed: list[Trade]) -> int | None:
    return closed[0].close_timestamp if closed else None

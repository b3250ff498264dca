"""One visit to one bot: read its trades and figures, fill in what has no signal."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from btcwatcher_api.collector.bot_api import BotApi, Trade
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
    closed_every: float
    balance_every: float


@dataclass(slots=True)
class Bot:
    """What is kept of a bot from visit to visit."""

    memory: Memory
    figures: Figures = field(default_factory=lambda: Figures(reachable=False))
    closed_stamp: tuple[int, int | None] | None = None
    """How many trades have closed, and when the last one did."""
    profit_due: bool = True
    closed_due: float = 0.0
    """When the closed trades are read though nothing shows that there are new ones, by the monotonic clock."""
    balance_due: float = 0.0

    def away(self) -> None:
        """It did not answer: what it said before may be true no more, but when its loop last came round stays so."""
        self.figures = Figures(reachable=False, last_process=self.figures.last_process)
        self.profit_due, self.closed_due, self.balance_due = True, 0.0, 0.0


async def visit(strategy: KnownStrategy, api: BotApi, bot: Bot, ledger: Ledger, rules: Rules, now: float) -> list[Fill]:
    """The fills that were filled in. `now` is the monotonic clock's.

    Raises BotError (nothing was learnt), LedgerAway, LedgerBusy and FillsRefused (what waits goes on waiting).
    """
    at = datetime.now(UTC)
    oldest = at - rules.lookback
    health = await api.health()
    opened = await api.open_trades()
    closed = None
    if now >= bot.closed_due or not bot.memory.same_open(opened):
        # After the open ones: a trade that closes between the two answers is then among both, and not among neither.
        closed = await _closed(api, bot, opened, oldest)
    await _figures(api, bot, rules, opened, at, now)
    last_process = float(health.last_process_ts) if health.last_process_ts else None
    bot.figures = replace(bot.figures, reachable=True, last_process=last_process)
    bot.memory.take(opened, closed, oldest, now)
    if closed is not None:
        bot.memory.visited(opened, at)
        bot.closed_due = now + rules.closed_every
    return await _fill_in(strategy, bot.memory, ledger, oldest, now - rules.recover_after)


async def _closed(api: BotApi, bot: Bot, opened: list[Trade], oldest: datetime) -> list[Trade]:
    """The closed trades that may be new to us, the latest first, and maybe more."""
    closed: list[Trade] = []
    limit = _FIRST_PAGE
    while True:
        page = await api.closed_trades(limit=limit, offset=len(closed))
        closed += page.trades
        if len(page.trades) < limit or bot.memory.read_enough(opened, closed, oldest):
            break
        limit = _PAGE
    stamp = (page.total_trades, closed[0].close_timestamp if closed else None)
    if stamp != bot.closed_stamp:
        bot.closed_stamp, bot.profit_due = stamp, True
    return closed


async def _figures(api: BotApi, bot: Bot, rules: Rules, opened: list[Trade], at: datetime, now: float) -> None:
    """Profit is asked for when a trade closed, for the bot goes through all its trades to tell; the balance rarely."""
    figures = replace(
        bot.figures,
        open_profits={str(trade.trade_id): trade.profit_abs or 0.0 for trade in opened},
        visited_at=at,
    )
    if bot.profit_due:
        figures = replace(figures, closed_profit=(await api.profit()).profit_closed_coin)
        bot.profit_due = False
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

"""What a signal is: its types, actions and priorities, and the record that is graded and stored."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

from btcwatcher_crds.strategy import SignalLevel


class Source(StrEnum):
    """Who wrote the body."""

    FREQTRADE = "freqtrade"
    TRADINGVIEW = "tradingview"
    PLAIN = "plain"


class SignalType(StrEnum):
    """freqtrade's message types, as far as they are kept; other bodies map to entry, exit or strategy_msg."""

    ENTRY = "entry"
    ENTRY_FILL = "entry_fill"
    ENTRY_CANCEL = "entry_cancel"
    EXIT = "exit"
    EXIT_FILL = "exit_fill"
    EXIT_CANCEL = "exit_cancel"
    STATUS = "status"
    STARTUP = "startup"
    WARNING = "warning"
    EXCEPTION = "exception"
    PROTECTION_TRIGGER = "protection_trigger"
    PROTECTION_TRIGGER_GLOBAL = "protection_trigger_global"
    LIQUIDATION_WARNING = "liquidation_warning"
    STRATEGY_MSG = "strategy_msg"


class Action(StrEnum):
    """What a person asks for when filtering: anything about entering, about leaving, or the rest."""

    ENTRY = "entry"
    EXIT = "exit"
    MESSAGE = "message"


class Priority(IntEnum):
    """How urgent its notification is. P0 is the most urgent; a signal without one notifies nobody."""

    P0 = 0
    P1 = 1
    P2 = 2


ENTRY_TYPES: Final = frozenset({SignalType.ENTRY, SignalType.ENTRY_FILL, SignalType.ENTRY_CANCEL})
EXIT_TYPES: Final = frozenset({SignalType.EXIT, SignalType.EXIT_FILL, SignalType.EXIT_CANCEL})
TRADE_TYPES: Final = ENTRY_TYPES | EXIT_TYPES

TYPES_OF_ACTION: Final[dict[Action, frozenset[SignalType]]] = {
    Action.ENTRY: ENTRY_TYPES,
    Action.EXIT: EXIT_TYPES,
    Action.MESSAGE: frozenset(SignalType) - TRADE_TYPES,
}

IGNORED_TYPES: Final = frozenset({"whitelist", "new_candle", "analyzed_df"})
"""Market data that freqtrade can post many times a minute: acknowledged and not kept, for it is no event of a trade."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One parsed body. Money and ratios are Decimal; times are aware, UTC; None is what the sender did not say."""

    source: Source
    type: SignalType
    happened_at: datetime | None = None
    """When the event happened, if the body says so by itself (the opening time of a trade does not date its fill)."""
    unique_since: datetime | None = None
    """For an event without a time of its own: an equal body is the same event however late it comes, and this is the
    earliest time at which the first may have come. None: equal bodies are one event only within a short window."""
    pair: str | None = None
    direction: str | None = None
    trade_id: str | None = None
    trade_opened_at: datetime | None = None
    sub_trade: bool | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    stake: Decimal | None = None
    stake_currency: str | None = None
    profit_ratio: Decimal | None = None
    profit_amount: Decimal | None = None
    enter_tag: str | None = None
    exit_reason: str | None = None
    message: str | None = None
    stated_strength: Decimal | None = None
    """Strength that the body itself brings, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a Strategy's own rules make of an event. Strength and level are None where grading makes no sense."""

    strength: Decimal | None
    level: SignalLevel | None
    priority: Priority | None

"""How strong a signal is, which level that makes, and how urgent its notification is. Pure functions, Decimal only."""

import re
from decimal import Decimal
from typing import Final

from btcwatcher_api.signals.types import ENTRY_TYPES, EXIT_TYPES, Event, Grade, Priority, SignalType
from btcwatcher_crds.strategy import SignalLevel, Signals

_TAG_STRENGTH: Final = re.compile(r"^.*:(?P<strength>[01](?:\.[0-9]{1,18})?|\.[0-9]{1,18})$", re.DOTALL)

_GRADED: Final = ENTRY_TYPES | {SignalType.STRATEGY_MSG}

LEVEL_PRIORITY: Final = {
    SignalLevel.STRONG: Priority.P0,
    SignalLevel.MEDIUM: Priority.P1,
    SignalLevel.WEAK: Priority.P2,
    SignalLevel.IGNORE: None,
}

_URGENT_EXITS: Final = ("stop_loss", "stoploss", "liquidation", "emergency")
"""Parts of an exit reason that make it urgent: freqtrade's stop_loss, trailing_stop_loss, stoploss_on_exchange,
liquidation and emergency_exit, and a strategy's own reasons that say the same."""

_TYPE_PRIORITY: Final = {
    SignalType.EXCEPTION: Priority.P0,
    SignalType.LIQUIDATION_WARNING: Priority.P0,
    SignalType.PROTECTION_TRIGGER: Priority.P1,
    SignalType.PROTECTION_TRIGGER_GLOBAL: Priority.P1,
    SignalType.WARNING: Priority.P2,
    SignalType.STATUS: Priority.P2,
    SignalType.STARTUP: Priority.P2,
}


def grade(event: Event, rules: Signals) -> Grade:
    """The grade of an event under its Strategy's rules.

    Entries, plain signals and messages of the strategy are graded by strength; an exit is as urgent as its reason,
    never as the tag its trade was entered with.
    """
    strength = strength_of(event, rules)
    level = None if strength is None else rules.thresholds.level(strength)
    return Grade(strength, level, priority_of(event, level))


def strength_of(event: Event, rules: Signals) -> Decimal | None:
    """Stated in the body, else in the enter tag (`name:0.83`), else the Strategy's default; None if not graded."""
    if event.stated_strength is not None:
        return event.stated_strength
    if event.type not in _GRADED:
        return None
    in_tag = strength_in_tag(event.enter_tag)
    return in_tag if in_tag is not None else Decimal(rules.default_strength)


def strength_in_tag(tag: str | None) -> Decimal | None:
    """The strength in an enter tag such as `breakout:0.83`; None where it has none between 0 and 1."""
    match = _TAG_STRENGTH.match(tag) if tag else None
    if match is None:
        return None
    strength = Decimal(match["strength"])
    return strength if strength <= 1 else None


def priority_of(event: Event, level: SignalLevel | None) -> Priority | None:
    if event.type in EXIT_TYPES:
        reason = (event.exit_reason or "").lower()
        return Priority.P0 if any(part in reason for part in _URGENT_EXITS) else Priority.P1
    fixed = _TYPE_PRIORITY.get(event.type)
    if fixed is not None:
        return fixed
    return LEVEL_PRIORITY[level] if level is not None else Priority.P2

"""Strength, level and priority of signals."""

from decimal import Decimal

import pytest

from btcwatcher_api.signals.grading import grade, strength_in_tag
from btcwatcher_api.signals.types import Event, Grade, Priority, SignalType, Source
from btcwatcher_crds.strategy import SignalLevel, Signals

RULES = Signals.model_validate({"thresholds": {"strong": "0.8", "medium": "0.6", "weak": "0.4"}})


def event(kind: SignalType, **fields: object) -> Event:
    return Event(source=Source.FREQTRADE, type=kind, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strength", "level", "priority"),
    [
        ("1", SignalLevel.STRONG, Priority.P0),
        ("0.8", SignalLevel.STRONG, Priority.P0),
        ("0.7999999999999999999999", SignalLevel.MEDIUM, Priority.P1),
        ("0.6", SignalLevel.MEDIUM, Priority.P1),
        ("0.59", SignalLevel.WEAK, Priority.P2),
        ("0.4", SignalLevel.WEAK, Priority.P2),
        ("0.399", SignalLevel.IGNORE, None),
        ("0", SignalLevel.IGNORE, None),
    ],
)
@pytest.mark.parametrize("kind", [SignalType.ENTRY, SignalType.ENTRY_FILL, SignalType.STRATEGY_MSG])
def test_entries_are_as_urgent_as_they_are_strong(
    kind: SignalType, strength: str, level: SignalLevel, priority: Priority | None
) -> None:
    graded = grade(event(kind, stated_strength=Decimal(strength)), RULES)
    assert graded == Grade(Decimal(strength), level, priority)


def test_thresholds_are_the_strategys_own() -> None:
    strict = Signals.model_validate({"thresholds": {"strong": "0.95", "medium": "0.9", "weak": "0.85"}})
    signal = event(SignalType.ENTRY, stated_strength=Decimal("0.83"))
    assert grade(signal, RULES).level is SignalLevel.STRONG
    assert grade(signal, strict).level is SignalLevel.IGNORE


def test_the_body_goes_before_the_tag_and_the_tag_before_the_default() -> None:
    rules = Signals.model_validate({"defaultStrength": "0.45"})
    tagged = event(SignalType.ENTRY, enter_tag="breakout:0.83")
    assert grade(tagged, rules).strength == Decimal("0.83")
    tagged.stated_strength = Decimal("0.1")
    assert grade(tagged, rules).strength == Decimal("0.1")
    assert grade(event(SignalType.ENTRY, enter_tag="breakout"), rules).strength == Decimal("0.45")


@pytest.mark.parametrize(
    ("tag", "strength"),
    [
        ("breakout:0.83", "0.83"),
        ("a:b:0.5", "0.5"),
        (":1", "1"),
        ("x:.5", "0.5"),
        ("x:0.123456789", "0.123456789"),
        ("x:1.1", None),
        ("x:-0.5", None),
        ("x:83", None),
        ("x:", None),
        ("x:0.5 ", None),
        ("x:0.5e1", None),
        ("x:٠.٥", None),
        ("0.83", None),
        ("", None),
        (None, None),
    ],
)
def test_strength_in_an_enter_tag(tag: str | None, strength: str | None) -> None:
    assert strength_in_tag(tag) == (None if strength is None else Decimal(strength))


@pytest.mark.parametrize(
    ("reason", "priority"),
    [
        ("stop_loss", Priority.P0),
        ("trailing_stop_loss", Priority.P0),
        ("stoploss_on_exchange", Priority.P0),
        ("liquidation", Priority.P0),
        ("emergency_exit", Priority.P0),
        ("roi", Priority.P1),
        ("exit_signal", Priority.P1),
        ("force_exit", Priority.P1),
        (None, Priority.P1),
    ],
)
def test_exits_are_as_urgent_as_their_reason_whatever_they_were_entered_with(
    reason: str | None, priority: Priority
) -> None:
    exit_ = event(SignalType.EXIT_FILL, exit_reason=reason, enter_tag="sure:0.99")
    assert grade(exit_, RULES) == Grade(None, None, priority)


@pytest.mark.parametrize(
    ("kind", "priority"),
    [
        (SignalType.EXCEPTION, Priority.P0),
        (SignalType.LIQUIDATION_WARNING, Priority.P0),
        (SignalType.PROTECTION_TRIGGER, Priority.P1),
        (SignalType.PROTECTION_TRIGGER_GLOBAL, Priority.P1),
        (SignalType.WARNING, Priority.P2),
        (SignalType.STATUS, Priority.P2),
        (SignalType.STARTUP, Priority.P2),
    ],
)
def test_what_is_no_trade_has_a_fixed_priority_and_no_level(kind: SignalType, priority: Priority) -> None:
    assert grade(event(kind), RULES) == Grade(None, None, priority)

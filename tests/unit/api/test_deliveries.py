"""Who is told of a signal."""

from decimal import Decimal

import pytest

from btcwatcher_api.signals.deliveries import channels_of
from btcwatcher_api.signals.types import Grade, Priority
from btcwatcher_crds.strategy import Notify, SignalLevel

STRONG = Grade(Decimal("0.9"), SignalLevel.STRONG, Priority.P0)
MEDIUM = Grade(Decimal("0.7"), SignalLevel.MEDIUM, Priority.P1)
WEAK = Grade(Decimal("0.5"), SignalLevel.WEAK, Priority.P2)
IGNORED = Grade(Decimal("0.1"), SignalLevel.IGNORE, None)
STOP_LOSS = Grade(None, None, Priority.P0)
EXIT = Grade(None, None, Priority.P1)
STATUS = Grade(None, None, Priority.P2)
ALL = (STRONG, MEDIUM, WEAK, IGNORED, STOP_LOSS, EXIT, STATUS)


@pytest.mark.parametrize(
    ("least", "told"),
    [
        (SignalLevel.STRONG, [STRONG, STOP_LOSS]),
        (SignalLevel.MEDIUM, [STRONG, MEDIUM, STOP_LOSS, EXIT]),
        (SignalLevel.WEAK, [STRONG, MEDIUM, WEAK, STOP_LOSS, EXIT, STATUS]),
        (SignalLevel.IGNORE, [STRONG, MEDIUM, WEAK, STOP_LOSS, EXIT, STATUS]),
    ],
)
def test_the_least_level_holds_for_what_has_none_too(least: SignalLevel, told: list[Grade]) -> None:
    notify = Notify(min_level=least, channels=["desk"])
    assert [graded for graded in ALL if channels_of(graded, notify)] == told


def test_every_channel_once_in_the_strategys_order() -> None:
    assert channels_of(STRONG, Notify(channels=["phone", "desk", "phone"])) == ["phone", "desk"]


def test_no_channel_no_delivery() -> None:
    assert channels_of(STRONG, Notify()) == []

"""Who may begin with a change of the platform, and when nobody may."""

import pytest

from btcwatcher_operator.brake import STOP_AFTER, Brake, Part, Turn
from btcwatcher_operator.store import Key

KEYS = [Key("trading", f"s{number:02}") for number in range(40)]


def brake(waiting: int = 40, percent: float = 5, total: int = 40, *, known: bool = True) -> Brake:
    """Strategies that wait; the first is the oldest."""
    made = Brake(percent, lambda: total)
    # In no order: what was reported first must not be what goes first.
    for number in sorted(range(waiting), key=lambda number: -number * 7 % 40):
        report(made, number, Part.WAITING)
    if known:
        made.know()
    return made


def report(made: Brake, number: int, part: Part, revision: str = "new") -> None:
    made.report(KEYS[number], (number,), part, revision)


def going(made: Brake) -> list[int]:
    return [number for number, key in enumerate(KEYS) if made.turn(key) is Turn.GO]


@pytest.mark.parametrize(("percent", "at_once"), [(5, 2), (1, 1), (0.1, 1), (50, 20), (100, 40)])
def test_so_many_per_cent_go_at_once_one_at_least_and_the_oldest_first(percent: float, at_once: int) -> None:
    made = brake(percent=percent)
    assert going(made) == list(range(at_once))
    assert set(KEYS[:at_once]) <= made.woken()


def test_nobody_goes_before_everybody_is_known() -> None:
    made = brake(known=False)
    assert {made.turn(key) for key in KEYS} == {Turn.UNKNOWN}
    made.know()
    assert made.woken() == set(KEYS), "each learns what it waits for"


def test_who_is_under_way_at_the_start_has_its_turn() -> None:
    made = brake(known=False)
    report(made, 30, Part.MOVING)
    made.know()
    assert going(made) == [0, 30]


def test_the_next_goes_when_one_is_back() -> None:
    made = brake()
    for number in (0, 1):
        report(made, number, Part.MOVING)
    made.woken()
    report(made, 1, Part.DONE)
    assert made.woken() == {KEYS[2]}
    assert going(made) == [0, 2]


def test_who_is_gone_or_asks_for_something_else_makes_room() -> None:
    made = brake()
    made.forget(KEYS[0])
    report(made, 1, Part.NONE)
    assert going(made) == [2, 3]
    report(made, 2, Part.WAITING, "another")
    assert going(made) == [2, 3], "it is still the oldest that waits"


def test_a_failure_makes_room_for_the_next_until_there_are_three_in_a_row() -> None:
    made = brake()
    for number in range(STOP_AFTER):
        assert not made.stopped
        report(made, number, Part.MOVING)
        report(made, number, Part.FAILED)
    assert made.stopped
    assert made.turn(KEYS[5]) is Turn.STOPPED
    assert made.failed_in_a_row() == KEYS[:3]
    assert "trading.s00, trading.s01, trading.s02 failed with it" in made.words(Turn.STOPPED)
    assert set(KEYS[4:]) <= made.woken(), "each says why it waits"


def test_a_success_between_two_failures_is_no_row() -> None:
    made = brake()
    for number, part in enumerate([Part.FAILED, Part.FAILED, Part.DONE, Part.FAILED, Part.FAILED]):
        report(made, number, part)
    assert not made.stopped
    report(made, 5, Part.FAILED)
    assert made.stopped


def test_a_stopped_one_goes_on_when_one_that_failed_is_back_after_all() -> None:
    made = brake()
    for number in range(STOP_AFTER):
        report(made, number, Part.FAILED)
    # Its Job is gone, and it is tried again: that is no news yet, and no third failure either.
    for part in (Part.WAITING, Part.MOVING, Part.FAILED, Part.MOVING):
        report(made, 1, part)
        assert made.turn(KEYS[1]) is Turn.GO
        assert made.stopped
    made.woken()
    report(made, 1, Part.DONE)
    assert not made.stopped
    assert set(KEYS[4:]) <= made.woken()


def test_another_change_of_the_platform_starts_anew() -> None:
    made = brake()
    for number in range(STOP_AFTER):
        report(made, number, Part.FAILED)
    report(made, 0, Part.WAITING, "newer")
    assert not made.stopped


def test_a_new_process_knows_of_a_stop_from_what_it_sees() -> None:
    made = brake(known=False)
    # Young ones were done by an earlier turn; in the order of age the last three that ended have failed.
    for number, part in [(2, Part.FAILED), (0, Part.DONE), (3, Part.FAILED), (1, Part.FAILED)]:
        report(made, number, part)
    made.know()
    assert made.stopped


def test_what_is_told_of_a_rollout() -> None:
    made = brake()
    report(made, 0, Part.FAILED)
    report(made, 0, Part.MOVING)
    report(made, 1, Part.DONE)
    counts = made.counts()
    assert (counts[Part.WAITING], counts[Part.MOVING], counts[Part.DONE], counts[Part.FAILED]) == (36, 2, 1, 1)

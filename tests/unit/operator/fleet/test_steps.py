"""What a bot is told next, from what it says."""

import pytest

from btcwatcher_crds.fleet_switch import BotPhase, BotResult
from btcwatcher_operator.fleet.bot import Said
from btcwatcher_operator.fleet.steps import FORCE_EXIT_AGAIN_SECONDS, Memory, Tell, closing, counted, pausing, resuming

DONE, IN_PROGRESS = BotPhase.DONE, BotPhase.IN_PROGRESS


@pytest.mark.parametrize(
    ("state", "tell", "phase"),
    [
        ("running", Tell.PAUSE, IN_PROGRESS),
        ("paused", Tell.NOTHING, DONE),
        ("stopped", Tell.NOTHING, DONE),
        ("reload_config", Tell.NOTHING, IN_PROGRESS),
    ],
)
def test_entries_are_paused_once(state: str, tell: Tell, phase: BotPhase) -> None:
    step = pausing(Said(state, 2, 100))
    assert (step.tell, step.phase) == (tell, phase)


def test_trades_are_closed_only_after_entries_are_paused() -> None:
    step = closing(Said("running", 3, 100), Memory(), now=0.0)
    assert (step.tell, step.phase) == (Tell.PAUSE, IN_PROGRESS)
    step = closing(Said("paused", 3, 100), step.memory, now=1.0)
    assert (step.tell, step.phase) == (Tell.CLOSE, IN_PROGRESS)


def test_no_open_trade_is_believed_only_after_the_trading_loop_came_round() -> None:
    # The round in which the bot was paused may still be opening one.
    step = closing(Said("paused", 0, 100), Memory(), now=0.0)
    assert (step.tell, step.phase) == (Tell.NOTHING, IN_PROGRESS)
    late = closing(Said("paused", 1, 101), step.memory, now=1.0)
    assert late.tell is Tell.CLOSE
    assert closing(Said("paused", 0, 102), late.memory, now=2.0).phase is DONE


def test_an_order_that_nobody_takes_is_placed_anew_but_not_at_each_look() -> None:
    first = closing(Said("paused", 2, 100), Memory(), now=0.0)
    assert first.tell is Tell.CLOSE
    soon = closing(Said("paused", 2, 101), first.memory, now=5.0)
    assert (soon.tell, soon.phase) == (Tell.NOTHING, IN_PROGRESS)
    assert closing(Said("paused", 2, 131), soon.memory, now=FORCE_EXIT_AGAIN_SECONDS).tell is Tell.CLOSE


def test_a_stopped_freqtrade_is_paused_so_that_it_can_sell() -> None:
    assert closing(Said("stopped", None, 100), Memory(), now=0.0).tell is Tell.PAUSE


def test_a_bot_goes_on_once_and_one_that_somebody_stopped_does_not() -> None:
    assert resuming(Said("paused", 0, 1)).tell is Tell.START
    assert resuming(Said("running", 0, 1)).phase is DONE
    assert (resuming(Said("stopped", None, 1)).tell, resuming(Said("stopped", None, 1)).phase) == (Tell.NOTHING, DONE)


def test_what_closed_is_counted_across_looks_and_processes() -> None:
    def result(opened: int | None, closed: int | None) -> BotResult:
        return BotResult(strategy="desk.ema", phase=IN_PROGRESS, open_trades=opened, closed_trades=closed)

    assert counted(None, Said("paused", 3, 1)) == 0
    assert counted(result(3, 0), Said("paused", 1, 1)) == 2
    assert counted(result(1, 2), Said("paused", 2, 1)) == 2, "one was opened meanwhile"
    assert counted(result(2, 2), Said("stopped", None, 1)) == 2

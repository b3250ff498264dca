"""When what freqtrade dropped is given back."""

import gc
import weakref

from btcwatcher_bot.slim.upkeep import EVERY_SECONDS, Upkeep


def test_due_at_first_after_a_reload_and_now_and_then() -> None:
    upkeep = Upkeep()
    assert upkeep.due(0, False)
    assert not upkeep.due(EVERY_SECONDS - 1, False)
    assert upkeep.due(EVERY_SECONDS - 1, True), "made anew"
    assert not upkeep.due(EVERY_SECONDS + 1, False), "from the last time on"
    assert upkeep.due(2 * EVERY_SECONDS, False)


def test_what_refers_to_itself_is_gone_after_a_reload() -> None:
    class Dropped:
        def __init__(self) -> None:
            self.me = self

    upkeep = Upkeep()
    enabled = gc.isenabled()
    gc.disable()
    try:
        dropped = weakref.ref(Dropped())
        assert dropped() is not None
        upkeep.sign(0, True)
        assert dropped() is None
    finally:
        if enabled:
            gc.enable()

"""The brake of roll-outs: a change that the platform makes to all bots reaches a few at a time, the oldest first.

Pure bookkeeping, in memory: what each Strategy reports can be read from the cluster at any time, so a new operator
process knows where a roll-out stands once every Strategy was looked at.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile

from btcwatcher_operator.ports import Age
from btcwatcher_operator.store import Key

STOP_AFTER = 3
"""So many failures in a row stop a roll-out."""


class Part(Enum):
    """What a Strategy has to do with a roll-out."""

    NONE = "none"
    """Nothing: it has what the platform wants, or whatever it has comes of its own spec."""
    WAITING = "waiting"
    """The platform wants another revision, and the Strategy has not begun with it."""
    MOVING = "moving"
    """The revision is tried by a Job, or its bot is not back yet."""
    DONE = "done"
    """The bot has been ready with it."""
    FAILED = "failed"
    """It did not pass its trial, or its bot does not come back."""


class Turn(Enum):
    """Whether a Strategy may begin with what the platform wants."""

    UNKNOWN = "unknown"
    """Not every Strategy was looked at yet."""
    WAIT = "wait"
    STOPPED = "stopped"
    """The first ones failed."""
    GO = "go"


@dataclass(frozen=True, slots=True)
class _Entry:
    age: Age
    part: Part
    revision: str


class Brake:
    def __init__(self, percent: float, total: Callable[[], int]) -> None:
        """`percent` of all `total` Strategies are changed at once; one at least."""
        self.percent = percent
        self._total = total
        self._entries: dict[Key, _Entry] = {}
        self._want: set[Key] = set()
        # Who has a turn and has not come to an end with it.
        self._going: set[Key] = set()
        # Whether it went well, in the order in which that was seen. A failure holds until the Strategy is done after
        # all or is to have another revision: one that is tried again is no third failure and no success.
        self._ended: dict[Key, bool] = {}
        self._woken: set[Key] = set()
        self._known = False
        self._stopped = False

    def know(self) -> None:
        """Every Strategy was looked at: from now on turns are given."""
        # The order in which they ended is lost with the process before; they began in the order of age.
        self._ended = dict(sorted(self._ended.items(), key=lambda item: self._entries[item[0]].age))
        self._known = True
        self._stopped = len(self.failed_in_a_row()) >= STOP_AFTER
        self._woken.update(self._waiting())
        self._give_turns()

    def turn(self, key: Key) -> Turn:
        if not self._known:
            return Turn.UNKNOWN
        # One that failed may be tried again at any time: that is how a stopped roll-out goes on.
        if key in self._going or self._ended.get(key) is False:
            return Turn.GO
        return Turn.STOPPED if self._stopped else Turn.WAIT

    def report(self, key: Key, age: Age, part: Part, revision: str) -> None:
        """What was seen of a Strategy now; `revision` is the one the platform and the spec ask for."""
        before = self._entries.get(key)
        if part is Part.NONE or (before and before.revision != revision):
            self._drop(key)
        if part is not Part.NONE:
            self._entries[key] = _Entry(age, part, revision)
        if part is Part.WAITING:
            self._want.add(key)
        else:
            self._want.discard(key)
        if part in (Part.DONE, Part.FAILED):
            self._end(key, well=part is Part.DONE)
        elif part is Part.MOVING and key not in self._ended:
            self._going.add(key)
        self._give_turns()

    def forget(self, key: Key) -> None:
        """The Strategy is gone, or nothing is done about it now."""
        self._drop(key)
        self._give_turns()

    def woken(self) -> set[Key]:
        """Strategies whose turn has changed since this was asked last."""
        woken, self._woken = self._woken, set()
        return woken

    def words(self, turn: Turn) -> str:
        """What a Strategy with this turn waits for; the end of a sentence."""
        if turn is Turn.STOPPED:
            first = ", ".join(str(key) for key in self.failed_in_a_row()[:STOP_AFTER])
            return (
                f"is stopped: {first} failed with it, one after the other; it goes on once one of these is Ready "
                "with it, or when the platform is changed"
            )
        return f"waits for its turn: {self.percent:g} % of all Strategies are changed at once, the oldest first"

    @property
    def stopped(self) -> bool:
        return self._stopped

    def failed_in_a_row(self) -> list[Key]:
        """Who failed since the last success, the oldest first."""
        streak = takewhile(lambda key: not self._ended[key], reversed(self._ended))
        return sorted(streak, key=lambda key: self._entries[key].age)

    def counts(self) -> Counter[Part]:
        """How many Strategies have which part in the present roll-out."""
        return Counter(self._part(key) for key in self._entries)

    def _part(self, key: Key) -> Part:
        if self._ended.get(key) is False:
            return Part.FAILED
        return Part.MOVING if key in self._going else self._entries[key].part

    def _end(self, key: Key, *, well: bool) -> None:
        self._going.discard(key)
        if self._ended.get(key) is not well:
            self._ended.pop(key, None)
            self._ended[key] = well

    def _drop(self, key: Key) -> None:
        self._entries.pop(key, None)
        self._want.discard(key)
        self._ended.pop(key, None)
        self._going.discard(key)
        self._woken.discard(key)

    def _waiting(self) -> list[Key]:
        """Who has no turn and wants one."""
        return [key for key in self._want if key not in self._going and key not in self._ended]

    def _give_turns(self) -> None:
        if not self._known:
            return
        stopped = len(self.failed_in_a_row()) >= STOP_AFTER
        if stopped is not self._stopped:
            # Each says in its condition what it waits for.
            self._stopped = stopped
            self._woken.update(self._waiting())
        free = max(1, int(self._total() * self.percent / 100)) - len(self._going)
        if stopped or free <= 0:
            return
        for key in sorted(self._waiting(), key=lambda key: self._entries[key].age)[:free]:
            self._going.add(key)
            self._woken.add(key)

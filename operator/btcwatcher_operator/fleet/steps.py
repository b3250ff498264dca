"""The next step of a switch at one bot, from what the bot says: pure."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from btcwatcher_crds.fleet_switch import BotPhase, BotResult
from btcwatcher_operator.fleet.bot import Said

FORCE_EXIT_AGAIN_SECONDS: Final = 30.0
"""A limit order that nobody took is cancelled and placed anew at the price of then."""


class Tell(Enum):
    """What the bot is to be told."""

    NOTHING = auto()
    PAUSE = auto()
    CLOSE = auto()
    START = auto()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of CloseTrades at one bot from look to look. Lost with the process, which costs only time."""

    quiet_from: int | None = None
    """The last round of the trading loop when the bot first was seen not to run."""
    quiet: bool = False
    """Whether the loop has come round since: what it was opening when it was paused is open by now."""
    closing_since: float | None = None
    """When the bot was last told to close, monotonic."""


@dataclass(frozen=True, slots=True)
class Step:
    tell: Tell
    phase: BotPhase
    message: str
    memory: Memory = Memory()


def pausing(said: Said) -> Step:
    """PauseEntries."""
    if said.state == "running":
        return Step(Tell.PAUSE, BotPhase.IN_PROGRESS, "is told to open no new trades")
    if said.state == "paused":
        return Step(Tell.NOTHING, BotPhase.DONE, f"opens no new trades; {_open(said)} looked after")
    if said.state == "stopped":
        words = "freqtrade is in its state STOPPED: it opens no trades, and looks after none"
        return Step(Tell.NOTHING, BotPhase.DONE, words)
    return Step(Tell.NOTHING, BotPhase.IN_PROGRESS, f"freqtrade is in its state {said.state}")


def closing(said: Said, memory: Memory, now: float) -> Step:
    """CloseTrades: entries are paused first, or the bot would buy again what was sold."""
    if said.state == "running":
        return Step(Tell.PAUSE, BotPhase.IN_PROGRESS, "is told to open no new trades")
    if said.state == "stopped":
        # Its state PAUSED is the one in which it can sell and does not buy.
        return Step(
            Tell.PAUSE, BotPhase.IN_PROGRESS, "freqtrade is in its state STOPPED: is told to pause, to be able to sell"
        )
    if said.state != "paused":
        return Step(Tell.NOTHING, BotPhase.IN_PROGRESS, f"freqtrade is in its state {said.state}")
    if memory.quiet_from is None:
        memory = replace(memory, quiet_from=said.last_process or 0)
    elif (said.last_process or 0) > memory.quiet_from:
        memory = replace(memory, quiet=True)
    if said.open_trades:
        due = memory.closing_since is None or now - memory.closing_since >= FORCE_EXIT_AGAIN_SECONDS
        if due:
            memory = replace(memory, closing_since=now)
        words = f"{said.open_trades} trades are being closed"
        return Step(Tell.CLOSE if due else Tell.NOTHING, BotPhase.IN_PROGRESS, words, memory)
    if not memory.quiet:
        return Step(
            Tell.NOTHING, BotPhase.IN_PROGRESS, "no trade is open; its trading loop is waited for once more", memory
        )
    return Step(Tell.NOTHING, BotPhase.DONE, "no trade is open, and no new ones are opened", memory)


def resuming(said: Said) -> Step:
    """After a hold was lifted, of a Strategy that is to run."""
    if said.state == "paused":
        return Step(Tell.START, BotPhase.IN_PROGRESS, "is told to go on")
    if said.state == "stopped":
        return Step(Tell.NOTHING, BotPhase.DONE, "freqtrade is in its state STOPPED, which is not the switch's doing")
    return Step(Tell.NOTHING, BotPhase.DONE, "goes on")


def would(action: str, said: Said) -> str:
    """What a dry run says of a bot that answers."""
    return f"{action}; now {said.state}, {_open(said)} open"[:256]


def counted(before: BotResult | None, said: Said) -> int:
    """How many trades were seen to close so far, from what was open at the look before."""
    closed = (before.closed_trades or 0) if before else 0
    last = before.open_trades if before else None
    if last is None or said.open_trades is None:
        return closed
    return closed + max(0, last - said.open_trades)


def _open(said: Said) -> str:
    if said.open_trades is None:
        return "an unknown number of trades is"
    return "1 trade is" if said.open_trades == 1 else f"{said.open_trades} trades are"

"""Carries the fleet switches out: one bot at a time each, many bots at once, until every one has done as it was told.

Level-triggered: what is to be done at a bot is read from the switches, the Strategy and what the bot says of itself,
each time anew. What was done stands in the switches' status, so that another process goes on where this one ended.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import structlog

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ConditionType
from btcwatcher_crds.fleet_switch import (
    BOT_MESSAGE_MAX_LENGTH,
    LIFTED_MAX,
    BotPhase,
    BotResult,
    FleetSwitchStatus,
    LiftedFor,
    SwitchAction,
)
from btcwatcher_crds.selecting import Facts, facts_of
from btcwatcher_crds.strategy import State
from btcwatcher_operator.cluster import PASSING, Cluster, ClusterError
from btcwatcher_operator.fence import DeposedError
from btcwatcher_operator.fleet import steps
from btcwatcher_operator.fleet.book import STRICTNESS, SwitchBook
from btcwatcher_operator.fleet.bot import BotError, Bots, Said
from btcwatcher_operator.fleet.known import HELD_STATE, Switch
from btcwatcher_operator.fleet.outcome import status
from btcwatcher_operator.fleet.steps import Memory, Step, Tell
from btcwatcher_operator.resources import POD, Object
from btcwatcher_operator.store import Key, Store
from btcwatcher_operator.workqueue import WorkQueue

log = structlog.get_logger()

BOTS_AT_ONCE: Final = 64
"""So many can hang without holding up the others."""
_WRITE_EVERY_SECONDS: Final = 0.5
_LOOK_AGAIN_SECONDS: Final = 0.7
_RETRY_SECONDS: Final = (1.0, 15.0)
"""The first pause before a bot is tried again that does not answer, and the longest."""
_GONE: Final = (404, 409)


@dataclass(frozen=True, slots=True)
class _Bot:
    """What the operator knows of a bot when it visits it."""

    key: Key
    facts: Facts
    state: State
    """The one it is to be in."""
    port: int | None
    has_pod: bool
    hands_off: bool
    """Whether the annotation btcwatcher.io/reconcile keeps us from it."""
    says_held: bool
    """Whether its status still has the condition Held."""


class Steward:
    def __init__(
        self, cluster: Cluster, store: Store, book: SwitchBook, bots: Bots, wake: Callable[[Key], None]
    ) -> None:
        """`wake`: has a Strategy reconciled."""
        self._cluster = cluster
        self._store = store
        self._book = book
        self._bots = bots
        self._wake = wake
        self._results: dict[str, dict[str, BotResult]] = {}
        """By the switch's uid, by the Strategy's id."""
        self._memories: dict[tuple[str, str], Memory] = {}
        self._holds: dict[Key, str] = {}
        """Which switch held each Strategy when that was looked at last."""
        self._dirty: set[str] = set()
        self._failures: dict[Key, int] = {}
        self._to_resume: set[Key] = set()
        self._resumed: set[Key] = set()
        self._queue: WorkQueue[Key] = WorkQueue()

    def switches_changed(self) -> None:
        """After the book has changed: whom each switch selects now has a result, and each Strategy is reconciled."""
        known = {switch.uid for switch in self._book}
        if not known and not self._results and not self._holds:
            return
        for uid in self._results.keys() - known:
            del self._results[uid]
        self._memories = {key: memory for key, memory in self._memories.items() if key[0] in known}
        everyone = [facts_of(obj) for key in self._store.strategies() if (obj := self._store.strategy(key))]
        for switch in self._book:
            self._enrol(switch, everyone)
        holds = {}
        for facts in everyone:
            key = Key(facts.namespace, facts.name)
            hold = self._book.hold(facts)
            if hold is not None:
                holds[key] = hold.switch.uid
            if holds.get(key) != self._holds.get(key):
                # First the Secret that a bot starts from, then the bot.
                self._wake(key)
            elif any(self._is_waited_for(switch, key) for switch in self._book):
                self._queue.add(key)
        self._holds = holds

    def reconciled(self, key: Key) -> None:
        """After each look at a Strategy: its children are as they are to be, so that the bot itself can be told."""
        if not self._results and key not in self._to_resume:
            return
        self._queue.add(key)

    def resumes(self, key: Key) -> bool:
        """Whether the bot of a Strategy that is no longer held is yet to say that it goes on; has it told so."""
        if key in self._resumed:
            return False
        self._to_resume.add(key)
        return True

    def is_held(self, key: Key) -> None:
        """Whatever was said before: after this hold the bot is to be told again."""
        self._resumed.discard(key)
        self._to_resume.discard(key)

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write())
            for _ in range(BOTS_AT_ONCE):
                group.create_task(self._work())

    def _enrol(self, switch: Switch, everyone: list[Facts]) -> None:
        results = self._results.get(switch.uid)
        if results is None:
            results = {one.strategy: one for one in switch.parsed.status.bots}
            self._results[switch.uid] = results
        for facts in everyone:
            self._enrol_one(switch, results, facts)
        self._dirty.add(switch.uid)

    def _is_waited_for(self, switch: Switch, key: Key) -> bool:
        result = self._results.get(switch.uid, {}).get(names.strategy_id(*key))
        return result is not None and result.phase is not BotPhase.DONE

    def _enrol_one(self, switch: Switch, results: dict[str, BotResult], facts: Facts) -> None:
        identifier = names.strategy_id(facts.namespace, facts.name)
        if identifier not in results and self._concerns(switch, facts):
            results[identifier] = _result(identifier, BotPhase.PENDING, "not asked yet")
            self._dirty.add(switch.uid)

    def _concerns(self, switch: Switch, facts: Facts) -> bool:
        if switch.armed or not switch.takes(facts):
            return False
        once = switch.action is SwitchAction.RESUME or switch.parsed.spec.dry_run
        if once and switch.parsed.status.completed_at is not None:
            return False
        if switch.action is not SwitchAction.RESUME:
            return switch.lifted_for(facts) is None
        by = _by(switch)
        if switch.parsed.spec.dry_run:
            return any(other.holds(facts) and switch.would_lift(other) for other in self._book)
        return any(
            other.takes(facts) and any(one.by == by for one in other.parsed.status.lifted) for other in self._book
        )

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                again = await self._visit(key)
                if again is not None:
                    self._queue.add_after(key, again)
            except DeposedError:
                # Another replica goes on.
                log.warning(
                    "fleet_switch_not_carried_out", strategy=str(key), cause="this replica is not the active one"
                )
            except Exception:
                # One bot must not end what is done at the others.
                log.exception("fleet_switch_not_carried_out", strategy=str(key))
                self._queue.add_after(key, _RETRY_SECONDS[1])
            finally:
                self._queue.done(key)

    async def _visit(self, key: Key) -> float | None:
        """One look at one bot. Returns after how many seconds another is needed."""
        obj = self._store.strategy(key)
        if obj is None or obj["metadata"].get("deletionTimestamp"):
            self._gone(key)
            return None
        bot = self._bot(key, obj)
        for switch in self._book:
            if (results := self._results.get(switch.uid)) is not None:
                self._enrol_one(switch, results, bot.facts)
        open_switches = [switch for switch in self._book if self._is_open(switch, bot)]
        asking = [switch for switch in open_switches if not self._settled_without_asking(switch, bot)]
        resumes = key in self._to_resume and bot.state is State.RUNNING and not bot.hands_off
        if resumes and not bot.has_pod:
            # It starts in the state that its Secret says.
            self._goes_on(key)
            resumes = False
        if bot.port is None or not (asking or resumes):
            return None
        waiting = [one for one in open_switches if one.action is SwitchAction.RESUME and not one.parsed.spec.dry_run]
        return await self._ask(bot, bot.port, asking, waiting, resumes=resumes)

    async def _ask(
        self, bot: _Bot, port: int, asking: list[Switch], waiting: list[Switch], *, resumes: bool
    ) -> float | None:
        """`waiting`: Resumes that wait until the bot goes on."""
        identifier = names.strategy_id(*bot.key)
        try:
            said = await self._bots.look(bot.key, port)
        except BotError as error:
            return self._silent(bot, [*asking, *waiting], str(error))
        self._failures.pop(bot.key, None)
        again = False
        for switch in asking:
            step = self._step(switch, bot, said)
            if step.memory != Memory():
                self._memories[switch.uid, identifier] = step.memory
            self._say(switch, identifier, step.phase, step.message, said)
            again = again or step.phase is not BotPhase.DONE
            try:
                await self._tell(switch, bot, port, step.tell)
            except BotError as error:
                # What was refused is asked again with the next try, not when an order that stands is placed anew.
                self._memories[switch.uid, identifier] = replace(step.memory, closing_since=None)
                return self._silent(bot, [switch], f"{step.message}: {error}")
        if resumes and bot.key in self._to_resume:
            step = steps.resuming(said)
            if step.phase is BotPhase.DONE:
                self._goes_on(bot.key)
            else:
                again = True
                try:
                    await self._tell(None, bot, port, step.tell)
                except BotError as error:
                    return self._silent(bot, waiting, str(error))
        return _LOOK_AGAIN_SECONDS if again else None

    def _step(self, switch: Switch, bot: _Bot, said: Said) -> Step:
        if switch.parsed.spec.dry_run:
            return Step(Tell.NOTHING, BotPhase.DONE, steps.would(_WOULD[switch.action], said))
        if switch.action is SwitchAction.CLOSE_TRADES:
            memory = self._memories.get((switch.uid, names.strategy_id(*bot.key)), Memory())
            return steps.closing(said, memory, time.monotonic())
        return steps.pausing(said)

    async def _tell(self, switch: Switch | None, bot: _Bot, port: int, tell: Tell) -> None:
        if tell is Tell.NOTHING:
            return
        log.info("bot_told", strategy=str(bot.key), what=tell.name.lower(), switch=switch.title if switch else None)
        match tell:
            case Tell.PAUSE:
                await self._bots.pause(bot.key, port)
            case Tell.START:
                await self._bots.start(bot.key, port)
            case Tell.CLOSE:
                order_type = switch.parsed.spec.order_type if switch else None
                await self._bots.close_trades(bot.key, port, order_type.lower() if order_type else None)

    def _silent(self, bot: _Bot, asking: list[Switch], cause: str) -> float:
        """Of a bot that did not answer."""
        identifier = names.strategy_id(*bot.key)
        for switch in asking:
            if switch.parsed.spec.dry_run:
                words = f"{_WOULD[switch.action]}; it does not answer now ({cause}): it would be tried until it does"
                self._say(switch, identifier, BotPhase.DONE, words)
            else:
                self._say(switch, identifier, BotPhase.PENDING, f"does not do it ({cause}): is tried until it does")
        failures = self._failures.get(bot.key, 0)
        self._failures[bot.key] = failures + 1
        first, longest = _RETRY_SECONDS
        return min(first * 2.0 ** min(failures, 8), longest) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter

    def _settled_without_asking(self, switch: Switch, bot: _Bot) -> bool:
        """What can be said without the bot's own word is said, and then True."""
        found = _without_asking(switch, bot)
        if found is None:
            return False
        phase, message = found
        resume = switch.action is SwitchAction.RESUME and not switch.parsed.spec.dry_run
        if resume and bot.state is State.RUNNING and (bot.says_held or bot.key in self._to_resume):
            if bot.key in self._failures:
                return True
            phase, message = BotPhase.IN_PROGRESS, "is told to go on"
        self._say(switch, names.strategy_id(*bot.key), phase, message)
        return True

    def _is_open(self, switch: Switch, bot: _Bot) -> bool:
        """Whether there is something left to do of the switch at this bot."""
        results = self._results.get(switch.uid, {})
        result = results.get(names.strategy_id(*bot.key))
        if result is None or result.phase is BotPhase.DONE:
            return False
        if switch.action in HELD_STATE and not switch.parsed.spec.dry_run and not switch.holds(bot.facts):
            self._say(switch, result.strategy, BotPhase.DONE, "lifted before it was done")
            return False
        return True

    def _goes_on(self, key: Key) -> None:
        self._to_resume.discard(key)
        self._resumed.add(key)
        self._wake(key)

    def _gone(self, key: Key) -> None:
        identifier = names.strategy_id(*key)
        self._to_resume.discard(key)
        self._resumed.discard(key)
        self._failures.pop(key, None)
        for switch in self._book:
            result = self._results.get(switch.uid, {}).get(identifier)
            if result is not None and result.phase is not BotPhase.DONE:
                self._say(switch, identifier, BotPhase.DONE, "the Strategy was deleted")

    def _bot(self, key: Key, obj: Object) -> _Bot:
        facts = facts_of(obj)
        spec = State((obj.get("spec") or {}).get("state") or State.RUNNING)
        hold = self._book.hold(facts)
        pod = self._store.child(key, (POD.kind, names.pod(key.name)))
        annotations = obj["metadata"].get("annotations") or {}
        return _Bot(
            key,
            facts,
            max(spec, hold.state if hold else spec, key=STRICTNESS.index),
            (obj.get("status") or {}).get("port"),
            pod is not None,
            annotations.get(names.ANNOTATION_RECONCILE) == names.RECONCILE_PAUSED,
            any(one.get("type") == ConditionType.HELD for one in (obj.get("status") or {}).get("conditions") or ()),
        )

    def _say(self, switch: Switch, identifier: str, phase: BotPhase, message: str, said: Said | None = None) -> None:
        results = self._results.get(switch.uid)
        if results is None:
            return
        before = results.get(identifier)
        closes = switch.action is SwitchAction.CLOSE_TRADES and not switch.parsed.spec.dry_run
        open_trades = said.open_trades if said else before.open_trades if before else None
        closed = before.closed_trades if before else None
        if said and closes:
            closed = steps.counted(before, said)
        same = before is not None and before.phase is phase
        since = (before.since if before and same else None) or datetime.now(UTC).replace(microsecond=0)
        after = BotResult(
            strategy=identifier,
            phase=phase,
            message=message[:BOT_MESSAGE_MAX_LENGTH],
            open_trades=open_trades,
            closed_trades=closed,
            since=since,
        )
        if after != before:
            results[identifier] = after
            self._dirty.add(switch.uid)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_EVERY_SECONDS)
            dirty, self._dirty = self._dirty, set()
            for switch in list(self._book):
                if switch.uid not in dirty:
                    continue
                try:
                    await self._write_one(switch)
                except (ClusterError, DeposedError, *PASSING) as error:
                    if isinstance(error, ClusterError) and error.status in _GONE:
                        continue
                    self._dirty.add(switch.uid)
                    log.warning("fleet_switch_status_not_written", switch=switch.title, cause=str(error))
                except Exception:
                    log.exception("fleet_switch_status_not_written", switch=switch.title)

    async def _write_one(self, switch: Switch) -> None:
        if switch.action is SwitchAction.RESUME and not switch.parsed.spec.dry_run:
            await self._lift_others(switch)
        results = self._results.get(switch.uid)
        if results is None:
            return
        wanted = status(switch, results, datetime.now(UTC))
        before = switch.parsed.status
        theirs = {"loss": before.loss, "tripped_at": before.tripped_at}
        if FleetSwitchStatus.model_validate(wanted).model_copy(update=theirs) != before:
            await self._put(switch, wanted)

    async def _lift_others(self, resume: Switch) -> None:
        """Writes into each older switch for whom it no longer holds; there it stays when the Resume is deleted."""
        if resume.parsed.status.completed_at is not None:
            return
        for other in self._lifted_by(resume):
            lifted = [*other.parsed.status.lifted, _lifted(resume)]
            changed = other.parsed.model_copy(
                update={"status": other.parsed.status.model_copy(update={"lifted": lifted})}
            )
            await self._put(other, status(Switch(changed), self._results.get(other.uid, {}), datetime.now(UTC)))
            log.info("fleet_switch_lifted", switch=other.title, by=resume.title)
            self.switches_changed()

    def _lifted_by(self, resume: Switch) -> Iterator[Switch]:
        by = _by(resume)
        for other in list(self._book):
            told = other.parsed.status.lifted
            if resume.lifts(other) and not other.lifted_whole and all(one.by != by for one in told):
                if len(told) >= LIFTED_MAX:
                    log.warning(
                        "fleet_switch_not_lifted", switch=other.title, by=resume.title, cause="lifted too often"
                    )
                    continue
                yield other

    async def _put(self, switch: Switch, wanted: Object) -> None:
        metadata = switch.parsed.metadata
        named = {"name": metadata.name, "uid": metadata.uid}
        applied = await self._cluster.apply(
            {
                "apiVersion": switch.parsed.api_version,
                "kind": switch.parsed.kind,
                "metadata": {**named, **({"namespace": metadata.namespace} if metadata.namespace else {})},
                "status": wanted,
            },
            status=True,
        )
        self._book.put(applied)


_WOULD: Final = {
    SwitchAction.PAUSE_ENTRIES: "would be told to open no new trades",
    SwitchAction.CLOSE_TRADES: "would be told to open no new trades and to close all",
    SwitchAction.STOP: "its pod would be ended, and nobody would look after open trades",
    SwitchAction.RESUME: "would be told to go on",
}


def _without_asking(switch: Switch, bot: _Bot) -> tuple[BotPhase, str] | None:
    """How far the switch is with a bot where that needs no word of its own; None where it does."""
    dry, action = switch.parsed.spec.dry_run, switch.action
    if bot.hands_off:
        annotation = f"{names.ANNOTATION_RECONCILE}={names.RECONCILE_PAUSED}"
        words = f"its annotation {annotation} keeps the operator from it: take that away"
        return (BotPhase.DONE if dry else BotPhase.BLOCKED), words
    if action is SwitchAction.RESUME:
        if dry:
            return BotPhase.DONE, _WOULD[action]
        if bot.state is State.RUNNING:
            return BotPhase.DONE, "goes on"
        return BotPhase.DONE, f"lifted; it stays {bot.state.value}, as spec.state or another switch asks"
    suspended = bot.state is State.SUSPENDED
    if action is SwitchAction.STOP and not dry:
        if bot.has_pod:
            return BotPhase.IN_PROGRESS, "its pod is ending"
        return BotPhase.DONE, "no pod; port, data and history stay"
    if suspended and not bot.has_pod:
        if action is SwitchAction.CLOSE_TRADES:
            words = "is suspended: no bot runs that could say which trades are open, let alone close them"
            return (BotPhase.DONE if dry else BotPhase.BLOCKED), f"{words}; set spec.state: Paused to have it done"
        return BotPhase.DONE, "is suspended: no bot runs"
    if suspended and not dry:
        return BotPhase.IN_PROGRESS, "its pod is ending"
    if not bot.has_pod or bot.port is None:
        if dry:
            return BotPhase.DONE, f"{_WOULD[action]}; no bot runs now"
        return BotPhase.PENDING, "no bot runs; one that starts opens no new trades"
    return None


def _result(identifier: str, phase: BotPhase, message: str) -> BotResult:
    return BotResult(strategy=identifier, phase=phase, message=message, since=datetime.now(UTC).replace(microsecond=0))


def _by(resume: Switch) -> str:
    """Names one Resume for good: another may be made under its name later."""
    where = f"{resume.home}/" if resume.home else ""
    return f"{where}{resume.title}#{resume.uid[:8]}"


def _lifted(resume: Switch) -> LiftedFor:
    return LiftedFor(by=_by(resume), at=datetime.now(UTC).replace(microsecond=0), **resume.reach.model_dump())

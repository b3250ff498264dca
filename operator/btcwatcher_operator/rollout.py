"""Which revision a bot runs: the one the spec asks for, or, until that may take its place, the one it has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.strategy import ConditionStatus, Mode, State, Strategy, UpdateStrategy
from btcwatcher_operator.bot_state import is_ready_with, read
from btcwatcher_operator.brake import Part, Turn
from btcwatcher_operator.children.build import Revision
from btcwatcher_operator.children.secrets import decoded
from btcwatcher_operator.preflight import Preflight, Stage, outcome
from btcwatcher_operator.resources import JOB, POD, SECRET, STATEFUL_SET, Object
from btcwatcher_operator.store import ChildKey


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the revision that the spec asks for does not run yet."""

    reason: Reason
    message: str
    stuck: bool = False
    """True when a person must change something."""
    in_progress: bool = False
    """True when the operator or the cluster is at work on it."""


@dataclass(frozen=True, slots=True)
class Rollout:
    revision: Revision
    """What the pod is to run."""
    restarted_at: str | None
    """The restart annotation that the pod is to have."""
    hold: Hold | None = None
    candidate: Revision | None = None
    """A revision to be tried by a Job beside the running bot."""
    preflight: Preflight | None = None
    """How the candidate fares."""
    part: Part = Part.NONE
    """What the Strategy has to do with a change that the platform makes to all."""
    barred: str | None = None
    """Why no bot may be started at all."""


@dataclass(frozen=True, slots=True)
class Braked:
    """What the brake says to a change of the platform."""

    turn: Turn
    platform: str
    """Hash of what the platform wants: two roll-outs are told apart by it."""
    words: str = ""
    """What the Strategy waits for, unless it is its turn."""


GO = Braked(Turn.GO, "")

RETURN_SECONDS = 1200
"""A bot that has a roll-out's revision is back in that time: preflight, image and a start on a busy node included."""


def decide(
    strategy: Strategy,
    wanted: Revision,
    live: Mapping[ChildKey, Object],
    braked: Braked = GO,
    now: datetime | None = None,
    live_forbidden: str | None = None,
) -> Rollout:
    """What is wanted runs at once where there is nothing to lose. A bot that has been ready keeps its revision until

    its user agrees (updateStrategy Manual), the wanted one has passed its preflight and, where it is the platform's
    change and not the Strategy's own, its turn has come. `live_forbidden` says why no bot may begin to trade Live.
    """
    asked = strategy.metadata.annotations.get(names.ANNOTATION_RESTARTED_AT)
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy.metadata.name)))
    running = _running(strategy, stateful_set, live)
    done = _restarted_at(stateful_set) if stateful_set else None
    # An annotation that was taken away asks for nothing.
    at_once = Rollout(wanted, asked or done)
    if live_forbidden and strategy.spec.mode is Mode.LIVE and strategy.spec.state is not State.SUSPENDED:
        return _without_permission(running, wanted, stateful_set, asked or done, live_forbidden)
    if stateful_set is None or running is None:
        return at_once
    if running.name == wanted.name:
        part = _arrived(strategy, running, live, braked.platform, now or datetime.now(UTC))
        return Rollout(replace(wanted, brought_by=running.brought_by), asked or done, part=part)
    # A suspended bot has nothing to disturb.
    if strategy.spec.state is State.SUSPENDED:
        return at_once
    manual = strategy.spec.effective_update_strategy is UpdateStrategy.MANUAL
    restart_asked = asked is not None and asked != done
    if manual and not restart_asked:
        return Rollout(running, done, Hold(Reason.UPDATE_AVAILABLE, _waits_for_user(strategy, running, wanted)))
    if not _proven(strategy, running, live):
        return at_once
    # What a user asked for is never held up by what happens to others.
    rolled_out = running.asked in ("", wanted.asked) and not manual
    begun = (JOB.kind, names.preflight_job(strategy.metadata.name, wanted.name)) in live
    if rolled_out and braked.turn is not Turn.GO and not begun:
        return Rollout(running, asked or done, _waits_for_turn(running, wanted, braked), part=Part.WAITING)
    if rolled_out:
        wanted = replace(wanted, brought_by=braked.platform)
    preflight = outcome(strategy.metadata.name, wanted.name, live)
    moving = Part.MOVING if rolled_out else Part.NONE
    if preflight.stage is Stage.PASSED:
        return Rollout(wanted, asked or done, part=moving)
    if preflight.stage is Stage.RUNNING:
        return Rollout(running, done, _tried(running, wanted, preflight), wanted, preflight, moving)
    # A restart that was asked for under Manual was asked for to apply the change: it waits for one that passes.
    restarted_at = done if manual else asked or done
    hold = failed(strategy, running, wanted, preflight)
    return Rollout(running, restarted_at, hold, wanted, preflight, Part.FAILED if rolled_out else Part.NONE)


def what_runs(strategy: Strategy, live: Mapping[ChildKey, Object]) -> Rollout | None:
    """What there is, while nothing may be changed; None when nothing is there."""
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy.metadata.name)))
    running = _running(strategy, stateful_set, live)
    if stateful_set is None or running is None:
        return None
    return Rollout(running, _restarted_at(stateful_set))


def is_started(live: Mapping[ChildKey, Object], strategy: str) -> bool:
    """Whether there is a StatefulSet that is to have a pod."""
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy)))
    return stateful_set is not None and bool(stateful_set["spec"].get("replicas"))


def trades_live(stateful_set: Object | None) -> bool:
    """Whether a bot was started with mode Live, and not suspended since."""
    if stateful_set is None or not stateful_set["spec"].get("replicas"):
        return False
    labels: dict[str, str] = stateful_set["spec"]["template"]["metadata"].get("labels", {})
    return labels.get(names.LABEL_MODE) == Mode.LIVE.value


def _without_permission(
    running: Revision | None, wanted: Revision, stateful_set: Object | None, restarted_at: str | None, words: str
) -> Rollout:
    """What there is goes on as it is, a paper bot too; nothing begins to trade."""
    if running is None or stateful_set is None or not stateful_set["spec"].get("replicas"):
        return Rollout(wanted, restarted_at, barred=words)
    if running.name == wanted.name:
        return Rollout(replace(wanted, brought_by=running.brought_by), restarted_at)
    message = f"revision {running.name} goes on, revision {wanted.name} is not started: {words}"
    return Rollout(running, restarted_at, Hold(Reason.LIVE_NOT_ALLOWED, message, stuck=True))


def revision_in_use(live: Mapping[ChildKey, Object]) -> set[str]:
    """Revisions that a StatefulSet, a Job or a pod still refers to; their Secrets must stay."""
    found = set()
    for (kind, _), obj in live.items():
        labels = obj["metadata"].get("labels", {})
        if kind == STATEFUL_SET.kind:
            labels = obj["spec"]["template"]["metadata"].get("labels", {})
        elif kind == SECRET.kind:
            continue
        if revision := labels.get(names.LABEL_REVISION):
            found.add(revision)
    return found


def failed(strategy: Strategy, running: Revision, wanted: Revision, preflight: Preflight) -> Hold:
    """Of a wanted revision that did not pass, or could not be tried."""
    job = names.preflight_job(strategy.metadata.name, wanted.name)
    again = f"kubectl -n {strategy.metadata.namespace} delete job {job} --ignore-not-found"
    what = "did not pass its preflight" if preflight.said else "could not be tried"
    return Hold(
        Reason.PREFLIGHT_FAILED,
        f"revision {running.name} goes on: revision {wanted.name} {what}: {preflight.message.rstrip('.')}; "
        f"change the Strategy, or have it tried again with: {again}",
        stuck=True,
    )


def _waits_for_turn(running: Revision, wanted: Revision, braked: Braked) -> Hold:
    message = f"revision {running.name} goes on; revision {wanted.name}, a change of the platform, {braked.words}"
    if braked.turn is Turn.STOPPED:
        return Hold(Reason.ROLLOUT_STOPPED, message)
    return Hold(Reason.ROLLOUT_WAITING, message, in_progress=True)


def _arrived(
    strategy: Strategy, running: Revision, live: Mapping[ChildKey, Object], platform: str, now: datetime
) -> Part:
    """How a bot fares that has what it is to have; of no interest unless the present roll-out brought it."""
    if not platform or running.brought_by != platform or strategy.spec.state is State.SUSPENDED:
        return Part.NONE
    if _proven(strategy, running, live):
        return Part.DONE
    pod = live.get((POD.kind, names.pod(strategy.metadata.name)))
    its_own = pod is not None and pod["metadata"].get("labels", {}).get(names.LABEL_REVISION) == running.name
    bot = read(pod)
    if its_own and (bot.stuck or bot.reason is Reason.CRASH_LOOPING):
        return Part.FAILED
    since = _since(strategy, pod, its_own=its_own)
    late = since is not None and (now - since).total_seconds() > RETURN_SECONDS
    return Part.FAILED if late else Part.MOVING


def _since(strategy: Strategy, pod: Object | None, *, its_own: bool) -> datetime | None:
    """When what is waited for began: the new pod's start, the old one's end, or that there is none."""
    if pod is None:
        ready = next((one for one in strategy.status.conditions if one.type == ConditionType.READY), None)
        return ready.last_transition_time if ready and ready.status is ConditionStatus.FALSE else None
    stamp = pod["metadata"].get("deletionTimestamp") or (pod["metadata"].get("creationTimestamp") if its_own else None)
    return datetime.fromisoformat(stamp) if stamp else None


def _tried(running: Revision, wanted: Revision, preflight: Preflight) -> Hold:
    message = f"revision {running.name} goes on while revision {wanted.name} is tried: {preflight.message}"
    return Hold(Reason.PREFLIGHT_RUNNING, message, in_progress=True)


def _proven(strategy: Strategy, running: Revision, live: Mapping[ChildKey, Object]) -> bool:
    """Whether the bot has been ready with the revision it has."""
    pod = live.get((POD.kind, names.pod(strategy.metadata.name)))
    return strategy.status.ready_revision == running.name or is_ready_with(pod, running.name)


def _running(strategy: Strategy, stateful_set: Object | None, live: Mapping[ChildKey, Object]) -> Revision | None:
    """The revision of the StatefulSet, read back from its Secret; None when the Secret is lost."""
    if stateful_set is None:
        return None
    name = stateful_set["spec"]["template"]["metadata"].get("labels", {}).get(names.LABEL_REVISION, "")
    secret = live.get((SECRET.kind, names.revision_secret(strategy.metadata.name, name)))
    if secret is None:
        return None
    said = secret["metadata"].get("annotations") or {}
    return Revision(
        name,
        decoded(secret),
        said.get(names.ANNOTATION_ASKED, ""),
        said.get(names.ANNOTATION_BROUGHT_BY, ""),
    )


def _restarted_at(stateful_set: Object) -> str | None:
    annotations = stateful_set["spec"]["template"]["metadata"].get("annotations") or {}
    found: str | None = annotations.get(names.ANNOTATION_RESTARTED_AT)
    return found


def _waits_for_user(strategy: Strategy, running: Revision, wanted: Revision) -> str:
    # The template names its own revision: that alone is no change.
    before = {name: text.replace(running.name, wanted.name) for name, text in running.files.items()}
    changed = ", ".join(sorted(name for name in wanted.files if wanted.files[name] != before.get(name)))
    return (
        f"revision {wanted.name} waits ({changed} changed), revision {running.name} runs; apply it with: "
        f"kubectl -n {strategy.metadata.namespace} annotate strategy {strategy.metadata.name} --overwrite "
        f'{names.ANNOTATION_RESTARTED_AT}="$(date -u +%FT%TZ)"'
    )

"""Which revision a bot runs: the one the spec asks for, or, until that may take its place, the one it has."""

from dataclasses import dataclass

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.strategy import State, Strategy, UpdateStrategy
from btcwatcher_operator.bot_state import is_ready_with
from btcwatcher_operator.children.build import Revision
from btcwatcher_operator.children.secrets import decoded
from btcwatcher_operator.preflight import Preflight, Stage, outcome
from btcwatcher_operator.resources import POD, SECRET, STATEFUL_SET, Object
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


def decide(strategy: Strategy, wanted: Revision, live: dict[ChildKey, Object]) -> Rollout:
    """What is wanted runs at once where there is nothing to lose. A bot that has been ready keeps its revision until

    its user agrees (updateStrategy Manual) and the wanted one has passed its preflight.
    """
    asked = strategy.metadata.annotations.get(names.ANNOTATION_RESTARTED_AT)
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy.metadata.name)))
    running = _running(strategy, stateful_set, live)
    done = _restarted_at(stateful_set) if stateful_set else None
    # An annotation that was taken away asks for nothing.
    at_once = Rollout(wanted, asked or done)
    if stateful_set is None or running is None or running.name == wanted.name:
        return at_once
    # A suspended bot has nothing to disturb.
    if strategy.spec.state is State.SUSPENDED:
        return at_once
    manual = strategy.spec.effective_update_strategy is UpdateStrategy.MANUAL
    restart_asked = asked is not None and asked != done
    if manual and not restart_asked:
        return Rollout(running, done, Hold(Reason.UPDATE_AVAILABLE, _waits_for_user(strategy, running, wanted)))
    if not _proven(strategy, running, live):
        return at_once
    preflight = outcome(strategy.metadata.name, wanted.name, live)
    if preflight.stage is Stage.PASSED:
        return at_once
    if preflight.stage is Stage.RUNNING:
        return Rollout(running, done, _tried(running, wanted, preflight), wanted, preflight)
    # A restart that was asked for under Manual was asked for to apply the change: it waits for one that passes.
    restarted_at = done if manual else asked or done
    return Rollout(running, restarted_at, failed(strategy, running, wanted, preflight), wanted, preflight)


def what_runs(strategy: Strategy, live: dict[ChildKey, Object]) -> Rollout | None:
    """What there is, while nothing may be changed; None when nothing is there."""
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy.metadata.name)))
    running = _running(strategy, stateful_set, live)
    if stateful_set is None or running is None:
        return None
    return Rollout(running, _restarted_at(stateful_set))


def revision_in_use(live: dict[ChildKey, Object]) -> set[str]:
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
        f"revision {running.name} goes on: revision {wanted.name} {what}: {preflight.message}; "
        f"change the Strategy, or have it tried again with: {again}",
        stuck=True,
    )


def _tried(running: Revision, wanted: Revision, preflight: Preflight) -> Hold:
    message = f"revision {running.name} goes on while revision {wanted.name} is tried: {preflight.message}"
    return Hold(Reason.PREFLIGHT_RUNNING, message, in_progress=True)


def _proven(strategy: Strategy, running: Revision, live: dict[ChildKey, Object]) -> bool:
    """Whether the bot has been ready with the revision it has."""
    pod = live.get((POD.kind, names.pod(strategy.metadata.name)))
    return strategy.status.ready_revision == running.name or is_ready_with(pod, running.name)


def _running(strategy: Strategy, stateful_set: Object | None, live: dict[ChildKey, Object]) -> Revision | None:
    """The revision of the StatefulSet, read back from its Secret; None when the Secret is lost."""
    if stateful_set is None:
        return None
    name = stateful_set["spec"]["template"]["metadata"].get("labels", {}).get(names.LABEL_REVISION, "")
    secret = live.get((SECRET.kind, names.revision_secret(strategy.metadata.name, name)))
    return Revision(name, decoded(secret)) if secret else None


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

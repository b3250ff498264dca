"""Which revision a bot runs: the one the spec asks for, or, until its user agrees, the one it has."""

from dataclasses import dataclass

from btcwatcher_crds import names
from btcwatcher_crds.strategy import State, Strategy, UpdateStrategy
from btcwatcher_operator.children.build import Revision
from btcwatcher_operator.children.secrets import decoded
from btcwatcher_operator.resources import SECRET, STATEFUL_SET, Object
from btcwatcher_operator.store import ChildKey


@dataclass(frozen=True, slots=True)
class Rollout:
    revision: Revision
    """What the pod is to run."""
    drift: str | None
    """The sentence for a user whose change waits, or None."""


def decide(strategy: Strategy, wanted: Revision, live: dict[ChildKey, Object]) -> Rollout:
    """Under Auto what is wanted runs at once. Under Manual it waits for a restart of the bot by its user."""
    stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(strategy.metadata.name)))
    running = _running(strategy, stateful_set, live)
    if stateful_set is None or running is None or running.name == wanted.name:
        return Rollout(wanted, None)
    if strategy.spec.effective_update_strategy is UpdateStrategy.AUTO:
        return Rollout(wanted, None)
    # A suspended bot has nothing to disturb, and a new restart annotation is the user's word.
    if strategy.spec.state is State.SUSPENDED or _restart_asked(strategy, stateful_set):
        return Rollout(wanted, None)
    return Rollout(running, _sentence(strategy, running, wanted))


def revision_in_use(live: dict[ChildKey, Object]) -> set[str]:
    """Revisions that a StatefulSet or a pod still refers to; their Secrets must stay."""
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


def _running(strategy: Strategy, stateful_set: Object | None, live: dict[ChildKey, Object]) -> Revision | None:
    """The revision of the StatefulSet, read back from its Secret; None when the Secret is lost."""
    if stateful_set is None:
        return None
    name = stateful_set["spec"]["template"]["metadata"].get("labels", {}).get(names.LABEL_REVISION, "")
    secret = live.get((SECRET.kind, names.revision_secret(strategy.metadata.name, name)))
    return Revision(name, decoded(secret)) if secret else None


def _restart_asked(strategy: Strategy, stateful_set: Object) -> bool:
    asked = strategy.metadata.annotations.get(names.ANNOTATION_RESTARTED_AT)
    template = stateful_set["spec"]["template"]["metadata"]
    done = template.get("annotations", {}).get(names.ANNOTATION_RESTARTED_AT)
    return asked is not None and asked != done


def _sentence(strategy: Strategy, running: Revision, wanted: Revision) -> str:
    # The template names its own revision: that alone is no change.
    before = {name: text.replace(running.name, wanted.name) for name, text in running.files.items()}
    changed = ", ".join(sorted(name for name in wanted.files if wanted.files[name] != before.get(name)))
    return (
        f"revision {wanted.name} waits ({changed} changed), revision {running.name} runs; apply it with: "
        f"kubectl -n {strategy.metadata.namespace} annotate strategy {strategy.metadata.name} --overwrite "
        f'{names.ANNOTATION_RESTARTED_AT}="$(date -u +%FT%TZ)"'
    )

"""What a bot's pod says of it: one pure reading of the pod object."""

from dataclasses import dataclass
from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.conditions import AnyReason, Reason
from btcwatcher_crds.termination import CONFIG_REASONS, Termination, TerminationReason, parse
from btcwatcher_operator.resources import Object


@dataclass(frozen=True, slots=True)
class BotState:
    """How the pod fares, in the catalogue's words."""

    ready: bool
    reason: AnyReason
    message: str
    stuck: bool = False
    """True when waiting does not help: a person must change something."""
    preflight: Termination | None = None
    """What the preflight said, if it said something; None after a silent success or before its end."""
    preflight_passed: bool = False


def read(pod: Object | None, *, ran_before: bool = False) -> BotState:
    """`ran_before`: whether the Strategy was last seen running; a bot is called hanging only after that."""
    if pod is None:
        return BotState(False, Reason.STARTING, "the pod is being made")
    status = pod.get("status", {})
    preflight = container_of(status, "initContainerStatuses", names.CONTAINER_PREFLIGHT)
    said, passed = _preflight(preflight)
    state = _state(pod, status, preflight, said, passed, ran_before)
    return BotState(state.ready, state.reason, state.message, state.stuck, said, passed)


def is_silent(pod: Object | None) -> bool:
    """Whether the bot has started and is not ready: it hangs, or freqtrade has stopped trading."""
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return False
    bot = container_of(pod.get("status", {}), "containerStatuses", names.CONTAINER_BOT)
    return "running" in bot.get("state", {}) and bool(bot.get("started")) and not bot.get("ready")


def is_ready_with(pod: Object | None, revision: str) -> bool:
    """Whether the pod is ready, and with this revision."""
    if pod is None or pod["metadata"].get("labels", {}).get(names.LABEL_REVISION) != revision:
        return False
    return read(pod).ready


def _preflight(container: Object) -> tuple[Termination | None, bool]:
    """What the last preflight that ended said, and whether it passed."""
    ended = last_end(container)
    if ended is None:
        return None, False
    return parse(ended.get("message", "")), ended.get("exitCode") == 0


def _state(
    pod: Object, status: Object, preflight: Object, said: Termination | None, passed: bool, ran_before: bool
) -> BotState:
    if pod["metadata"].get("deletionTimestamp"):
        return BotState(False, Reason.STARTING, "the old pod is ending; the next one starts after it")
    if (words := unschedulable(pod)) is not None:
        return BotState(False, Reason.UNSCHEDULABLE, words)
    bot = container_of(status, "containerStatuses", names.CONTAINER_BOT)
    for container in (preflight, bot):
        if waiting := _waiting(container):
            return waiting
    if last_end(preflight) is not None and not passed:
        return _failed(said or Termination(message=exit_text(preflight)), "the preflight failed")
    if "running" in preflight.get("state", {}):
        return BotState(False, Reason.STARTING, "the preflight is running")
    if bot.get("ready"):
        return BotState(True, Reason.RUNNING, "the bot's API answers and its trading loop comes round")
    return _not_ready(bot, ran_before)


def unschedulable(pod: Object) -> str | None:
    """The scheduler's words when it finds no node for the pod."""
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is None or scheduled.get("status") != "False":
        return None
    words: str = scheduled.get("message", "no node takes the pod")
    return words


def not_started(pod: Object, container: str) -> str | None:
    """Why one of the pod's containers cannot be started, in the scheduler's or the kubelet's words."""
    if (words := unschedulable(pod)) is not None:
        return words
    waiting = _waiting(container_of(pod.get("status", {}), "containerStatuses", container))
    return waiting.message if waiting else None


def _waiting(container: Object) -> BotState | None:
    """What the kubelet says keeps a container from being made; back-off after a crash is not among it."""
    waiting = container.get("state", {}).get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        return BotState(False, Reason.IMAGE_PULL_FAILED, message or reason, stuck=True)
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return BotState(False, Reason.CHILD_REFUSED, message or reason, stuck=True)
    return None


def _not_ready(bot: Object, ran_before: bool) -> BotState:
    ended = last_end(bot)
    runs = "running" in bot.get("state", {})
    restarts = bot.get("restartCount", 0)
    # That it starts once more is no news between two of its ends.
    again = runs and restarts >= 2 and not bot.get("started")
    if ended is not None and (again or not runs):
        said = parse(ended.get("message", "")) or Termination(message=exit_text(bot))
        return _failed(said, f"the bot ended (restarts: {restarts}){', and starts again' if again else ''}")
    if runs:
        # The startup probe passes a moment before the readiness probe does: that is no hanging.
        if bot.get("started") and ran_before:
            return BotState(False, Reason.HANGING, "the bot runs, but it is not ready: see kubectl logs")
        return BotState(False, Reason.STARTING, "the bot is starting")
    return BotState(False, Reason.STARTING, "the pod is being prepared")


_WANTS_KEYS = frozenset({TerminationReason.CREDENTIALS_MISSING, TerminationReason.CREDENTIALS_REFUSED})
"""Another try does not help: a person must see to the Secret."""


def _failed(said: Termination, what: str) -> BotState:
    if said.reason in CONFIG_REASONS:
        return BotState(False, said.reason, said.message, stuck=True)
    if said.reason is TerminationReason.BOT_EXITED:
        return BotState(False, Reason.CRASH_LOOPING, f"{what}: {said.message}")
    return BotState(False, said.reason, said.message, stuck=said.reason in _WANTS_KEYS)


def last_end(container: Object) -> Object | None:
    """The container's last end, also while it waits to be started again."""
    now: Object = container.get("state", {}).get("terminated") or {}
    before: Object = container.get("lastState", {}).get("terminated") or {}
    return now or before or None


def exit_text(container: Object) -> str:
    ended = last_end(container) or {}
    detail = ended.get("reason") or "Error"
    return f"exit code {ended.get('exitCode')} ({detail}), without a word: see kubectl logs --previous"


def container_of(status: Object, field: str, name: str) -> Object:
    statuses: list[Any] = status.get(field) or []
    found: Object = next((entry for entry in statuses if entry.get("name") == name), {})
    return found


def condition_of(obj: Object, kind: str) -> Object | None:
    conditions: list[Object] = obj.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry.get("type") == kind), None)

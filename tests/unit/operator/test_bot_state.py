import json
from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.termination import TerminationReason
from btcwatcher_operator.bot_state import is_silent, read
from support.pods import PASSED, RUNNING, container, ended, pod


def said(reason: str, message: str = "in freqtrade's words") -> str:
    return json.dumps({"reason": reason, "message": message})


def test_no_pod_yet() -> None:
    state = read(None)
    assert (state.ready, state.reason, state.stuck) == (False, Reason.STARTING, False)


def test_running() -> None:
    state = read(pod(RUNNING))
    assert (state.ready, state.reason, state.preflight_passed) == (True, Reason.RUNNING, True)


def test_a_pod_that_ends_is_not_ready_whatever_its_container_says() -> None:
    ending = pod(RUNNING)
    ending["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    assert not read(ending).ready


@pytest.mark.parametrize("waiting", ["", "CrashLoopBackOff"])
def test_a_failed_preflight_says_why(waiting: str) -> None:
    state: dict[str, Any] = ended(2, said("StrategyNotFound", "Impossible to load Strategy 'Foo'"))
    fields = {"lastState": state, "state": {"waiting": {"reason": waiting}}} if waiting else {"state": state}
    bot = read(pod(container(), container(names.CONTAINER_PREFLIGHT, **fields)))
    assert bot.reason is TerminationReason.STRATEGY_NOT_FOUND
    assert bot.message == "Impossible to load Strategy 'Foo'"
    assert bot.stuck
    assert not bot.preflight_passed


def test_a_preflight_that_left_no_word() -> None:
    killed = container(names.CONTAINER_PREFLIGHT, state=ended(137, reason="OOMKilled"))
    bot = read(pod(container(), killed))
    assert bot.reason is Reason.CRASH_LOOPING
    assert "137" in bot.message
    assert "OOMKilled" in bot.message


def test_a_warning_of_the_preflight_does_not_stop_the_bot() -> None:
    warned = container(names.CONTAINER_PREFLIGHT, state=ended(0, said("PairsMissing", "FOO/USDT is not on binance")))
    bot = read(pod(RUNNING, warned))
    assert bot.ready
    assert bot.preflight is not None
    assert bot.preflight.message == "FOO/USDT is not on binance"
    assert bot.preflight_passed


@pytest.mark.parametrize(
    ("reason", "expected", "stuck"),
    [
        ("ConfigInvalid", TerminationReason.CONFIG_INVALID, True),
        ("ExchangeUnreachable", TerminationReason.EXCHANGE_UNREACHABLE, False),
        ("BotExited", Reason.CRASH_LOOPING, False),
    ],
)
def test_a_bot_that_ends_again_and_again(reason: str, expected: str, stuck: bool) -> None:
    crashed = container(
        restartCount=3, lastState=ended(1, said(reason)), state={"waiting": {"reason": "CrashLoopBackOff"}}
    )
    bot = read(pod(crashed))
    assert (bot.ready, bot.reason, bot.stuck) == (False, expected, stuck)
    assert "in freqtrade's words" in bot.message


def test_a_bot_that_was_restarted_is_starting_again() -> None:
    again = container(restartCount=1, started=False, lastState=ended(1, said("BotExited")), state={"running": {}})
    assert read(pod(again)).reason is Reason.STARTING


@pytest.mark.parametrize(("ran_before", "reason"), [(True, Reason.HANGING), (False, Reason.STARTING)])
def test_a_bot_that_ran_and_is_ready_no_longer_hangs(ran_before: bool, reason: Reason) -> None:
    silent = pod(container(started=True, state={"running": {}}))
    assert read(silent, ran_before=ran_before).reason is reason


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        ("ErrImagePull", Reason.IMAGE_PULL_FAILED),
        ("ImagePullBackOff", Reason.IMAGE_PULL_FAILED),
        ("CreateContainerConfigError", Reason.CHILD_REFUSED),
    ],
)
@pytest.mark.parametrize("which", [names.CONTAINER_PREFLIGHT, names.CONTAINER_BOT])
def test_what_the_kubelet_cannot_start(waiting: str, reason: Reason, which: str) -> None:
    stopped = container(which, state={"waiting": {"reason": waiting, "message": "its words"}})
    seen = pod(container(), stopped) if which == names.CONTAINER_PREFLIGHT else pod(stopped, PASSED)
    bot = read(seen)
    assert (bot.reason, bot.message, bot.stuck) == (reason, "its words", True)


def test_no_node_takes_it() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    bot = read(pod(None, None, conditions=[condition]))
    assert (bot.reason, bot.message) == (Reason.UNSCHEDULABLE, "0/3 nodes are available")


@pytest.mark.parametrize(
    ("fields", "silent"),
    [
        ({"started": True, "state": {"running": {}}}, True),
        ({"started": True, "ready": True, "state": {"running": {}}}, False),
        ({"started": False, "state": {"running": {}}}, False),
        ({"started": True, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}, False),
    ],
)
def test_who_is_silent(fields: dict[str, Any], silent: bool) -> None:
    seen = pod(container(**fields))
    assert is_silent(seen) is silent
    seen["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    assert not is_silent(seen)


@pytest.mark.parametrize(("restarts", "reason"), [(1, Reason.STARTING), (2, Reason.CRASH_LOOPING)])
def test_a_bot_that_ends_again_and_again_is_not_called_starting_in_between(restarts: int, reason: Reason) -> None:
    ended_before = ended(1, said("BotExited", "OSError: disk full"))
    again = pod(container(restartCount=restarts, started=False, lastState=ended_before, state={"running": {}}))
    state = read(again)
    assert state.reason is reason
    assert ("OSError: disk full" in state.message) is (restarts == 2)

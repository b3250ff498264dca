import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_crds.termination import TerminationReason
from btcwatcher_operator.brake import Part, Turn
from btcwatcher_operator.children.build import POD_TEMPLATE_FILE, render_revision
from btcwatcher_operator.children.secrets import revision_secret
from btcwatcher_operator.platform import Platform
from btcwatcher_operator.preflight import Stage
from btcwatcher_operator.rollout import RETURN_SECONDS, Braked, decide, revision_in_use
from support.pods import RUNNING as RUNNING_CONTAINER
from support.pods import container, pod
from support.revisions import RUNNING, WANTED, job, live, strategy

REFUSED = job(ended=(1, '{"reason": "StrategyRaises", "message": "KeyError: close"}'))


@pytest.mark.parametrize(
    ("spec", "waits"),
    [
        ({"mode": "DryRun"}, False),
        ({"mode": "Live"}, True),
        ({"mode": "Live", "updateStrategy": "Auto"}, False),
        ({"mode": "DryRun", "updateStrategy": "Manual"}, True),
        ({"mode": "Live", "state": "Suspended"}, False),
    ],
)
def test_who_decides_when_a_changed_config_runs(spec: dict[str, Any], waits: bool) -> None:
    rollout = decide(strategy(ready=None, **spec), WANTED, live())
    assert rollout.revision == (RUNNING if waits else WANTED)
    assert (rollout.hold is not None) is waits
    assert rollout.candidate is None


def test_the_sentence_names_what_changed_and_the_command() -> None:
    hold = decide(strategy(mode="Live"), WANTED, live()).hold
    assert hold is not None
    assert hold.reason is Reason.UPDATE_AVAILABLE
    assert "config.json changed" in hold.message
    assert "kubectl -n trading annotate strategy ema --overwrite btcwatcher.io/restartedAt=" in hold.message


def test_a_new_restart_annotation_is_the_users_word() -> None:
    asked = strategy("2026-11-23T10:00:00Z", ready=None, mode="Live")
    assert decide(asked, WANTED, live()).revision == WANTED
    assert decide(asked, WANTED, live("2026-11-23T10:00:00Z")).revision == RUNNING


def test_a_first_revision_waits_for_nobody() -> None:
    assert decide(strategy(mode="Live"), WANTED, {}).revision == WANTED


def test_a_lost_revision_cannot_be_kept() -> None:
    without_secret = {key: obj for key, obj in live().items() if key[0] != "Secret"}
    assert decide(strategy(mode="Live"), WANTED, without_secret).revision == WANTED


def test_a_revision_is_in_use_while_a_pod_or_a_job_has_it() -> None:
    pods = {("Pod", "ema-0"): {"metadata": {"labels": {names.LABEL_REVISION: "older"}}}}
    assert revision_in_use({**live(), **pods, **job()}) == {"old", "older", "new"}


def test_a_running_bot_keeps_its_revision_while_the_new_one_is_tried() -> None:
    trials: list[Any] = [{}, job(), job(revision="another", condition="Complete")]
    for more in trials:
        rollout = decide(strategy(), WANTED, {**live(), **more})
        assert (rollout.revision, rollout.candidate) == (RUNNING, WANTED)
        assert rollout.hold is not None
        assert (rollout.hold.reason, rollout.hold.in_progress) == (Reason.PREFLIGHT_RUNNING, True)


def test_a_pod_that_is_ready_is_proof_enough() -> None:
    ready_pod = pod(RUNNING_CONTAINER, revision="old")
    assert decide(strategy(ready=None), WANTED, {**live(), ("Pod", "ema-0"): ready_pod}).candidate == WANTED
    starting = pod(container(), revision="old")
    assert decide(strategy(ready=None), WANTED, {**live(), ("Pod", "ema-0"): starting}).revision == WANTED


@pytest.mark.parametrize("passed", [job(ended=(0, "")), job(condition="Complete")])
def test_what_has_passed_takes_the_place(passed: Any) -> None:
    rollout = decide(strategy(), WANTED, {**live(), **passed})
    assert (rollout.revision, rollout.hold, rollout.candidate) == (WANTED, None, None)


def test_what_has_failed_does_not_and_says_why() -> None:
    rollout = decide(strategy(), WANTED, {**live(), **REFUSED})
    assert rollout.revision == RUNNING
    assert rollout.preflight is not None
    assert rollout.preflight.said is not None
    assert rollout.preflight.said.reason is TerminationReason.STRATEGY_RAISES
    assert rollout.hold is not None
    assert (rollout.hold.reason, rollout.hold.stuck) == (Reason.PREFLIGHT_FAILED, True)
    assert "revision old goes on: revision new did not pass its preflight: KeyError: close" in rollout.hold.message
    assert "kubectl -n trading delete job ema-new" in rollout.hold.message


def test_a_job_that_was_stopped_says_nothing_of_the_revision() -> None:
    rollout = decide(strategy(), WANTED, {**live(), **job(condition="Failed", reason="DeadlineExceeded")})
    assert rollout.preflight is not None
    assert (rollout.preflight.stage, rollout.preflight.said) == (Stage.FAILED, None)
    assert rollout.hold is not None
    assert "could not be tried: DeadlineExceeded: its words" in rollout.hold.message


def test_a_failed_jobs_last_words_are_waited_for() -> None:
    rollout = decide(strategy(), WANTED, {**live(), **job(condition="Failed", reason="BackoffLimitExceeded")})
    assert rollout.preflight is not None
    assert rollout.preflight.stage is Stage.RUNNING


def test_a_drained_nodes_pod_is_not_held_against_the_revision() -> None:
    drained = job(ended=(143, ""))
    drained["Pod", "ema-new-x"]["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    rollout = decide(strategy(), WANTED, {**live(), **drained})
    assert rollout.preflight is not None
    assert rollout.preflight.stage is Stage.RUNNING


def test_why_a_job_does_not_start_is_told() -> None:
    waiting = job(ended=(0, ""))
    status = waiting["Pod", "ema-new-x"]["status"]
    status["containerStatuses"][0]["state"] = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    hold = decide(strategy(), WANTED, {**live(), **waiting}).hold
    assert hold is not None
    assert "its pod does not start: no such image" in hold.message


def test_a_reverted_spec_needs_no_trial() -> None:
    rollout = decide(strategy(), RUNNING, {**live(), **REFUSED})
    assert (rollout.revision, rollout.hold, rollout.candidate) == (RUNNING, None, None)


@pytest.mark.parametrize(
    ("update", "trial", "restarted_at"),
    [
        ("Manual", {}, None),
        ("Manual", REFUSED, None),
        ("Auto", {}, None),
        # It is what the user asks for, and the change cannot have it.
        ("Auto", REFUSED, "now"),
    ],
)
def test_a_restart_that_is_to_apply_a_change_waits_for_its_trial(update: str, trial: Any, restarted_at: Any) -> None:
    asked = strategy("now", updateStrategy=update)
    rollout = decide(asked, WANTED, {**live(), **trial})
    assert (rollout.revision, rollout.restarted_at) == (RUNNING, restarted_at)
    assert decide(asked, WANTED, {**live(), **job(ended=(0, ""))}).restarted_at == "now"


def test_an_annotation_that_was_taken_away_restarts_nothing() -> None:
    assert decide(strategy(), RUNNING, live("before")).restarted_at == "before"


PLATFORM = "p2"
ASKED = "1-a"
NEXT = replace(WANTED, asked=ASKED)
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def rolled(**fields: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """A bot whose revision says where it comes from."""
    running = replace(RUNNING, **fields)
    secret = revision_secret(strategy(), "old", RUNNING.files, running.annotations)
    return {**live(), ("Secret", "ema-old"): secret}


@pytest.mark.parametrize(("turn", "reason"), [("wait", Reason.ROLLOUT_WAITING), ("stopped", Reason.ROLLOUT_STOPPED)])
def test_a_change_of_the_platform_waits_for_its_turn(turn: str, reason: Reason) -> None:
    braked = Braked(Turn(turn), PLATFORM, "waits for it")
    rollout = decide(strategy(), NEXT, rolled(asked=ASKED), braked)
    assert (rollout.revision.name, rollout.candidate, rollout.part) == ("old", None, Part.WAITING)
    assert rollout.hold is not None
    assert rollout.hold.reason is reason
    assert "revision old goes on; revision new, a change of the platform, waits for it" in rollout.hold.message
    # A restart that is asked for meanwhile is given to what runs.
    assert decide(strategy("now"), NEXT, rolled(asked=ASKED), braked).restarted_at == "now"


def test_where_nothing_is_known_of_a_revision_the_change_counts_as_the_platforms() -> None:
    assert decide(strategy(), NEXT, live(), Braked(Turn.WAIT, PLATFORM)).part is Part.WAITING


def test_a_strategys_own_change_waits_for_no_turn() -> None:
    stopped = Braked(Turn.STOPPED, PLATFORM)
    rollout = decide(strategy(), NEXT, rolled(asked="1-another"), stopped)
    assert rollout.candidate is not None
    assert (rollout.candidate.name, rollout.candidate.brought_by, rollout.part) == ("new", "", Part.NONE)
    # Neither does what its user asks for under Manual, what was never ready, and what has no pod.
    for free in (
        strategy("now", updateStrategy="Manual"),
        strategy(ready=None),
        strategy(state="Suspended"),
    ):
        rollout = decide(free, NEXT, rolled(asked=ASKED), stopped)
        assert (rollout.candidate or rollout.revision).name == "new"
        assert rollout.part is Part.NONE


def test_a_trial_that_was_begun_is_brought_to_its_end() -> None:
    for turn in (Turn.UNKNOWN, Turn.WAIT, Turn.STOPPED):
        braked = Braked(turn, PLATFORM)
        trials: list[tuple[Any, Part]] = [(job(), Part.MOVING), (REFUSED, Part.FAILED)]
        for trial, part in trials:
            assert decide(strategy(), NEXT, {**rolled(asked=ASKED), **trial}, braked).part is part
        passed = decide(strategy(), NEXT, {**rolled(asked=ASKED), **job(ended=(0, ""))}, braked)
        assert (passed.revision, passed.part) == (replace(NEXT, brought_by=PLATFORM), Part.MOVING)


def crashed(**metadata: Any) -> Any:
    words = '{"reason": "BotExited", "message": "it ended"}'
    ended = {"terminated": {"exitCode": 1, "message": words}}
    bot = pod(container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ended), revision="old")
    return {**bot, "metadata": {**bot["metadata"], **metadata}}


def starting(seconds: float, revision: str = "old", **metadata: Any) -> Any:
    made = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    bot = pod(container(), revision=revision)
    return {**bot, "metadata": {**bot["metadata"], "creationTimestamp": made, **metadata}}


@pytest.mark.parametrize(
    ("ready", "seen", "part"),
    [
        ("old", None, Part.DONE),
        (None, pod(RUNNING_CONTAINER, revision="old"), Part.DONE),
        ("older", None, Part.MOVING),
        ("older", crashed(), Part.FAILED),
        ("older", starting(RETURN_SECONDS - 60), Part.MOVING),
        ("older", starting(RETURN_SECONDS + 60), Part.FAILED),
        # The pod before is not gone yet, however long ago it was made.
        ("older", starting(RETURN_SECONDS + 60, "older"), Part.MOVING),
        ("older", starting(9000, "older", deletionTimestamp="2026-11-23T11:00:00Z"), Part.FAILED),
    ],
)
def test_how_a_bot_fares_that_was_given_a_rollouts_revision(ready: str | None, seen: Any, part: Part) -> None:
    now = rolled(asked=ASKED, brought_by=PLATFORM)
    if seen is not None:
        now["Pod", "ema-0"] = seen
    same = replace(NEXT, name="old")
    rollout = decide(strategy(ready=ready), same, now, Braked(Turn.WAIT, PLATFORM), NOW)
    assert (rollout.part, rollout.hold) == (part, None)
    assert rollout.revision.brought_by == PLATFORM, "what is known of it stays"
    other = decide(strategy(ready=ready), same, now, Braked(Turn.WAIT, "p3"), NOW)
    assert other.part is Part.NONE, "an earlier roll-out is of no interest"


def test_a_pod_that_is_never_made_is_late_too() -> None:
    since = {
        "type": "Ready",
        "status": "False",
        "reason": "QuotaExceeded",
        "lastTransitionTime": "2026-11-23T11:00:00Z",
    }
    late = strategy(ready="older")
    status = late.status.model_validate({"readyRevision": "older", "conditions": [since]})
    late = late.model_copy(update={"status": status})
    now = rolled(asked=ASKED, brought_by=PLATFORM)
    assert decide(late, replace(NEXT, name="old"), now, Braked(Turn.WAIT, PLATFORM), NOW).part is Part.FAILED


def test_an_account_for_bots_that_have_none_is_a_change_of_the_platform() -> None:
    """The upgrade that brought btcwatcher-bots: bots from before get it one by one, as the brake says."""
    platform = Platform("http://api:8000", b"w" * 32, b"b" * 32, image="bot:1")
    wanted = render_revision(strategy(), platform, 8081, None)
    template = wanted.template
    assert template["spec"].pop("serviceAccountName") == names.SHARED_NAME
    running = replace(wanted, name="old", files={**wanted.files, POD_TEMPLATE_FILE: json.dumps(template)})
    found = {
        **live(),
        ("Secret", "ema-old"): revision_secret(strategy(), "old", running.files, running.annotations),
    }
    for turn in (Turn.UNKNOWN, Turn.WAIT, Turn.STOPPED):
        rollout = decide(strategy(), wanted, found, Braked(turn, platform.identity))
        assert (rollout.revision.name, rollout.part, rollout.candidate) == ("old", Part.WAITING, None)
    rollout = decide(strategy(), wanted, found, Braked(Turn.GO, platform.identity))
    assert (rollout.revision.name, rollout.part) == ("old", Part.MOVING)
    assert rollout.candidate is not None
    assert (rollout.candidate.name, rollout.candidate.brought_by) == (wanted.name, platform.identity)
    # A live bot waits for its user, as with every change.
    hold = decide(strategy(mode="Live"), wanted, found, Braked(Turn.GO, platform.identity)).hold
    assert hold is not None
    assert hold.reason is Reason.UPDATE_AVAILABLE

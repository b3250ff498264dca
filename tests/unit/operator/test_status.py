import json
from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.strategy import Strategy
from btcwatcher_crds.termination import Termination, TerminationReason
from btcwatcher_operator.events import transitions
from btcwatcher_operator.obstacle import Obstacle
from btcwatcher_operator.preflight import Preflight, Stage
from btcwatcher_operator.rollout import Hold
from btcwatcher_operator.status import Seen, refused, status
from support.pods import RUNNING, container, ended, pod

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
BOUND = {"kind": "PersistentVolumeClaim", "metadata": {"name": "ema-data"}, "status": {"phase": "Bound"}}


def strategy(conditions: list[dict[str, Any]] | None = None, **spec: Any) -> Strategy:
    return Strategy.model_validate(
        {
            "metadata": {"name": "ema", "namespace": "trading", "uid": "u", "generation": 4},
            "spec": {
                "strategyName": "Ema",
                "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
                "timeframe": "5m",
                **spec,
            },
            "status": {"conditions": conditions or []},
        }
    )


def seen(**fields: Any) -> Seen:
    defaults: dict[str, Any] = {
        "strategy": strategy(),
        "port": 8081,
        "url": None,
        "image": "i",
        "pod": pod(RUNNING),
        "volume_claim": BOUND,
        "revision": "r1",
    }
    return Seen(**{**defaults, **fields})


def conditions(built: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {condition["type"]: (condition["status"], condition["reason"]) for condition in built["conditions"]}


def test_a_running_bot_has_no_condition_that_says_otherwise() -> None:
    built = status(seen(), NOW)
    assert built["observedGeneration"] == 4
    assert built["port"] == 8081
    assert "url" not in built
    assert conditions(built) == {
        "Ready": ("True", "Running"),
        "ConfigValid": ("True", "Valid"),
        "StorageReady": ("True", "Bound"),
    }


def test_starting_is_in_progress() -> None:
    built = conditions(status(seen(pod=None, volume_claim=None), NOW))
    assert built == {
        "Ready": ("False", "Starting"),
        "ConfigValid": ("Unknown", "Pending"),
        "StorageReady": ("False", "VolumePending"),
        "Reconciling": ("True", "Progressing"),
    }


def test_a_config_freqtrade_refuses_is_stalled_in_its_words() -> None:
    words = json.dumps({"reason": "TimeframeUnsupported", "message": "Invalid timeframe '7m'"})
    failed = container(names.CONTAINER_PREFLIGHT, state=ended(1, words))
    built = status(seen(pod=pod(container(), failed)), NOW)
    assert conditions(built)["Ready"] == ("False", "TimeframeUnsupported")
    assert conditions(built)["ConfigValid"] == ("False", "TimeframeUnsupported")
    assert conditions(built)["Stalled"] == ("True", "WaitsForUser")
    assert built["conditions"][0]["message"] == "Invalid timeframe '7m'"


def test_a_missing_pair_is_told_while_the_bot_trades_the_others() -> None:
    words = json.dumps({"reason": "PairsMissing", "message": "FOO/USDT is not on binance"})
    warned = container(names.CONTAINER_PREFLIGHT, state=ended(0, words))
    built = conditions(status(seen(pod=pod(RUNNING, warned)), NOW))
    assert built["Ready"] == ("True", "Running")
    assert built["ConfigValid"] == ("False", "PairsMissing")
    assert "Stalled" not in built


def test_suspended_is_ready_once_the_pod_is_gone() -> None:
    suspended = strategy(state="Suspended")
    assert conditions(status(seen(strategy=suspended), NOW))["Ready"] == ("False", "Suspending")
    assert conditions(status(seen(strategy=suspended, pod=None), NOW))["Ready"] == ("True", "Suspended")


def test_what_an_old_pod_says_is_not_said_of_the_new_revision() -> None:
    built = conditions(status(seen(revision="r2"), NOW))
    assert built["Ready"] == ("False", "Starting")
    assert built["ConfigValid"] == ("Unknown", "Pending")


@pytest.mark.parametrize("stuck", [True, False])
def test_an_obstacle_goes_before_what_the_pod_says(stuck: bool) -> None:
    obstacle = Obstacle(Reason.FOREIGN_OBJECT, "Service ema exists", stuck=stuck)
    built = conditions(status(seen(obstacle=obstacle), NOW))
    assert built["Ready"] == ("False", "ForeignObject")
    assert ("Stalled" in built, "Reconciling" in built) == (stuck, not stuck)


def test_what_an_obstacle_keeps_from_beginning_is_not_said_to_be_under_way() -> None:
    obstacle = Obstacle(Reason.LIVE_NOT_ALLOWED, "the namespace does not allow it")
    built = status(seen(obstacle=obstacle, pod=None, volume_claim=None), NOW)
    told = {condition["type"]: condition["message"] for condition in built["conditions"]}
    assert told["ConfigValid"] == "not tried yet: LiveNotAllowed comes first"
    assert told["StorageReady"] == "not made yet: LiveNotAllowed comes first"


def test_drift_is_told() -> None:
    built = status(seen(hold=Hold(Reason.UPDATE_AVAILABLE, "revision b waits")), NOW)
    assert conditions(built)["ConfigDrift"] == ("True", "UpdateAvailable")
    assert conditions(built)["Ready"] == ("True", "Running")
    assert "Stalled" not in conditions(built)


def test_a_change_that_is_tried_is_in_progress_while_the_bot_runs() -> None:
    hold = Hold(Reason.PREFLIGHT_RUNNING, "revision b is tried", in_progress=True)
    built = conditions(status(seen(hold=hold, preflight=Preflight(Stage.RUNNING, "its Job is running")), NOW))
    assert built["Ready"] == ("True", "Running")
    assert built["ConfigValid"] == ("Unknown", "Pending")
    assert built["ConfigDrift"] == ("True", "PreflightRunning")
    assert built["Reconciling"] == ("True", "Progressing")


REFUSED = Preflight(Stage.FAILED, "KeyError: close", Termination(reason=TerminationReason.STRATEGY_RAISES, message="K"))


def test_a_change_that_failed_is_stalled_while_the_bot_runs() -> None:
    hold = Hold(Reason.PREFLIGHT_FAILED, "revision a goes on", stuck=True)
    built = status(seen(hold=hold, preflight=REFUSED), NOW)
    assert conditions(built) == {
        "Ready": ("True", "Running"),
        "ConfigValid": ("False", "StrategyRaises"),
        "StorageReady": ("True", "Bound"),
        "ConfigDrift": ("True", "PreflightFailed"),
        "Stalled": ("True", "WaitsForUser"),
    }
    told = [(event.type, event.reason) for event in transitions(strategy(), built)]
    assert ("Warning", "PreflightFailed") in told
    assert ("Warning", "StrategyRaises") in told


def test_a_trial_without_a_verdict_says_nothing_of_the_config() -> None:
    stopped = Preflight(Stage.FAILED, "DeadlineExceeded")
    hold = Hold(Reason.PREFLIGHT_FAILED, "revision a goes on", stuck=True)
    assert conditions(status(seen(hold=hold, preflight=stopped), NOW))["ConfigValid"] == ("Unknown", "PreflightFailed")


@pytest.mark.parametrize(("generation", "kept"), [(4, True), (3, False)])
def test_a_verdict_holds_until_there_is_another_on_the_same_spec(generation: int, kept: bool) -> None:
    before = {"type": "ConfigValid", "status": "False", "reason": "StrategyRaises", "observedGeneration": generation}
    hold = Hold(Reason.PREFLIGHT_RUNNING, "revision b is tried", in_progress=True)
    again = seen(strategy=strategy([before]), hold=hold, preflight=Preflight(Stage.RUNNING, "again"))
    expected = ("False", "StrategyRaises") if kept else ("Unknown", "Pending")
    assert conditions(status(again, NOW))["ConfigValid"] == expected


def test_the_revision_the_bot_was_ready_with_is_remembered() -> None:
    assert status(seen(), NOW)["readyRevision"] == "r1"
    silent = seen(pod=pod(container()))
    assert "readyRevision" not in status(silent, NOW)
    known = strategy()
    known = known.model_copy(update={"status": known.status.model_copy(update={"ready_revision": "r0"})})
    assert status(seen(strategy=known, pod=None), NOW)["readyRevision"] == "r0"


def test_paused_reconciliation_is_told_and_speaks_of_the_generation_before() -> None:
    known = strategy()
    known = known.model_copy(update={"status": known.status.model_copy(update={"observed_generation": 3})})
    built = status(seen(strategy=known, reconcile="paused"), NOW)
    assert conditions(built)["ReconcilePaused"] == ("True", "ReconcilePaused")
    assert {built["observedGeneration"], *(one["observedGeneration"] for one in built["conditions"])} == {3}
    assert "kubectl -n trading annotate strategy ema btcwatcher.io/reconcile-" in built["conditions"][-1]["message"]
    assert [event.reason for event in transitions(known, built)][-1] == "ReconcilePaused"


def test_a_reconcile_annotation_that_says_nothing_is_told() -> None:
    built = status(seen(reconcile="pause"), NOW)
    assert conditions(built)["ReconcilePaused"] == ("False", "AnnotationUnknown")
    assert "'pause' says nothing; to pause write 'paused'" in built["conditions"][-1]["message"]
    assert built["observedGeneration"] == 4


@pytest.mark.parametrize(
    ("spec", "told"), [({"mode": "Live"}, True), ({"mode": "Live", "state": "Suspended"}, False), ({}, False)]
)
def test_live_trading_that_is_not_allowed_is_told_of_a_bot_that_goes_on(spec: dict[str, Any], told: bool) -> None:
    credentials = {"name": "binance", "pairs": ["BTC/USDT"], "credentialsRef": {"name": "k"}}
    asked = strategy(exchange=credentials, **spec)
    built = conditions(status(seen(strategy=asked, live_forbidden="it lacks the label"), NOW))
    assert (built.get("LiveNotAllowed") == ("True", "LiveNotAllowed")) is told
    if told:
        assert built["Ready"] == ("True", "Running")
        assert "Stalled" not in built


def test_only_a_changed_status_gets_a_new_date() -> None:
    before = [
        {"type": "Ready", "status": "True", "reason": "Old", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "StorageReady", "status": "False", "reason": "Old", "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]
    built = status(seen(strategy=strategy(before)), NOW)
    dates = {condition["type"]: condition["lastTransitionTime"] for condition in built["conditions"]}
    assert dates["Ready"] == "2026-01-01T00:00:00Z"
    assert dates["StorageReady"] == "2026-11-23T12:00:00Z"


def test_a_long_message_is_cut() -> None:
    obstacle = Obstacle(Reason.CHILD_REFUSED, "x" * 10_000)
    assert len(status(seen(obstacle=obstacle), NOW)["conditions"][0]["message"]) == 1024


def test_an_object_outside_the_contract_keeps_its_port() -> None:
    obj = {"metadata": {"generation": 2}, "status": {"port": 8085, "conditions": []}}
    built = refused(obj, "spec.timeframe: Field required", NOW)
    assert built["port"] == 8085
    assert conditions(built)["Ready"] == ("False", "SpecInvalid")
    assert conditions(built)["Stalled"] == ("True", "WaitsForUser")


def test_one_event_for_one_change_and_none_for_none() -> None:
    obstacle = Obstacle(Reason.SOURCE_MISSING, "there is no ConfigMap 'x'")
    built = status(seen(obstacle=obstacle, pod=None), NOW)
    told = list(transitions(strategy(), built))
    assert [(event.type, event.reason) for event in told] == [("Warning", "SourceMissing")]
    assert list(transitions(strategy(built["conditions"]), built)) == []


def test_every_condition_type_is_of_the_catalogue() -> None:
    known = {kind.value for kind in ConditionType}
    for fields in (
        {},
        {"pod": None},
        {"hold": Hold(Reason.UPDATE_AVAILABLE, "d")},
        {"reconcile": "paused"},
        {"obstacle": Obstacle(Reason.CHILD_REFUSED, "m")},
    ):
        assert set(conditions(status(seen(**fields), NOW))) <= known

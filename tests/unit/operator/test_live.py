"""Where live trading is allowed, and what becomes of a Strategy where it is not."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel

from btcwatcher_crds import names
from btcwatcher_crds.conditions import Reason
from btcwatcher_operator.live import SELECTOR, LiveNamespaces
from btcwatcher_operator.rollout import Rollout, decide, trades_live
from support.revisions import RUNNING, WANTED, live, strategy

POLICY = Path(__file__).parents[3] / "manifests/policies/live-needs-a-label.yaml"


ALLOWED = {"kind": "Namespace", "metadata": {"name": "desk", "labels": {names.LABEL_ALLOW_LIVE: "true"}}}


def test_only_the_label_true_allows() -> None:
    known = LiveNamespaces()
    others: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}},
        {"metadata": {"name": "b", "labels": {names.LABEL_ALLOW_LIVE: "yes"}}},
    ]
    assert known.replace([*others, ALLOWED]) == {"desk"}
    assert [name for name in ("a", "b", "desk") if known.allow(name)] == ["desk"]
    assert known.replace([]) == {"desk"}
    assert not known.allow("desk")


def test_a_watch_tells_of_changes_only() -> None:
    known = LiveNamespaces()
    assert known.observe(None, ALLOWED)
    assert not known.observe("MODIFIED", ALLOWED)
    assert known.observe("DELETED", ALLOWED), "a watch by label says so of a label that is gone"
    assert not known.allow("desk")


def test_what_cannot_be_read_allows_nothing() -> None:
    known = LiveNamespaces()
    known.observe(None, ALLOWED)
    known.replace([], readable=False)
    assert not known.allow("desk")
    assert "does not let the operator list namespaces" in known.sentence("desk")


WORDS = LiveNamespaces().sentence("trading")


def running(mode: str, replicas: int = 1) -> Any:
    found = live()
    found["StatefulSet", "ema"]["spec"]["replicas"] = replicas
    found["StatefulSet", "ema"]["spec"]["template"]["metadata"]["labels"][names.LABEL_MODE] = mode
    return found


def without_label(found: Any, wanted: Any = WANTED, **spec: Any) -> Rollout:
    return decide(strategy(mode="Live", updateStrategy="Auto", **spec), wanted, found, live_forbidden=WORDS)


@pytest.mark.parametrize("found", [{}, running("Live", replicas=0)])
def test_nothing_is_started(found: Any) -> None:
    assert f"kubectl label namespace trading {SELECTOR}" in (without_label(found).barred or "")


@pytest.mark.parametrize("mode", ["Live", "DryRun"])
def test_what_runs_goes_on_unchanged(mode: str) -> None:
    rollout = without_label(running(mode))
    assert (rollout.revision, rollout.candidate, rollout.barred) == (RUNNING, None, None)
    assert rollout.hold is not None
    assert (rollout.hold.reason, rollout.hold.stuck) == (Reason.LIVE_NOT_ALLOWED, True)
    assert "revision old goes on, revision new is not started" in rollout.hold.message
    same = without_label(running(mode), RUNNING)
    assert (same.revision, same.hold) == (RUNNING, None)


def test_it_can_be_suspended_and_a_dry_run_asks_nobody() -> None:
    suspended = without_label(running("Live"), state="Suspended")
    assert (suspended.revision, suspended.hold, suspended.barred) == (WANTED, None, None)
    paper = decide(strategy(), WANTED, {}, live_forbidden=WORDS)
    assert (paper.revision, paper.barred) == (WANTED, None)


def test_who_trades_live() -> None:
    seen = [None, *(running(*how)["StatefulSet", "ema"] for how in [("Live", 1), ("Live", 0), ("DryRun", 1)])]
    assert [trades_live(one) for one in seen] == [False, True, False, False]


LIVE: Any = {"spec": {"mode": "Live"}}
PAPER: Any = {"spec": {"mode": "DryRun"}}
UNSAID: Any = {"spec": {}}
BARE = {"metadata": {"name": "desk"}}


@pytest.mark.parametrize(
    ("new", "old", "space", "taken"),
    [
        (PAPER, None, BARE, True),
        (UNSAID, None, BARE, True),
        (LIVE, None, ALLOWED, True),
        (LIVE, PAPER, ALLOWED, True),
        (LIVE, None, BARE, False),
        (LIVE, None, {"metadata": {"name": "desk", "labels": {names.LABEL_ALLOW_LIVE: "false"}}}, False),
        (LIVE, PAPER, BARE, False),
        (LIVE, UNSAID, BARE, False),
        # Whoever is Live already can be suspended.
        (LIVE, LIVE, BARE, True),
        (PAPER, LIVE, BARE, True),
    ],
)
def test_the_policy_for_the_api_server_says_the_same(new: Any, old: Any, space: Any, taken: bool) -> None:
    policy, binding = yaml.safe_load_all(POLICY.read_text())
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    known = {"object": new, "oldObject": old, "namespaceObject": space}
    variables = {one["name"]: _evaluated(one["expression"], known) for one in policy["spec"]["variables"]}
    (rule,) = policy["spec"]["validations"]
    assert _evaluated(rule["expression"], {"variables": variables}) is taken
    words = _evaluated(rule["messageExpression"], known)
    assert f"kubectl label namespace desk {SELECTOR}" in words


def _evaluated(expression: str, data: dict[str, Any]) -> Any:
    environment = cel.NewEnv(variables=dict.fromkeys(data, cel.Type.DYN))
    return environment.compile(expression).eval(data=data).value()

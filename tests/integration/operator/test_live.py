"""Mode Live needs the namespace's label: nothing begins to trade without it, and nothing that trades is disturbed."""

import json
from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_operator.live import SELECTOR
from support.kubectl import REPOSITORY, Kubectl, until
from support.operated import RUNNING, condition, pod, report, revision, settled, strategy
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

POLICY = REPOSITORY / "manifests/policies/live-needs-a-label.yaml"


@pytest.fixture
def live(manifest: Object) -> Object:
    """A Strategy that trades real money, and takes changes by itself."""
    spec = {**manifest["spec"], "mode": "Live", "updateStrategy": "Auto"}
    spec["exchange"] = {**spec["exchange"], "credentialsRef": {"name": "binance-main"}}
    return {**manifest, "spec": spec}


def replicas(kubectl: Kubectl, namespace: str) -> int | None:
    found = kubectl.get("statefulset", "ema", namespace)
    return found["spec"]["replicas"] if found else None


def is_barred(kubectl: Kubectl, namespace: str) -> None:
    until(lambda: condition(kubectl, namespace).get("reason") == "LiveNotAllowed", "it says that it is not allowed")
    assert f"kubectl label namespace {namespace} {SELECTOR}" in condition(kubectl, namespace)["message"]
    assert condition(kubectl, namespace)["status"] == "False"
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"


def test_the_label_is_waited_for_and_missed(kubectl: Kubectl, namespace: str, operator: Operator, live: Object) -> None:
    kubectl.apply(live)
    is_barred(kubectl, namespace)
    assert replicas(kubectl, namespace) is None

    kubectl("label", "namespace", namespace, SELECTOR)
    kubectl("-n", namespace, "create", "secret", "generic", "binance-main", "--from-literal=key=k")
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "strategy/ema", "--timeout=30s")
    assert condition(kubectl, namespace, "LiveNotAllowed") == {}
    current = revision(kubectl, namespace)

    # What trades goes on; a change of it does not begin.
    kubectl("label", "namespace", namespace, f"{names.LABEL_ALLOW_LIVE}-")
    until(lambda: condition(kubectl, namespace, "LiveNotAllowed"), "a condition tells of it")
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "15m"}})
    until(lambda: condition(kubectl, namespace, "ConfigDrift").get("reason") == "LiveNotAllowed", "the change waits")
    assert condition(kubectl, namespace)["status"] == "True"
    assert (revision(kubectl, namespace), replicas(kubectl, namespace)) == (current, 1)
    assert kubectl.list("jobs", namespace) == []
    told = [one for one in kubectl.list("events", namespace) if one["reason"] == "LiveNotAllowed"]
    assert {one["type"] for one in told} == {"Warning"}

    # It can be suspended, and is not started again.
    kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Suspended"}})
    until(lambda: replicas(kubectl, namespace) == 0, "it is suspended")
    kubectl("-n", namespace, "delete", "pod", "ema-0", "--now")
    until(lambda: condition(kubectl, namespace)["reason"] == "Suspended", "it says so")
    assert condition(kubectl, namespace, "LiveNotAllowed") == {}
    kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Running"}})
    is_barred(kubectl, namespace)
    assert replicas(kubectl, namespace) == 0
    kubectl("label", "namespace", namespace, SELECTOR)
    until(lambda: replicas(kubectl, namespace) == 1, "it starts")


def test_a_dry_run_that_is_to_trade_live_goes_on_as_a_dry_run(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object, live: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "strategy/ema", "--timeout=30s")
    paper = revision(kubectl, namespace)
    kubectl.apply(live)
    until(lambda: condition(kubectl, namespace, "ConfigDrift").get("reason") == "LiveNotAllowed", "the change waits")
    assert (revision(kubectl, namespace), replicas(kubectl, namespace)) == (paper, 1)
    assert condition(kubectl, namespace)["status"] == "True"


def test_a_label_that_was_taken_away_while_nobody_looked_allows_nothing(
    kubectl: Kubectl, namespace: str, operator: Operator, live: Object
) -> None:
    kubectl("label", "namespace", namespace, SELECTOR)
    operator.kill()
    kubectl("label", "namespace", namespace, f"{names.LABEL_ALLOW_LIVE}-")
    kubectl.apply(live)
    operator.start()
    is_barred(kubectl, namespace)
    assert replicas(kubectl, namespace) is None
    assert strategy(kubectl, namespace)["status"]["port"], "the port is its own already"


def test_the_policy_refuses_at_apply(kubectl: Kubectl, namespace: str, manifest: Object, live: Object) -> None:
    if "btcwatcher" in kubectl("version", "-o", "json"):
        pytest.skip("the embedded API server does not act on a policy; tests/unit/operator/test_live.py evaluates it")
    kubectl("apply", "--server-side", "-f", str(POLICY))
    try:
        wanted = f"kubectl label namespace {namespace} {SELECTOR}"
        # The API server takes a policy in a moment after it has answered.
        until(
            lambda: wanted in kubectl.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(live)).stderr,
            "refused",
        )
        kubectl.apply(manifest)
        assert wanted in kubectl.refused(live)
        kubectl("label", "namespace", namespace, SELECTOR)
        until(
            lambda: kubectl.run("apply", "-f", "-", stdin=json.dumps(live)).returncode == 0,
            "with the label it is taken",
        )
        kubectl("label", "namespace", namespace, f"{names.LABEL_ALLOW_LIVE}-")
        kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Suspended"}})
    finally:
        kubectl("delete", "-f", str(POLICY))

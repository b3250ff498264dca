"""The ServiceAccount and the NetworkPolicy of a namespace with Strategies, against an API server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import condition, pod, settled
from support.operator_process import Operator
from support.shared_objects import NETWORK

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

BOTH = ("serviceaccount", "networkpolicy")
OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


@pytest.fixture
def operator(kubectl: Kubectl, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    network = tmp_path / "network.yaml"
    network.write_text(json.dumps(NETWORK))
    process = Operator(kubectl, namespace, tmp_path)
    process.env["BTCWATCHER_BOT_NETWORK_FILE"] = str(network)
    process.start()
    yield process
    if process.running:
        process.kill()


def kept(kubectl: Kubectl, namespace: str) -> dict[str, Object]:
    found = kubectl.list(",".join(BOTH), namespace, "-l", OURS)
    return {item["kind"]: item for item in found}


def versions(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    return {kind: item["metadata"]["resourceVersion"] for kind, item in kept(kubectl, namespace).items()}


def gone(kubectl: Kubectl, namespace: str) -> bool:
    return not kept(kubectl, namespace)


def test_from_the_first_strategy_to_the_last(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    made = settled(kubectl, namespace)
    template = made["StatefulSet", "ema"]["spec"]["template"]["spec"]
    assert template["serviceAccountName"] == names.SHARED_NAME
    assert template["automountServiceAccountToken"] is False
    found = kept(kubectl, namespace)
    assert {item["metadata"]["name"] for item in found.values()} == {names.SHARED_NAME}
    assert set(found) == {"ServiceAccount", "NetworkPolicy"}
    assert found["NetworkPolicy"]["spec"]["egress"][1] == NETWORK["egress"][1]
    # A second one shares them.
    before = versions(kubectl, namespace)
    kubectl.apply({**manifest, "metadata": {"name": "second", "namespace": namespace}})
    until(lambda: kubectl.get("statefulset", "second", namespace), "the second has its children")
    assert versions(kubectl, namespace) == before
    pod(kubectl, namespace)
    kubectl("-n", namespace, "delete", "strategy", "ema", "second", "--wait=true")
    # Its last bot is still ending, and stays within its walls.
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "meanwhile", "namespace": namespace}})
    assert versions(kubectl, namespace) == before
    kubectl("-n", namespace, "delete", "pod", "ema-0", "--grace-period=0", "--force")
    until(lambda: gone(kubectl, namespace), "both are gone")


def test_a_restart_writes_nothing_and_finds_what_nobody_needs_any_more(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    before = versions(kubectl, namespace)
    operator.kill()
    operator.start()
    kubectl.apply({**manifest, "metadata": {"name": "second", "namespace": namespace}})
    until(lambda: kubectl.get("statefulset", "second", namespace), "it is at work")
    assert versions(kubectl, namespace) == before
    operator.kill()
    kubectl("-n", namespace, "delete", "strategy", "ema", "second", "--wait=true")
    operator.start()
    until(lambda: gone(kubectl, namespace), "both are gone")


def test_what_is_deleted_or_edited_by_hand_is_put_back(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    before = kept(kubectl, namespace)

    def as_before() -> bool:
        now = kept(kubectl, namespace)
        return {kind: item.get("spec") for kind, item in now.items()} == {
            kind: item.get("spec") for kind, item in before.items()
        } and now["ServiceAccount"].get("automountServiceAccountToken") is False

    for kind in BOTH:
        kubectl("-n", namespace, "delete", kind, names.SHARED_NAME)
        until(as_before, f"{kind} is back")
    # Each of these would let something through, or everything; that something is there beside ours is no excuse.
    for change in (
        {"spec": {"podSelector": {"matchLabels": {"nobody": "has-it"}}}},
        {"spec": {"egress": [*NETWORK["egress"], {}]}},
        {"spec": {"policyTypes": ["Ingress"]}},
        {"spec": {"egress": [{"ports": [{"protocol": "TCP", "port": 53}, {"protocol": "TCP", "port": 1}]}]}},
    ):
        kubectl.patch("networkpolicy", names.SHARED_NAME, namespace, change)
        until(as_before, f"put back: {change}")
    kubectl.patch("serviceaccount", names.SHARED_NAME, namespace, {"automountServiceAccountToken": True})
    until(as_before, "no token again")
    # Without its label it is out of sight, and ours nevertheless.
    for kind in BOTH:
        kubectl("-n", namespace, "label", kind, names.SHARED_NAME, f"{names.LABEL_MANAGED_BY}-")
        until(as_before, f"{kind} has its label again")


def test_what_others_add_to_the_account_stays(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    """OpenShift does, and whoever patches in what pulls the images."""
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kubectl.patch("serviceaccount", names.SHARED_NAME, namespace, {"imagePullSecrets": [{"name": "theirs"}]})
    kubectl.patch("serviceaccount", names.SHARED_NAME, namespace, {"automountServiceAccountToken": True})

    def put_back() -> Object:
        account = kept(kubectl, namespace)["ServiceAccount"]
        return account if account["automountServiceAccountToken"] is False else {}

    assert until(put_back, "no token again")["imagePullSecrets"] == [{"name": "theirs"}]


@pytest.mark.parametrize("kind", [pytest.param("serviceaccount", marks=pytest.mark.full), "networkpolicy"])
def test_somebody_elses_object_is_left_alone_and_told_of(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object, kind: str
) -> None:
    kubectl.apply(
        {
            "apiVersion": "v1" if kind == "serviceaccount" else "networking.k8s.io/v1",
            "kind": "ServiceAccount" if kind == "serviceaccount" else "NetworkPolicy",
            "metadata": {"name": names.SHARED_NAME, "namespace": namespace},
            **({} if kind == "serviceaccount" else {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
        }
    )
    theirs = (kubectl.get(kind, names.SHARED_NAME, namespace) or {})["metadata"]
    kubectl.apply(manifest)
    until(lambda: condition(kubectl, namespace).get("reason") == "ForeignObject", "ForeignObject")
    assert f"{names.SHARED_NAME} exists and is not the operator's" in condition(kubectl, namespace)["message"]
    assert kubectl.get("statefulset", "ema", namespace) is None, "no bot without its walls"
    now = (kubectl.get(kind, names.SHARED_NAME, namespace) or {})["metadata"]
    assert (now["uid"], now["resourceVersion"]) == (theirs["uid"], theirs["resourceVersion"])
    # It is looked at again by itself, for no watch shows what is not ours.
    kubectl("-n", namespace, "delete", kind, names.SHARED_NAME)
    until(lambda: set(kept(kubectl, namespace)) == {"ServiceAccount", "NetworkPolicy"}, "made after all", 90)
    settled(kubectl, namespace)


def test_switched_off_the_policy_goes_and_the_account_stays(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    template = settled(kubectl, namespace)["StatefulSet", "ema"]["spec"]["template"]
    operator.kill()
    del operator.env["BTCWATCHER_BOT_NETWORK_FILE"]
    operator.start(bot_image_pull_secrets="registry")
    until(lambda: set(kept(kubectl, namespace)) == {"ServiceAccount"}, "the policy is gone")
    until(
        lambda: kept(kubectl, namespace)["ServiceAccount"].get("imagePullSecrets") == [{"name": "registry"}],
        "the account pulls images",
    )
    now = (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["template"]
    assert now == template, "no bot is restarted by it"

"""The operator's process against an API server. There is no kubelet: the tests report the pod's state themselves."""

import base64
import json
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import (
    CHILDREN,
    RUNNING,
    children,
    condition,
    container,
    ended,
    pod,
    report,
    revision,
    settled,
    strategy,
    versions,
)
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


def test_from_apply_to_ready(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    kubectl.apply(manifest)
    made = settled(kubectl, namespace)
    current = revision(kubectl, namespace)
    assert set(made) == {
        ("StatefulSet", "ema"),
        ("Service", "ema"),
        ("Secret", "ema-access"),
        ("Secret", f"ema-{current}"),
        ("PersistentVolumeClaim", "ema-data"),
        ("Ingress", "ema"),
    }
    assert strategy(kubectl, namespace)["status"]["port"] == 8081
    assert made["Service", "ema"]["spec"]["ports"][0]["port"] == 8081
    assert condition(kubectl, namespace)["reason"] == "Starting"
    assert condition(kubectl, namespace, "Reconciling")["status"] == "True"
    assert strategy(kubectl, namespace)["status"]["url"] == f"https://ema.{namespace}.bots.localhost/"

    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "strategy/ema", "--timeout=20s")
    assert condition(kubectl, namespace, "ConfigValid")["reason"] == "Valid"
    assert condition(kubectl, namespace, "Reconciling") == {}

    def told() -> list[tuple[str, str]]:
        seen = [(event["type"], event["reason"]) for event in kubectl.list("events", namespace)]
        return seen if {("Normal", "PortAssigned"), ("Normal", "Running")} <= set(seen) else []

    events = until(told, "Events of the port and of the running bot")
    assert len(events) == len(set(events)), "one event a change"


def test_a_failed_preflight_is_told_in_freqtrades_words(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    words = json.dumps({"reason": "StrategyNotFound", "message": "Impossible to load Strategy 'Ema'."})
    report(
        kubectl,
        namespace,
        {"initContainerStatuses": [container(names.CONTAINER_PREFLIGHT, ended(2, words))], "phase": "Pending"},
    )
    until(lambda: condition(kubectl, namespace)["reason"] == "StrategyNotFound", "Ready tells of the class")
    invalid = condition(kubectl, namespace, "ConfigValid")
    assert (invalid["status"], invalid["message"]) == ("False", "Impossible to load Strategy 'Ema'.")
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"


def test_a_restart_writes_nothing(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    before = versions(kubectl, namespace)
    operator.kill()
    operator.start()
    # A second Strategy shows that the new process is at work.
    kubectl.apply({**manifest, "metadata": {"name": "second", "namespace": namespace}})
    until(lambda: strategy(kubectl, namespace, "second").get("status", {}).get("port"), "the second has a port")
    assert strategy(kubectl, namespace, "second")["status"]["port"] == 8082
    after = versions(kubectl, namespace)
    assert {key: version for key, version in after.items() if "second" not in key[1]} == before


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_deleted_child_is_made_again(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object, kind: str
) -> None:
    kubectl.apply(manifest)
    made = settled(kubectl, namespace)
    gone = {key: item["metadata"]["uid"] for key, item in made.items() if key[0].lower() == kind}
    for _, name in gone:
        kubectl("-n", namespace, "delete", kind, name, "--wait=false", "--cascade=background")
        # Nobody but a controller takes the protection of a claim away.
        if kind == "persistentvolumeclaim":
            kubectl.run("-n", namespace, "patch", kind, name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    def made_again() -> bool:
        now = children(kubectl, namespace)
        return all(key in now and now[key]["metadata"]["uid"] != uid for key, uid in gone.items())

    until(made_again, f"{kind} made again")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("statefulset", {"spec": {"replicas": 0}}),
        ("service", {"spec": {"selector": {names.LABEL_STRATEGY: "other"}}}),
        ("service", {"metadata": {"ownerReferences": None}}),
        ("service", {"metadata": {"labels": {names.LABEL_STRATEGY: "other"}}}),
        ("service", {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}}),
        ("secret/ema-access", {"metadata": {"labels": {names.LABEL_MANAGED_BY: "me", names.LABEL_STRATEGY: None}}}),
        ("ingress", {"spec": {"rules": [{"host": "elsewhere.example.com"}]}}),
        ("secret/ema-access", {"data": {"netrc": base64.b64encode(b"nonsense").decode()}}),
    ],
)
def test_an_edited_child_is_put_back(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object, kind: str, change: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kind, _, name = kind.partition("/")
    name = name or "ema"
    before = kubectl.get(kind, name, namespace) or {}
    kubectl.patch(kind, name, namespace, change)

    def put_back() -> bool:
        now = kubectl.get(kind, name, namespace) or {}
        same = all(now.get(part) == before.get(part) for part in ("spec", "data"))
        meta = ("ownerReferences", "labels")
        return same and all(now["metadata"].get(part) == before["metadata"].get(part) for part in meta)

    until(put_back, f"{kind} as it was")


def test_what_others_add_is_left_alone(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kubectl("-n", namespace, "label", "service", "ema", "team=desk")
    kubectl("-n", namespace, "annotate", "strategy", "ema", "note=hello")
    kubectl.patch("strategy", "ema", namespace, {"spec": {"expose": {"enabled": False}}})
    until(lambda: kubectl.get("ingress", "ema", namespace) is None, "the Ingress is gone")
    assert (kubectl.get("service", "ema", namespace) or {})["metadata"]["labels"]["team"] == "desk"


def test_a_field_that_is_wanted_no_longer_goes(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    manifest["spec"]["podTemplate"] = {"labels": {"team": "desk"}, "priorityClassName": "high"}
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    # What a POST made, then what an apply made of it.
    for change, gone in (({"labels": {"team": None}}, "desk"), ({"priorityClassName": None}, "high")):
        kubectl.patch("strategy", "ema", namespace, {"spec": {"podTemplate": change}})

        def without(word: str = gone) -> bool:
            return word not in json.dumps((kubectl.get("statefulset", "ema", namespace) or {})["spec"])

        until(without, f"a StatefulSet without {gone}")


def test_a_foreign_object_is_not_taken_over(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ema", "namespace": namespace},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "shop"}},
    }
    kubectl.apply(foreign)
    kubectl.apply(manifest)
    until(lambda: condition(kubectl, namespace).get("reason") == "ForeignObject", "ForeignObject")
    assert "Service ema exists and is not the operator's" in condition(kubectl, namespace)["message"]
    service = kubectl.get("service", "ema", namespace) or {}
    assert service["spec"]["selector"] == {"app": "shop"}
    assert "ownerReferences" not in service["metadata"]


def test_a_child_the_server_refuses_is_told_in_its_words(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    long = "a" * 64
    manifest["spec"]["podTemplate"] = {"labels": {long: "b"}}
    kubectl.apply(manifest)
    until(lambda: condition(kubectl, namespace).get("reason") == "ChildRefused", "ChildRefused")
    assert "StatefulSet ema: " in condition(kubectl, namespace)["message"]
    assert long in condition(kubectl, namespace)["message"]
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"
    kubectl.patch("strategy", "ema", namespace, {"spec": {"podTemplate": {"labels": None}}})
    settled(kubectl, namespace)
    until(lambda: condition(kubectl, namespace)["reason"] == "Starting", "it goes on")


def test_missing_credentials_are_told_until_they_are_there(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    manifest["spec"]["mode"] = "Live"
    kubectl("label", "namespace", namespace, f"{names.LABEL_ALLOW_LIVE}={names.ALLOW_LIVE}")
    manifest["spec"]["exchange"]["credentialsRef"] = {"name": "binance-main"}
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    until(lambda: condition(kubectl, namespace).get("reason") == "CredentialsMissing", "CredentialsMissing")
    assert "there is no Secret 'binance-main'" in condition(kubectl, namespace)["message"]
    kubectl("-n", namespace, "create", "secret", "generic", "binance-main", "--from-literal=key=k")
    report(kubectl, namespace, RUNNING)
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "strategy/ema", "--timeout=20s")


def test_suspended_and_back(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Suspended"}})
    until(lambda: condition(kubectl, namespace).get("reason") == "Suspended", "Suspended")
    assert condition(kubectl, namespace)["status"] == "True"
    assert (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["replicas"] == 0
    assert strategy(kubectl, namespace)["status"]["port"] == 8081
    kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Running"}})
    until(lambda: (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["replicas"] == 1, "a replica again")


def test_a_changed_spec_is_a_new_revision(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    old = revision(kubectl, namespace)
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "15m"}})
    until(lambda: revision(kubectl, namespace) != old, "a new revision")
    until(lambda: kubectl.get("secret", f"ema-{old}", namespace) is None, "the old revision is pruned")


def test_manual_waits_for_its_user(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    manifest["spec"]["updateStrategy"] = "Manual"
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    old = revision(kubectl, namespace)
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "15m"}})
    drift = until(lambda: condition(kubectl, namespace, "ConfigDrift"), "ConfigDrift")
    assert "config.json changed" in drift["message"]
    assert revision(kubectl, namespace) == old
    kubectl("-n", namespace, "annotate", "strategy", "ema", f"{names.ANNOTATION_RESTARTED_AT}=now")
    until(lambda: revision(kubectl, namespace) != old, "the new revision after the user's word")
    until(lambda: not condition(kubectl, namespace, "ConfigDrift"), "no drift any more")


def test_a_missing_source_is_told_and_found_when_it_comes(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    manifest["spec"]["source"] = {"configMapRef": {"name": "code", "key": "ema.py"}}
    kubectl.apply(manifest)
    until(lambda: condition(kubectl, namespace).get("reason") == "SourceMissing", "SourceMissing")
    assert condition(kubectl, namespace)["message"] == "spec.source.configMapRef: there is no ConfigMap 'code'"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code", "namespace": namespace}}
    kubectl.apply({**config_map, "data": {"other.py": "x"}})
    until(lambda: "(it has: other.py)" in condition(kubectl, namespace)["message"], "the keys it has")
    kubectl.apply({**config_map, "data": {"ema.py": "class Ema: ..."}})
    secret = settled(kubectl, namespace)["Secret", f"ema-{revision(kubectl, namespace)}"]
    assert base64.b64decode(secret["data"][names.SOURCE_FILE]) == b"class Ema: ..."


def test_a_full_pool_is_told_and_a_freed_port_goes_on(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    operator.kill()
    operator.start(port_range="9301-9301")
    kubectl.apply(manifest)
    until(lambda: strategy(kubectl, namespace).get("status", {}).get("port") == 9301, "the only port")
    kubectl.apply({**manifest, "metadata": {"name": "second", "namespace": namespace}})
    until(lambda: condition(kubectl, namespace, name="second").get("reason") == "PortPoolExhausted", "a full pool")
    assert "BTCWATCHER_PORT_RANGE" in condition(kubectl, namespace, name="second")["message"]
    assert kubectl.get("statefulset", "second", namespace) is None
    kubectl("-n", namespace, "delete", "strategy", "ema")
    until(lambda: strategy(kubectl, namespace, "second").get("status", {}).get("port") == 9301, "the freed port")
    until(lambda: kubectl.get("statefulset", "second", namespace), "its children")


def test_it_stops_when_told(operator: Operator, kubectl: Kubectl, namespace: str, manifest: Object) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    assert operator.stop() == 0
    assert "Traceback" not in operator.log.read_text()

"""What is true of every object, for many values: both helms agree, names are in order, every pod is restricted."""

from typing import Any

import pytest

from support import chart
from support.chart import HELMS, containers, identity, pods
from support.chart_values import VARIANTS

CRD = "CustomResourceDefinition"

pytestmark = pytest.mark.parametrize("variant", VARIANTS)


def objects(variant: str, version: int = HELMS[0]) -> list[dict[str, Any]]:
    return chart.rendered(VARIANTS[variant], version=version, database={})


def test_both_helms_give_the_same(variant: str) -> None:
    four, three = (sorted(objects(variant, version), key=identity) for version in HELMS)
    assert four == three


def test_no_object_is_there_twice(variant: str) -> None:
    found = [identity(item) for item in objects(variant)]
    assert sorted(found) == sorted(set(found))


def test_objects_are_in_a_namespace_that_is_named(variant: str) -> None:
    whole_cluster = {"ClusterRole", "ClusterRoleBinding", CRD, "ValidatingAdmissionPolicy"}
    whole_cluster |= {"ValidatingAdmissionPolicyBinding"}
    for item in objects(variant):
        assert bool(item["metadata"].get("namespace")) is (item["kind"] not in whole_cluster), identity(item)


def test_objects_carry_the_recommended_labels(variant: str) -> None:
    common = VARIANTS[variant].get("commonLabels", {})
    for item in objects(variant):
        if item["kind"] == CRD:
            continue
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == chart.RELEASE, identity(item)
        assert labels["app.kubernetes.io/part-of"] == "btc-watcher", identity(item)
        assert labels.items() >= common.items(), identity(item)


def test_every_pod_is_restricted(variant: str) -> None:
    """The Pod Security Standard `restricted`, and a root file system that cannot be written."""
    seen = 0
    for name, pod in pods(objects(variant)):
        seen += 1
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] != 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert spec["enableServiceLinks"] is False, name
        for volume in spec.get("volumes", []):
            assert volume.keys() - {"name"} <= {
                "configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim", "downwardAPI", "csi",
            }, name  # fmt: skip
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert "privileged" not in own, name
            assert container["resources"]["limits"]["memory"], name
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
            assert all("hostPort" not in port for port in container.get("ports", [])), name
    assert seen >= 4


def test_what_a_deployment_selects_is_its_own_pods_alone(variant: str) -> None:
    found = objects(variant)
    templates = dict(pods(found))
    for item in found:
        if item["kind"] in ("Deployment", "StatefulSet"):
            selector = item["spec"]["selector"]["matchLabels"].items()
            chosen = [name for name, pod in templates.items() if pod["metadata"]["labels"].items() >= selector]
            assert chosen == [f"{item['kind']}/{item['metadata']['name']}"]


def test_services_lead_to_ports_that_there_are(variant: str) -> None:
    found = objects(variant)
    templates = [pod for _, pod in pods(found)]
    for item in found:
        if item["kind"] != "Service":
            continue
        selector = item["spec"]["selector"].items()
        (pod,) = [pod for pod in templates if pod["metadata"]["labels"].items() >= selector]
        names = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in item["spec"]["ports"]} <= names

"""Defaults, checks and immutability of the builtin kinds that the operator makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.widgets import APPLY, MERGE

if TYPE_CHECKING:
    from support.apiservers import ApiServer

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

STRATEGIC = "application/strategic-merge-patch+json"
CONTAINER = {"name": "c", "image": "example/image:1"}


def core(namespace: str, plural: str) -> str:
    return f"/api/v1/namespaces/{namespace}/{plural}"


def stateful_set(**more: Any) -> dict[str, Any]:
    spec = {
        "serviceName": "web",
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}},
        **more,
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}


def sets(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/statefulsets"


def test_pod_defaults(api_server: ApiServer, namespace: str) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [CONTAINER]}}
    made = api_server.ok("POST", core(namespace, "pods"), body)
    spec = made["spec"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"], spec["dnsPolicy"]) == (
        "Always",
        30,
        "ClusterFirst",
    )
    container = spec["containers"][0]
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_pods_that_are_refused(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "pods")
    status = api_server.refused(422, "POST", path, {"metadata": {"name": "p"}, "spec": {"containers": []}})
    assert "spec.containers: Required value" in status["message"]
    mount = {**CONTAINER, "volumeMounts": [{"name": "none", "mountPath": "/x"}]}
    status = api_server.refused(422, "POST", path, {"metadata": {"name": "p"}, "spec": {"containers": [mount]}})
    assert 'spec.containers[0].volumeMounts[0].name: Not found: "none"' in status["message"]
    wrong = {"metadata": {"name": "p"}, "spec": {"containers": {}}}
    status = api_server.refused(400, "POST", path, wrong)
    assert 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object' in status["message"]


def test_pod_spec_is_fixed_but_for_the_image(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "pods")
    api_server.ok("POST", path, {"metadata": {"name": "p"}, "spec": {"containers": [CONTAINER]}})
    patch = {"spec": {"containers": [{"name": "c", "image": "example/image:2"}]}}
    after = api_server.ok("PATCH", f"{path}/p", patch, content_type=STRATEGIC)
    assert after["spec"]["containers"][0]["image"] == "example/image:2"
    status = api_server.refused(422, "PATCH", f"{path}/p", {"spec": {"restartPolicy": "Never"}}, content_type=MERGE)
    assert "pod updates may not change fields other than" in status["message"]


def test_a_pod_on_a_node_is_deleted_gracefully(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "pods")
    for name in ("bound", "free"):
        api_server.ok("POST", path, {"metadata": {"name": name}, "spec": {"containers": [CONTAINER]}})
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "bound"},
        "target": {"kind": "Node", "name": "n"},
    }
    api_server.ok("POST", f"{path}/bound/binding", binding)
    api_server.refused(409, "POST", f"{path}/bound/binding", binding)
    listed = api_server.ok("GET", f"{path}?fieldSelector=spec.nodeName=n")["items"]
    assert [p["metadata"]["name"] for p in listed] == ["bound"]
    api_server.ok("DELETE", f"{path}/free")
    api_server.refused(404, "GET", f"{path}/free")
    marked = api_server.ok("DELETE", f"{path}/bound", {"gracePeriodSeconds": 7})
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 7
    api_server.ok("GET", f"{path}/bound")
    api_server.ok("DELETE", f"{path}/bound", {"gracePeriodSeconds": 0})
    api_server.refused(404, "GET", f"{path}/bound")


def test_pod_status_is_written_apart(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "pods")
    api_server.ok("POST", path, {"metadata": {"name": "p"}, "spec": {"containers": [CONTAINER]}})
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    api_server.ok("PATCH", f"{path}/p/status", ready, content_type=STRATEGIC)
    more = {"status": {"conditions": [{"type": "Initialized", "status": "True"}]}}
    after = api_server.ok("PATCH", f"{path}/p/status", more, content_type=STRATEGIC)
    assert {c["type"] for c in after["status"]["conditions"]} == {"Ready", "Initialized"}
    assert after["status"]["phase"] == "Running"


def test_stateful_set_defaults_and_generation(api_server: ApiServer, namespace: str) -> None:
    made = api_server.ok("POST", sets(namespace), stateful_set())
    spec = made["spec"]
    assert spec["replicas"] == 1
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert spec["podManagementPolicy"] == "OrderedReady"
    assert spec["revisionHistoryLimit"] == 10
    assert made["metadata"]["generation"] == 1
    after = api_server.ok("PATCH", f"{sets(namespace)}/web", {"spec": {"replicas": 0}}, content_type=MERGE)
    assert after["metadata"]["generation"] == 2


def test_stateful_set_immutability(api_server: ApiServer, namespace: str) -> None:
    api_server.ok("POST", sets(namespace), stateful_set())
    patch = {"spec": {"podManagementPolicy": "Parallel"}}
    status = api_server.refused(422, "PATCH", f"{sets(namespace)}/web", patch, content_type=MERGE)
    assert "spec: Forbidden: updates to statefulset spec for fields other than" in status["message"]
    body = stateful_set(selector={"matchLabels": {"app": "other"}})
    body["metadata"]["name"] = "other"
    status = api_server.refused(422, "POST", sets(namespace), body)
    assert "`selector` does not match template `labels`" in status["message"]


def test_scale(api_server: ApiServer, namespace: str) -> None:
    api_server.ok("POST", sets(namespace), stateful_set())
    scale = api_server.ok("GET", f"{sets(namespace)}/web/scale")
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 1})
    scale["spec"]["replicas"] = 3
    assert api_server.ok("PUT", f"{sets(namespace)}/web/scale", scale)["spec"]["replicas"] == 3
    assert api_server.ok("GET", f"{sets(namespace)}/web")["spec"]["replicas"] == 3


def test_strategic_merge_by_container_name(api_server: ApiServer, namespace: str) -> None:
    body = stateful_set()
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    body["spec"]["template"]["spec"]["containers"] = [{**CONTAINER, "env": env}, {"name": "d", "image": "example/d:1"}]
    api_server.ok("POST", sets(namespace), body)
    changed = {"name": "c", "env": [{"name": "B", "value": "3"}, {"name": "A", "$patch": "delete"}]}
    patch = {"spec": {"template": {"spec": {"containers": [changed, {"name": "d", "$patch": "delete"}]}}}}
    after = api_server.ok("PATCH", f"{sets(namespace)}/web", patch, content_type=STRATEGIC)
    containers = after["spec"]["template"]["spec"]["containers"]
    assert [c["name"] for c in containers] == ["c"]
    assert containers[0]["env"] == [{"name": "B", "value": "3"}]
    assert containers[0]["image"] == CONTAINER["image"]


def test_quantities_are_canonical(api_server: ApiServer, namespace: str) -> None:
    limits = {"memory": "1024Mi", "cpu": "1000m"}
    body = stateful_set()
    body["spec"]["template"]["spec"]["containers"] = [{**CONTAINER, "resources": {"limits": limits}}]
    made = api_server.ok("POST", sets(namespace), body)
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "1Gi", "cpu": "1"}


def test_service(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "services")
    made = api_server.ok("POST", path, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    spec = made["spec"]
    assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"]) == ("ClusterIP", "None")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    again = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 81}]}}
    assert api_server.ok("PUT", f"{path}/web", again)["spec"]["clusterIP"] == spec["clusterIP"]
    status = api_server.refused(422, "PATCH", f"{path}/web", {"spec": {"clusterIP": "10.0.0.99"}}, content_type=MERGE)
    assert "may not change once set" in status["message"]
    status = api_server.refused(422, "POST", path, {"metadata": {"name": "w"}, "spec": {}})
    assert "spec.ports: Required value" in status["message"]
    status = api_server.refused(422, "POST", path, {"metadata": {"name": "a.b"}, "spec": {"ports": [{"port": 80}]}})
    assert "must not contain dots" in status["message"]


@pytest.mark.parametrize("plural", ["secrets", "configmaps"])
def test_immutable_data(api_server: ApiServer, namespace: str, plural: str) -> None:
    path = core(namespace, plural)
    data = {"a": "Yg=="}
    api_server.ok("POST", path, {"metadata": {"name": "x"}, "immutable": True, "data": data})
    for patch in ({"data": {"a": "Yw=="}}, {"immutable": None}):
        status = api_server.refused(422, "PATCH", f"{path}/x", patch, content_type=MERGE)
        assert "field is immutable when `immutable` is set" in status["message"]
    api_server.ok("PATCH", f"{path}/x", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE)
    api_server.ok("DELETE", f"{path}/x")


def test_secret_string_data(api_server: ApiServer, namespace: str) -> None:
    made = api_server.ok("POST", core(namespace, "secrets"), {"metadata": {"name": "x"}, "stringData": {"a": "b"}})
    assert (made["data"], made["type"]) == ({"a": "Yg=="}, "Opaque")
    assert "stringData" not in made


def test_claims(api_server: ApiServer, namespace: str) -> None:
    path = core(namespace, "persistentvolumeclaims")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = api_server.ok("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    assert made["status"] == {"phase": "Pending"}
    status = api_server.refused(
        422, "PATCH", f"{path}/d", {"spec": {"accessModes": ["ReadWriteMany"]}}, content_type=MERGE
    )
    assert "spec is immutable after creation" in status["message"]
    status = api_server.refused(
        422, "POST", path, {"metadata": {"name": "e"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    )
    assert "spec.resources[storage]: Required value" in status["message"]


def test_events_have_two_forms(api_server: ApiServer, namespace: str) -> None:
    about = {"kind": "Pod", "namespace": namespace, "name": "p", "apiVersion": "v1"}
    body = {
        "metadata": {"generateName": "e-"}, "involvedObject": about, "reason": "Started",
        "message": "it runs", "type": "Normal",
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1,
        "source": {"component": "test"},
    }  # fmt: skip
    made = api_server.ok("POST", core(namespace, "events"), body)
    selector = f"involvedObject.name=p,involvedObject.namespace={namespace},reason=Started"
    found = api_server.ok("GET", f"{core(namespace, 'events')}?fieldSelector={selector}")
    assert [e["message"] for e in found["items"]] == ["it runs"]
    name = made["metadata"]["name"]
    new = api_server.ok("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events/{name}")
    assert (new["regarding"]["name"], new["note"], new["deprecatedCount"]) == ("p", "it runs", 1)


def test_ingress_needs_a_path_type(api_server: ApiServer, namespace: str) -> None:
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "a.example", "http": {"paths": [{"path": "/", "backend": backend}]}}
    body = {"metadata": {"name": "i"}, "spec": {"rules": [rule]}}
    status = api_server.refused(422, "POST", path, body)
    assert "spec.rules[0].http.paths[0].pathType: Required value" in status["message"]
    rule["http"]["paths"][0]["pathType"] = "Prefix"  # type: ignore[index]
    api_server.ok("POST", path, body)


def test_a_job_selects_its_own_pods(api_server: ApiServer, namespace: str) -> None:
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}
    made = api_server.ok("POST", path, {"metadata": {"name": "j"}, "spec": spec})
    own = {"batch.kubernetes.io/controller-uid": made["metadata"]["uid"]}
    assert made["spec"]["selector"]["matchLabels"] == own
    assert own.items() <= made["spec"]["template"]["metadata"]["labels"].items()
    assert made["spec"]["backoffLimit"] == 6
    spec["template"]["spec"]["restartPolicy"] = "Always"
    api_server.refused(422, "POST", path, {"metadata": {"name": "k"}, "spec": spec})


def test_a_lease_takes_micro_time(api_server: ApiServer, namespace: str) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    spec = {"holderIdentity": "me", "renewTime": "2026-01-01T00:00:00.123456Z", "leaseDurationSeconds": 15}
    made = api_server.ok("POST", path, {"metadata": {"name": "l"}, "spec": spec})
    assert made["spec"] == spec


APPLIED: dict[str, tuple[str, dict[str, Any]]] = {
    "persistentvolumeclaims": (
        "/api/v1",
        {
            "kind": "PersistentVolumeClaim",
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        },
    ),
    "secrets": ("/api/v1", {"kind": "Secret", "immutable": True, "data": {"a": "Yg=="}}),
    "services": ("/api/v1", {"kind": "Service", "spec": {"ports": [{"name": "api", "port": 8081}]}}),
    "pods": ("/api/v1", {"kind": "Pod", "spec": {"containers": [CONTAINER]}}),
    "statefulsets": ("/apis/apps/v1", {"kind": "StatefulSet", "spec": stateful_set()["spec"]}),
    "jobs": (
        "/apis/batch/v1",
        {"kind": "Job", "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}},
    ),
}


@pytest.mark.parametrize("plural", APPLIED)
def test_applying_a_child_again_writes_nothing(api_server: ApiServer, namespace: str, plural: str) -> None:
    base, body = APPLIED[plural]
    whole = {"apiVersion": base.removeprefix("/apis/").removeprefix("/api/"), "metadata": {"name": "x"}, **body}
    path = f"{base}/namespaces/{namespace}/{plural}/x?fieldManager=operator&force=true"
    api_server.ok("PATCH", path, whole, content_type=APPLY)
    # The real server finds something to tidy in a claim and a Job the first time.
    made = api_server.ok("PATCH", path, whole, content_type=APPLY)
    assert api_server.ok("PATCH", path, whole, content_type=APPLY) == made
    assert api_server.ok("PATCH", path.partition("?")[0], {"metadata": {}}, content_type=MERGE) == made

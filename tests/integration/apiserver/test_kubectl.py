"""What people type: the real kubectl against both servers."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on the PATH"),
]

MANIFEST = """
apiVersion: conformance.btcwatcher.io/v1
kind: Widget
metadata: {name: a}
spec: {color: red, size: 3}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "example/image:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: web}}
spec: {containers: [{name: c, image: "example/image:1"}]}
"""


class Kubectl:
    """kubectl in one namespace of one server."""

    def __init__(self, server: ApiServer, namespace: str, home: Path) -> None:
        self._base = ["kubectl", f"--kubeconfig={server.kubeconfig}", f"--namespace={namespace}", f"--cache-dir={home}"]

    def run(self, *arguments: str, stdin: str = "", fails: bool = False) -> str:
        """Its output; its errors when it must fail."""
        done = subprocess.run(
            [*self._base, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*self._base, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def kubectl(api_server: ApiServer, widgets: Widgets, tmp_path: Path) -> Kubectl:
    return Kubectl(api_server, widgets.namespace, tmp_path)


def test_apply_again_and_changed(kubectl: Kubectl) -> None:
    first = kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    assert first.splitlines() == [
        "widget.conformance.btcwatcher.io/a created",
        "statefulset.apps/web created",
        "service/web created",
        "pod/p created",
    ]
    again = kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    assert {line.rpartition(" ")[2] for line in again.splitlines()} == {"unchanged"}
    changed = MANIFEST.replace("size: 3", "size: 4").replace("image:1", "image:2", 1)
    assert kubectl.run("apply", "-f", "-", stdin=changed).splitlines()[:2] == [
        "widget.conformance.btcwatcher.io/a configured",
        "statefulset.apps/web configured",
    ]
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl.run("get", "sts", "web", "-o", image) == "example/image:2"


def test_apply_of_a_list(kubectl: Kubectl) -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: listed}, data: {a: b}}"
    said = kubectl.run("apply", "-f", "-", stdin=f"apiVersion: v1\nkind: List\nitems: [{item}]\n")
    assert said.strip() == "configmap/listed created"


def test_server_side_apply_and_diff(kubectl: Kubectl) -> None:
    for _ in range(2):
        out = kubectl.run("apply", "--server-side", "-f", "-", stdin=MANIFEST)
        assert "widget.conformance.btcwatcher.io/a serverside-applied" in out
    kubectl.run("diff", "--server-side", "-f", "-", stdin=MANIFEST)
    other = ["apply", "--server-side", "--field-manager=other", "-f", "-"]
    told = kubectl.run(*other, stdin=MANIFEST.replace("red", "blue"), fails=True)
    assert 'conflict with "kubectl": .spec.color' in told


def test_a_refusal_reads_well(kubectl: Kubectl) -> None:
    told = kubectl.run("apply", "-f", "-", stdin=MANIFEST.replace("red", "pink"), fails=True)
    assert 'The Widget "a" is invalid' in told
    assert 'spec.color: Unsupported value: "pink": supported values: "red", "green", "blue"' in told
    told = kubectl.run("apply", "-f", "-", stdin=MANIFEST.replace("size:", "sise:"), fails=True)
    assert 'unknown field "spec.sise"' in told


def test_get(kubectl: Kubectl) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    assert kubectl.run("get", "wdg").split()[:6] == ["NAME", "COLOR", "READY", "AGE", "a", "red"]
    assert kubectl.run("get", "wdg", "-o", "wide").split()[:5] == ["NAME", "COLOR", "READY", "AGE", "SIZE"]
    assert kubectl.run("get", "pods").split()[:9] == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "p",
        "0/1",
        "Pending",
        "0",
    ]
    assert kubectl.run("get", "sts").split()[:5] == ["NAME", "READY", "AGE", "web", "0/1"]
    assert kubectl.run("get", "svc", "--no-headers").split()[1] == "ClusterIP"
    assert json.loads(kubectl.run("get", "wdg", "a", "-o", "json"))["spec"]["size"] == 3
    assert kubectl.run("get", "pods", "-l", "app=web", "-o", "name") == "pod/p\n"
    assert kubectl.run("get", "pods", "--field-selector=metadata.name=x", "-o", "name") == ""
    assert "p" in kubectl.run("get", "pods", "-A", "--no-headers").split()
    assert "widget.conformance.btcwatcher.io/a" in kubectl.run("get", "conformance", "-o", "name")
    assert 'widgets.conformance.btcwatcher.io "x" not found' in kubectl.run("get", "wdg", "x", fails=True)


def test_watch_prints_rows(kubectl: Kubectl) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    watching = kubectl.start("get", "wdg", "-w", "--request-timeout=4s")
    kubectl.run("patch", "wdg", "a", "--type=merge", "-p", '{"spec":{"color":"blue"}}')
    kubectl.run("patch", "wdg", "a", "--type=json", "-p", '[{"op":"replace","path":"/spec/color","value":"green"}]')
    out, _ = watching.communicate(timeout=30)
    assert "green" in out
    assert out.startswith("NAME   COLOR   READY   AGE")


def test_patch_label_annotate_scale(kubectl: Kubectl) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    kubectl.run("label", "wdg", "a", "x=y")
    kubectl.run("annotate", "pod", "p", "note=well")
    assert kubectl.run("get", "wdg", "-l", "x=y", "-o", "name") == "widget.conformance.btcwatcher.io/a\n"
    assert "scaled" in kubectl.run("scale", "sts", "web", "--replicas=3")
    assert kubectl.run("get", "sts", "web", "-o", "jsonpath={.spec.replicas}") == "3"
    containers = '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"example/image:9"}]}}}}'
    kubectl.run("patch", "sts", "web", "-p", containers)
    told = kubectl.run("patch", "sts", "web", "-p", '{"spec":{"podManagementPolicy":"Parallel"}}', fails=True)
    assert 'The StatefulSet "web" is invalid: spec: Forbidden' in told


def test_wait_and_delete(kubectl: Kubectl, widgets: Widgets) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    waiting = kubectl.start("wait", "--for=condition=Ready", "wdg/a", "--timeout=20s")
    widgets.merge("a", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, sub="/status")
    out, _ = waiting.communicate(timeout=30)
    assert out == "widget.conformance.btcwatcher.io/a condition met\n"
    gone = kubectl.start("wait", "--for=delete", "wdg/a", "--timeout=20s")
    assert "deleted" in kubectl.run("delete", "wdg", "a", "--wait=true")
    assert gone.wait(30) == 0
    kubectl.run("delete", "sts", "web", "--cascade=orphan", "--wait=false")
    kubectl.run("delete", "pod", "p", "--now")
    assert kubectl.run("get", "pods", "-o", "name") == ""


def test_describe_and_explain(kubectl: Kubectl) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    assert "Color:" in kubectl.run("describe", "wdg", "a")
    assert "Image:" in kubectl.run("describe", "pod", "p")
    assert "color\t<string> -required-" in kubectl.run("explain", "widgets.spec")
    assert "rollingUpdate" in kubectl.run("explain", "sts.spec.updateStrategy")


def test_typed_commands_send_protobuf(kubectl: Kubectl) -> None:
    kubectl.run("create", "configmap", "c", "--from-literal=a=b")
    kubectl.run("create", "secret", "generic", "s", "--from-literal=a=b")
    kubectl.run("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl.run("create", "service", "clusterip", "v", "--tcp=80:8080")
    assert kubectl.run("get", "cm", "c", "-o", "jsonpath={.data.a}") == "b"
    assert kubectl.run("get", "secret", "s", "-o", "jsonpath={.data.a}{.type}") == "Yg==Opaque"
    assert kubectl.run("get", "svc", "v", "-o", "jsonpath={.spec.ports[0].targetPort}") == "8080"
    assert kubectl.run("auth", "can-i", "create", "pods") == "yes\n"


def test_what_there_is(kubectl: Kubectl) -> None:
    listed = kubectl.run("api-resources", "--no-headers")
    rows = {line.split()[0]: line.split() for line in listed.splitlines()}
    assert rows["widgets"] == ["widgets", "wdg", "conformance.btcwatcher.io/v1", "true", "Widget"]
    assert rows["statefulsets"] == ["statefulsets", "sts", "apps/v1", "true", "StatefulSet"]
    assert "conformance.btcwatcher.io/v1" in kubectl.run("api-versions")
    assert "is running at" in kubectl.run("cluster-info")
    assert kubectl.run("get", "--raw", "/readyz") == "ok"


def test_logs_of_a_pod_without_a_node(kubectl: Kubectl) -> None:
    kubectl.run("apply", "-f", "-", stdin=MANIFEST)
    assert kubectl.run("logs", "p") == ""
    assert "container nope is not valid for pod p" in kubectl.run("logs", "p", "-c", "nope", fails=True)


def test_accounts_and_what_they_may(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("create", "serviceaccount", "a")
    kubectl.run("create", "role", "r", "--verb=get,list", "--resource=pods,pods/log")
    kubectl.run("create", "rolebinding", "b", "--role=r", f"--serviceaccount={namespace}:a")
    user = f"system:serviceaccount:{namespace}:a"
    asked = ["auth", "can-i", f"--as={user}"]
    assert kubectl.run(*asked, "list", "pods") == "yes\n"
    assert kubectl.run(*asked, "get", "pods", "--subresource=log") == "yes\n"
    kubectl.run(*asked, "delete", "pods", fails=True)
    listed = kubectl.run(*asked, "--list", "--no-headers")
    assert any(line.split()[0] == "pods/log" and "[get list]" in line for line in listed.splitlines())

    token = kubectl.run("create", "token", "a", "--duration=20m").strip()
    assert token.count(".") == 2
    known = json.loads(kubectl.run("auth", "whoami", "-o", "json", f"--as={user}"))
    assert known["status"]["userInfo"]["username"] == user
    refused = kubectl.run("get", "secrets", f"--as={user}", fails=True)
    assert f'secrets is forbidden: User "{user}" cannot list resource "secrets" in API group ""' in refused
    described = kubectl.run("describe", "rolebinding", "b")
    assert "ServiceAccount" in described

"""How the operator's settings lead to a bot: Ingress, HTTPRoute, from one to the other, and without the Gateway API."""

from typing import Any

import pytest

from support.kubectl import REPOSITORY, Kubectl, until
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

CRD = REPOSITORY / "tests" / "data" / "httproutes-crd.yaml"
GATEWAY = {"gateway_name": "web", "gateway_namespace": "gateways"}


def ready(kubectl: Kubectl, namespace: str) -> Object:
    status = (kubectl.get("strategy", "ema", namespace) or {}).get("status", {})
    return next((entry for entry in status.get("conditions", []) if entry["type"] == "Ready"), {})


def url(kubectl: Kubectl, namespace: str) -> str | None:
    found: str | None = (kubectl.get("strategy", "ema", namespace) or {}).get("status", {}).get("url")
    return found


# Before the test that brings the CRD: the cluster is the module's.
def test_without_the_gateway_api_a_condition_says_so_and_the_old_way_in_stays(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    until(lambda: kubectl.get("ingress", "ema", namespace), "an Ingress")
    assert operator.stop() == 0
    operator.start(**GATEWAY)
    until(lambda: ready(kubectl, namespace).get("reason") == "GatewayAPIMissing", "GatewayAPIMissing")
    assert "does not know the kind HTTPRoute" in ready(kubectl, namespace)["message"]
    assert kubectl.get("ingress", "ema", namespace), "better the old way than none"
    assert kubectl.get("statefulset", "ema", namespace), "the bot itself runs"
    assert operator.stop() == 0
    assert "Traceback" not in operator.log.read_text()


def test_from_ingress_to_route_and_back(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> None:
    kubectl("apply", "--server-side", "-f", str(CRD))
    kubectl("wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io", "--timeout=30s")
    kubectl.apply(manifest)
    until(lambda: kubectl.get("ingress", "ema", namespace), "an Ingress")
    assert operator.stop() == 0

    operator.start(**GATEWAY)
    route = until(lambda: kubectl.get("httproute", "ema", namespace), "an HTTPRoute") or {}
    assert route["spec"]["hostnames"] == [f"ema.{namespace}.bots.localhost"]
    until(lambda: kubectl.get("ingress", "ema", namespace) is None, "the Ingress is pruned")
    assert url(kubectl, namespace) == f"https://ema.{namespace}.bots.localhost/"

    kubectl.patch("httproute", "ema", namespace, {"spec": {"hostnames": ["elsewhere.example.com"]}})
    until(
        lambda: (kubectl.get("httproute", "ema", namespace) or {})["spec"]["hostnames"] == route["spec"]["hostnames"],
        "the edited route is put back",
    )
    kubectl("-n", namespace, "delete", "httproute", "ema")
    until(lambda: kubectl.get("httproute", "ema", namespace), "the deleted route is made again")
    assert operator.stop() == 0

    operator.start(**GATEWAY, gateway_route_by="path")
    until(lambda: url(kubectl, namespace) == f"https://bots.localhost/{namespace}/ema/", "a URL with a path")
    (rule,) = (kubectl.get("httproute", "ema", namespace) or {})["spec"]["rules"]
    assert rule["matches"][0]["path"]["value"] == f"/{namespace}/ema"
    assert rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"] == "/"
    assert operator.stop() == 0

    operator.start()
    until(lambda: kubectl.get("ingress", "ema", namespace), "an Ingress again")
    until(lambda: kubectl.get("httproute", "ema", namespace) is None, "the route is pruned")
    version = (kubectl.get("strategy", "ema", namespace) or {})["metadata"]["resourceVersion"]
    kubectl.patch("strategy", "ema", namespace, {"spec": {"expose": {"enabled": False}}})
    until(lambda: kubectl.get("ingress", "ema", namespace) is None, "no way in")
    assert (kubectl.get("strategy", "ema", namespace) or {})["metadata"]["resourceVersion"] != version
    until(lambda: url(kubectl, namespace) is None, "no URL")
    assert "Traceback" not in operator.log.read_text()

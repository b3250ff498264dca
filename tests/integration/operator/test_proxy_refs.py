"""How a Strategy's proxyRefs become its pod: in order, without their URLs, and with a condition for what is missing."""

import json
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import condition, revision, settled
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


def proxy(namespace: str, name: str, secret: str = "") -> Object:
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Proxy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"urlSecretRef": {"name": secret or f"{name}-proxy"}},
    }


def pod_spec(kubectl: Kubectl, namespace: str) -> Object:
    spec: Object = (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["template"]["spec"]
    return spec


def through(manifest: Object, *wanted: str) -> Object:
    exchange = {**manifest["spec"]["exchange"], "proxyRefs": [{"name": name} for name in wanted]}
    return {**manifest, "spec": {**manifest["spec"], "exchange": exchange}}


def test_a_bot_starts_when_its_proxies_are_there(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(proxy(namespace, "tokyo"))
    kubectl.apply(through(manifest, "tokyo", "osaka", "kobe"))
    until(lambda: condition(kubectl, namespace).get("reason") == "ProxyMissing", "ProxyMissing")
    assert condition(kubectl, namespace)["message"] == "spec.exchange.proxyRefs: there is no Proxy 'osaka', 'kobe'"
    assert condition(kubectl, namespace, "ConfigValid")["reason"] == "ProxyMissing"
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"
    assert kubectl.get("statefulset", "ema", namespace) is None

    kubectl.apply(proxy(namespace, "osaka"))
    kubectl.apply(proxy(namespace, "kobe", "shared"))
    settled(kubectl, namespace)
    spec = pod_spec(kubectl, namespace)
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == names.MOUNT_PROXIES]
    assert [source["secret"] for source in volume["projected"]["sources"]] == [
        {"name": secret, "items": [{"key": "url", "path": name}], "optional": True}
        for name, secret in (("tokyo", "tokyo-proxy"), ("osaka", "osaka-proxy"), ("kobe", "shared"))
    ]
    for container in (*spec["initContainers"], *spec["containers"]):
        assert {"name": names.ENV_PROXIES, "value": "tokyo,osaka,kobe"} in container["env"]
        assert names.MOUNT_PROXIES in [mount["name"] for mount in container["volumeMounts"]]


def test_what_a_proxy_brings_to_a_bot_that_runs(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tokyo-proxy", "namespace": namespace}}
    kubectl.apply({**secret, "stringData": {"url": "http://me:hunter2@tokyo:3128"}})
    kubectl.apply(proxy(namespace, "tokyo"))
    kubectl.apply(through(manifest, "tokyo"))
    settled(kubectl, namespace)
    first = revision(kubectl, namespace)

    kubectl.apply({**secret, "stringData": {"url": "http://me:hunter3@tokyo:3128"}})
    kubectl.patch("proxy", "tokyo", namespace, {"spec": {"test": {"intervalSeconds": 30}}})
    kubectl.patch("proxy", "tokyo", namespace, {"spec": {"urlSecretRef": {"name": "another"}}})
    until(lambda: revision(kubectl, namespace) != first, "another Secret is another revision")
    second = revision(kubectl, namespace)
    kubectl.patch("proxy", "tokyo", namespace, {"spec": {"urlSecretRef": {"name": "tokyo-proxy"}}})
    until(lambda: revision(kubectl, namespace) == first, "and back: neither password nor interval is part of it")

    kubectl("-n", namespace, "delete", "proxy", "tokyo")
    until(lambda: condition(kubectl, namespace).get("reason") == "ProxyMissing", "ProxyMissing")
    assert revision(kubectl, namespace) == first != second, "the bot goes on as it is"
    kubectl.patch("service", "ema", namespace, {"metadata": {"labels": {names.LABEL_STRATEGY: "edited"}}})
    kubectl.patch("strategy", "ema", namespace, {"spec": {"state": "Suspended"}})
    until(lambda: (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["replicas"] == 0, "it can be suspended")
    until(
        lambda: (kubectl.get("service", "ema", namespace) or {})["metadata"]["labels"][names.LABEL_STRATEGY] == "ema",
        "and is put back where somebody edits it",
    )

    everything = kubectl("-n", namespace, "get", "all,strategies,proxies,events,configmaps", "-o", "json")
    of_bots = json.dumps(kubectl.list("secret", namespace, "-l", f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"))
    for password in ("hunter2", "hunter3"):
        assert password not in everything + of_bots + operator.log.read_text()

"""How the API is reached and kept: Ingress, HTTPRoute, disruption budget, autoscaler."""

from __future__ import annotations

from typing import Any

import pytest

from support import chart
from support.chart import Object, one, rendered
from support.chart_values import VARIANTS


def of(kind: str, values: dict[str, Any]) -> list[Object]:
    return [item for item in rendered(values) if item["kind"] == kind and item["metadata"]["name"] == "btcwatcher-api"]


def test_an_ingress_leads_to_the_api() -> None:
    (ingress,) = of(
        "Ingress",
        {
            "api": {
                "ingress": {
                    "enabled": True,
                    "host": "btcwatcher.example.com",
                    "className": "nginx",
                    "tlsSecret": "tls",
                    "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
                }
            }
        },
    )
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"hosts": ["btcwatcher.example.com"], "secretName": "tls"}]
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "btcwatcher.example.com"
    assert rule["http"]["paths"][0]["backend"] == {"service": {"name": "btcwatcher-api", "port": {"name": "http"}}}


def test_an_ingress_needs_a_host() -> None:
    assert "api.ingress.host" in chart.refusal({"api": {"ingress": {"enabled": True}}})


def test_a_route_leads_to_the_api() -> None:
    gateway = {"name": "public", "namespace": "gateways", "section": "https"}
    values = {"api": {"port": 9000, "httpRoute": {"enabled": True, "gateway": gateway, "hostnames": ["a.example.com"]}}}
    (route,) = of("HTTPRoute", values)
    (parent,) = route["spec"]["parentRefs"]
    assert (parent["name"], parent["namespace"], parent["sectionName"]) == ("public", "gateways", "https")
    assert route["spec"]["hostnames"] == ["a.example.com"]
    assert route["spec"]["rules"][0]["backendRefs"][0]["port"] == 9000


def test_a_route_needs_a_gateway_and_its_kind() -> None:
    values = {"api": {"httpRoute": {"enabled": True}}}
    assert "api.httpRoute.gateway.name" in chart.refusal(values)
    named = {"api": {"httpRoute": {"enabled": True, "gateway": {"name": "public"}}}}
    assert "does not know gateway.networking.k8s.io/v1/HTTPRoute" in chart.refusal(named, knows=())


@pytest.mark.parametrize(
    ("api", "least"),
    [
        ({}, 1),
        ({"podDisruptionBudget": {"minAvailable": "50%"}}, "50%"),
        ({"replicas": 1}, None),
        ({"replicas": 1, "autoscaling": {"enabled": True}}, 1),
        ({"autoscaling": {"enabled": True, "minReplicas": 1}}, None),
        ({"podDisruptionBudget": {"enabled": False}}, None),
    ],
)
def test_a_budget_keeps_pods_through_a_drain_but_pins_none(api: dict[str, Any], least: object) -> None:
    found = of("PodDisruptionBudget", {"api": api})
    assert [item["spec"]["minAvailable"] for item in found] == ([] if least is None else [least])


@pytest.mark.parametrize("kept", [2, 3])
def test_a_budget_that_would_hold_up_every_drain_is_refused(kept: int) -> None:
    assert "minAvailable" in chart.refusal({"api": {"podDisruptionBudget": {"minAvailable": kept}}})


def test_the_autoscaler_has_the_deployment_to_itself() -> None:
    values = {"api": {"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 9}}}
    (scaler,) = of("HorizontalPodAutoscaler", values)
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "btcwatcher-api"}
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 9)
    (deployment,) = of("Deployment", values)
    assert "replicas" not in deployment["spec"]
    assert not of("HorizontalPodAutoscaler", {})


def test_the_autoscalers_bounds_are_in_order() -> None:
    values = {"api": {"autoscaling": {"enabled": True, "minReplicas": 7, "maxReplicas": 6}}}
    assert "api.autoscaling" in chart.refusal(values)


def test_all_ways_are_there_together() -> None:
    kinds = {item["kind"] for item in rendered(VARIANTS["everything"], database={})}
    assert kinds >= {"Ingress", "HTTPRoute", "PodDisruptionBudget", "HorizontalPodAutoscaler"}


def test_only_a_host_of_its_own_has_a_route() -> None:
    assert not of("Ingress", {})
    assert not of("HTTPRoute", {})
    assert one(rendered(), "Service", "btcwatcher-api")

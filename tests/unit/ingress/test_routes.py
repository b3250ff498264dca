"""Which backend a request belongs to, and who stands behind it."""

from __future__ import annotations

from typing import Any

import pytest

from btcwatcher_local.ingress import http_routes
from btcwatcher_local.ingress.routes import endpoints, find, host_matches, host_of, hosts, routes_of, served

Obj = dict[str, Any]


def rule(host: str, *paths: tuple[str, str, str]) -> Obj:
    return {
        "host": host,
        "http": {
            "paths": [
                {"path": path, "pathType": kind, "backend": {"service": {"name": name, "port": {"number": 80}}}}
                for path, kind, name in paths
            ]
        },
    }


INGRESS: Obj = {
    "metadata": {"name": "i", "namespace": "ns"},
    "spec": {
        "rules": [
            rule("a.bots.localhost", ("/", "Prefix", "a"), ("/api", "Prefix", "api"), ("/api/ping", "Exact", "ping")),
            rule("*.bots.localhost", ("/", "Prefix", "any")),
        ],
        "defaultBackend": {"service": {"name": "rest", "port": {"name": "http"}}},
    },
}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("a.bots.localhost", "/", "a"),
        ("a.bots.localhost", "/api/v1", "api"),
        ("a.bots.localhost", "/apiary", "a"),
        ("a.bots.localhost", "/api/ping", "ping"),
        ("b.bots.localhost", "/api", "any"),
        ("x.b.bots.localhost", "/", "rest"),
        ("bots.localhost", "/", "rest"),
    ],
)
def test_find(host: str, path: str, service: str) -> None:
    found = find(routes_of(INGRESS), host, path)
    assert found is not None
    assert found.service == service


def test_without_a_default_backend_there_may_be_none() -> None:
    ingress = {**INGRESS, "spec": {"rules": INGRESS["spec"]["rules"]}}
    assert find(routes_of(ingress), "other", "/") is None
    assert hosts(routes_of(ingress)) == ["*.bots.localhost", "a.bots.localhost"]


def test_wildcards_stand_for_one_label() -> None:
    assert host_matches("*.b", "a.b")
    assert not host_matches("*.b", "x.a.b")
    assert not host_matches("*.b", ".b")


@pytest.mark.parametrize(("header", "name"), [("A.b:8080", "a.b"), ("a.b", "a.b"), ("[::1]:80", "[::1]"), ("", "")])
def test_host_header(header: str, name: str) -> None:
    assert host_of(header) == name


def test_classes() -> None:
    ingress = {"metadata": {}, "spec": {"ingressClassName": "x"}}
    assert served(ingress, [])
    assert served(ingress, ["x"])
    assert not served(ingress, ["y"])
    assert served({"metadata": {}, "spec": {}}, ["y"])


def pod(name: str, *, ready: bool = True, **metadata: Any) -> Obj:
    return {
        "metadata": {"name": name, "labels": {"app": "x"}, **metadata},
        "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8085}]}]},
        "status": {"podIP": "127.0.0.1", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


SERVICE: Obj = {
    "spec": {
        "selector": {"app": "x"},
        "ports": [{"name": "a", "port": 80, "targetPort": "web"}, {"name": "b", "port": 81}],
    }
}


def test_endpoints_are_ready_pods() -> None:
    pods = [pod("one"), pod("two", ready=False), pod("going", deletionTimestamp="x")]
    assert endpoints(SERVICE, 80, pods) == [("127.0.0.1", 8085)]
    assert endpoints(SERVICE, "b", pods) == [("127.0.0.1", 81)]
    assert endpoints(SERVICE, 99, pods) == []
    other = pod("other")
    other["metadata"]["labels"] = {"app": "y"}
    assert endpoints(SERVICE, 80, [other]) == []


def http_route(*rules: Obj, hostnames: tuple[str, ...] = ("bots.example.com",)) -> Obj:
    return {"metadata": {"name": "r", "namespace": "ns"}, "spec": {"hostnames": list(hostnames), "rules": list(rules)}}


BY_PATH: Obj = {
    "matches": [{"path": {"type": "PathPrefix", "value": "/desk/ema"}}],
    "backendRefs": [{"group": "", "kind": "Service", "name": "ema", "port": 8081}],
    "filters": [
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    ],
}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/desk/ema", "/"),
        ("/desk/ema/", "/"),
        ("/desk/ema/api/v1/a%2Fb?x=1", "/api/v1/a%2Fb?x=1"),
        ("/desk/ema?x=/desk/ema", "/?x=/desk/ema"),
        ("/desk/%65ma/api", None),
    ],
)
def test_an_http_route_replaces_its_prefix(asked: str, given: str | None) -> None:
    (route,) = http_routes.routes_of(http_route(BY_PATH))
    assert (route.host, route.service, route.port) == ("bots.example.com", "ema", 8081)
    assert http_routes.rewritten(route, asked) == given
    assert find([route], "bots.example.com", "/desk/emax") is None


def test_an_http_route_without_a_filter_or_a_host_changes_nothing() -> None:
    rule = {key: value for key, value in BY_PATH.items() if key == "backendRefs"}
    (route,) = http_routes.routes_of(http_route(rule, hostnames=()))
    assert (route.host, route.path, route.replace_prefix) == ("", "/", None)
    assert http_routes.rewritten(route, "/a%2Fb?x") == "/a%2Fb?x"


@pytest.mark.parametrize(
    "more",
    [
        {"filters": [{"type": "RequestRedirect", "requestRedirect": {}}]},
        {"filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "x"}}]},
        {"matches": [{"headers": [{"name": "x", "value": "y"}]}]},
        {"matches": [{"path": {"type": "RegularExpression", "value": "/.*"}}]},
        {"backendRefs": []},
    ],
)
def test_rules_that_ask_for_more_are_passed_over(more: Obj) -> None:
    assert http_routes.routes_of(http_route({**BY_PATH, **more})) == []

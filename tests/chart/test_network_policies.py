"""Who reaches whom, by the policies of the release."""

from __future__ import annotations

from functools import partial

import pytest

from btcwatcher_api.notifications.senders.networks import FORBIDDEN
from support.chart import A_DATABASE, NAMESPACE, RELEASE, Object, Values, rendered
from support.reach import Address, End, Pod, reaches

NODE = Address("192.168.1.10")
INTERNET = Address("203.0.113.7")
METADATA = Address("169.254.169.254")
STRANGER = Pod("elsewhere")
NEIGHBOUR = Pod(NAMESPACE)
PROMETHEUS = Pod("monitoring", {"app.kubernetes.io/name": "prometheus"})
INGRESS = Pod("ingress", {"app.kubernetes.io/name": "traefik"})
BOT = Pod("trading", {"app.kubernetes.io/component": "bot", "btcwatcher.io/strategy": "ema-cross"})
TRIAL = Pod("trading", {"app.kubernetes.io/component": "preflight", "btcwatcher.io/strategy": "ema-cross"})
POSTGRES = Pod("databases", {"cnpg.io/cluster": "desk"})
PORTS = {"api": 8000, "collector": 8001, "operator": 8002, "worker": 8003, "market": 8090}
PLATFORM = tuple(PORTS)


def part(component: str) -> Pod:
    return Pod(
        NAMESPACE,
        {
            "app.kubernetes.io/name": "btc-watcher",
            "app.kubernetes.io/instance": RELEASE,
            "app.kubernetes.io/component": component,
        },
    )


def policies(values: Values | None = None, *, database: Values = A_DATABASE) -> list[Object]:
    return [each for each in rendered(values, database=database) if each["kind"] == "NetworkPolicy"]


BUNDLED = {"database": {"bundled": {"enabled": True}}}
API, WORKER, COLLECTOR, OPERATOR, MARKET, KEYS, DATABASE, TEST = map(
    part, ("api", "worker", "collector", "operator", "market", "make-keys", "database", "test")
)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (BOT, API, 8000),
        (INGRESS, API, 8000),
        (INTERNET, API, 8000),
        (TEST, API, 8000),
        *((PROMETHEUS, part(component), port) for component, port in PORTS.items()),
        *((part(component), NODE, 6443) for component in (*PLATFORM, "make-keys", "test")),
        *((part(component), POSTGRES, 5432) for component in ("api", "worker", "collector")),
        (COLLECTOR, BOT, 8081),
        (COLLECTOR, BOT, 9080),
        (API, COLLECTOR, 8001),
        (WORKER, INTERNET, 443),
        (WORKER, INTERNET, 587),
        (OPERATOR, INTERNET, 1080),
        (BOT, MARKET, 8090),
        (TRIAL, MARKET, 8090),
        (OPERATOR, MARKET, 8090),
        (MARKET, INTERNET, 443),
        (MARKET, INTERNET, 1080),
    ],
)
def test_what_is_needed_gets_through(source: End, target: End, port: int) -> None:
    assert reaches(policies(), source, target, port)


@pytest.mark.parametrize("component", [*PLATFORM, "make-keys", "test"])
def test_names_are_resolved(component: str) -> None:
    assert all(reaches(policies(), part(component), NODE, 53, protocol) for protocol in ("UDP", "TCP"))


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (API, INTERNET, 8443),
        (API, BOT, 8081),
        (API, METADATA, 80),
        (API, WORKER, 8001),
        (WORKER, METADATA, 80),
        (OPERATOR, METADATA, 80),
        (COLLECTOR, METADATA, 80),
        (COLLECTOR, INTERNET, 8443),
        (COLLECTOR, BOT, 8080),
        (COLLECTOR, STRANGER, 8081),
        (KEYS, POSTGRES, 5432),
        (KEYS, API, 8000),
        (TEST, BOT, 8081),
        (TEST, INTERNET, 80),
        (INTERNET, WORKER, 8003),
        (INTERNET, OPERATOR, 8002),
        (STRANGER, OPERATOR, 8003),
        (NEIGHBOUR, KEYS, 8000),
        (BOT, WORKER, 5432),
        (MARKET, METADATA, 80),
        (INTERNET, MARKET, 8090),
        (API, MARKET, 8091),
        (BOT, MARKET, 8091),
    ],
)
def test_all_else_does_not(source: End, target: End, port: int) -> None:
    assert not reaches(policies(), source, target, port)


def test_the_bundled_database_is_for_those_who_have_its_password() -> None:
    let = partial(reaches, policies(database=BUNDLED))

    assert all(let(each, DATABASE, 5432) for each in (API, WORKER, COLLECTOR))
    assert not any(let(each, DATABASE, 5432) for each in (OPERATOR, KEYS, TEST, BOT, STRANGER, NEIGHBOUR))
    assert not any(let(DATABASE, each, 443) for each in (INTERNET, API, NODE))
    assert not let(API, POSTGRES, 5432)


def test_with_named_peers_nobody_else_gets_in() -> None:
    from_ingress = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    from_monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    let = partial(
        reaches, policies({"networkPolicies": {"ingressFrom": [from_ingress], "metricsFrom": [from_monitoring]}})
    )

    assert all(let(each, API, 8000) for each in (INGRESS, PROMETHEUS, BOT, TEST))
    assert not any(let(each, API, 8000) for each in (STRANGER, INTERNET, NEIGHBOUR))
    assert all(let(PROMETHEUS, part(component), port) for component, port in PORTS.items())
    assert not any(
        let(INGRESS, part(component), PORTS[component]) for component in ("operator", "worker", "collector", "market")
    )


def test_nobody_scrapes_the_api_who_may_not_call_it() -> None:
    from_ingress = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}

    assert not reaches(policies({"networkPolicies": {"ingressFrom": [from_ingress]}}), STRANGER, API, 8000)


def test_bots_of_other_namespaces_are_strangers_where_namespaces_are_named() -> None:
    let = partial(
        reaches,
        policies({"namespaces": ["desk"], "networkPolicies": {"ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}),
    )
    own = Pod("desk", BOT.labels)

    assert let(own, API, 8000)
    assert let(COLLECTOR, own, 8081)
    assert not let(BOT, API, 8000)
    assert not let(COLLECTOR, BOT, 8081)


def test_ports_follow_the_values() -> None:
    let = partial(
        reaches,
        policies(
            {
                "api": {"port": 9000},
                "bots": {"portRange": "20000-20099"},
                "networkPolicies": {
                    "apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [16443]},
                    "dns": {"ports": [5353]},
                    "database": {"port": 6432},
                },
            }
        ),
    )

    assert let(BOT, API, 9000)
    assert not let(BOT, API, 8000)
    assert let(COLLECTOR, BOT, 20000)
    assert let(COLLECTOR, BOT, 20099)
    assert not let(COLLECTOR, BOT, 8081)
    assert let(API, Address("10.0.0.1"), 16443)
    assert not let(API, NODE, 16443)
    assert let(API, NODE, 5353, "UDP")
    assert let(API, POSTGRES, 6432)
    assert not let(API, POSTGRES, 5432)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://prometheus.monitoring:9091", 9091),
        ("http://prometheus.monitoring", 9090),
        ("http://prometheus.monitoring", 80),
        ("https://prometheus.example.com/prom", 443),
    ],
)
def test_who_asks_prometheus_reaches_it(url: str, port: int) -> None:
    asked = policies({"capacity": {"prometheusUrl": url}})

    assert reaches(asked, API, PROMETHEUS, port)
    assert reaches(asked, OPERATOR, PROMETHEUS, port)
    assert not reaches(asked, COLLECTOR, PROMETHEUS, 9091)


def test_proxies_can_be_kept_to_some_places() -> None:
    let = partial(
        reaches, policies({"networkPolicies": {"proxies": {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}}})
    )

    assert let(OPERATOR, INTERNET, 1080)
    assert not let(OPERATOR, Address("198.51.100.7"), 1080)


def test_the_wall_stands_where_the_worker_has_its_fence() -> None:
    worker = next(each for each in policies() if each["metadata"]["name"] == "btcwatcher-worker")
    blocks = [peer["ipBlock"] for rule in worker["spec"]["egress"] for peer in rule.get("to", ()) if "ipBlock" in peer]

    assert {network for block in blocks for network in block["except"]} == set(FORBIDDEN)


def test_without_policies_there_are_none() -> None:
    assert not policies({"networkPolicies": {"enabled": False}})

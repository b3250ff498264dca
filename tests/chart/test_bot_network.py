"""Who reaches bots, and what they reach, by the policy that the operator makes of what the chart tells it."""

from __future__ import annotations

import json
from functools import partial

import pytest
import yaml
from kubernetes_validate.utils import validate

from btcwatcher_operator.children.shared import shared_children
from btcwatcher_operator.platform import Shared
from support import chart
from support.chart import NAMESPACE, RELEASE, Object, Values
from support.chart_values import VARIANTS
from support.reach import Address, End, Pod, reaches

BOT = Pod("trading", {"app.kubernetes.io/component": "bot", "btcwatcher.io/strategy": "ema-cross"})
ANOTHER = Pod("trading", {"app.kubernetes.io/component": "bot", "btcwatcher.io/strategy": "rsi"}, ip="10.244.1.8")
NEIGHBOUR = Pod("trading")
STRANGER = Pod("elsewhere")
INGRESS = Pod("ingress", {"app.kubernetes.io/name": "traefik"})
EXCHANGE = Address("203.0.113.7")
NAMED = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
REACHABLE: Values = {"bots": {"baseDomain": "bots.example.com"}}


def part(component: str) -> Pod:
    name = {"app.kubernetes.io/name": "btc-watcher", "app.kubernetes.io/instance": RELEASE}
    return Pod(NAMESPACE, {**name, "app.kubernetes.io/component": component}, ip="10.244.1.7")


API, MARKET, SCREEN, COLLECTOR, OPERATOR = map(part, ("api", "market", "screen", "collector", "operator"))


def of_bots(values: Values | None = None) -> Object:
    """The policy that bots of the namespace `trading` get."""
    objects = chart.rendered(values)
    said = chart.one(objects, "ConfigMap", "btcwatcher-operator")["data"]["bot-network.yaml"]
    return shared_children("trading", Shared(network=yaml.safe_load(said)))[1]


def policies(values: Values | None = None) -> list[Object]:
    """All of them, the release's own too."""
    return [*(each for each in chart.rendered(values) if each["kind"] == "NetworkPolicy"), of_bots(values)]


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (COLLECTOR, BOT, 8081),
        (COLLECTOR, BOT, 9080),
        (BOT, API, 8000),
        (BOT, MARKET, 8090),
        (BOT, EXCHANGE, 443),
        (BOT, EXCHANGE, 1080),
        (BOT, Address("2001:db8::7"), 443),
    ],
)
def test_what_is_needed_gets_through(source: End, target: End, port: int) -> None:
    assert reaches(policies(), source, target, port)


@pytest.mark.parametrize("source", [OPERATOR, COLLECTOR, SCREEN])
def test_every_part_of_the_release_may_call_bots(source: Pod) -> None:
    assert reaches([of_bots()], source, BOT, 8081)


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_names_are_resolved(protocol: str) -> None:
    assert reaches(policies(), BOT, Address("10.96.0.10"), 53, protocol)


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (BOT, Address("169.254.169.254"), 80),
        (BOT, Address("10.96.0.1"), 443),
        (BOT, Address("192.168.1.10"), 10250),
        (BOT, Address("fd00::1"), 443),
        (BOT, ANOTHER, 8082),
        (BOT, part("worker"), 8003),
        (BOT, part("database"), 5432),
        (BOT, OPERATOR, 8002),
        (NEIGHBOUR, BOT, 8081),
        (STRANGER, BOT, 8081),
        (INGRESS, BOT, 8081),
        (EXCHANGE, BOT, 8081),
        (COLLECTOR, BOT, 22),
    ],
)
def test_all_else_does_not(source: End, target: End, port: int) -> None:
    assert not reaches(policies(), source, target, port)


def test_bots_that_are_reached_from_outside_are_reached_by_everybody_until_it_is_said_by_whom() -> None:
    # A controller on its node's network is no pod that a label finds.
    assert all(reaches([of_bots(REACHABLE)], each, BOT, 8081) for each in (INGRESS, EXCHANGE, STRANGER))
    assert not reaches([of_bots(REACHABLE)], INGRESS, BOT, 80)

    let = partial(reaches, [of_bots(chart.merged(REACHABLE, {"networkPolicies": {"bots": {"ingressFrom": [NAMED]}}}))])
    assert let(INGRESS, BOT, 8081)
    assert let(COLLECTOR, BOT, 8081)
    assert not any(let(each, BOT, 8081) for each in (EXCHANGE, STRANGER, NEIGHBOUR))


def test_proxies_in_the_house_are_reached_where_that_is_said() -> None:
    house = {"ipBlock": {"cidr": "192.168.7.0/24"}}
    let = partial(reaches, policies({"networkPolicies": {"bots": {"alsoTo": [house, NAMED]}}}))

    assert let(BOT, Address("192.168.7.4"), 1080)
    assert let(BOT, INGRESS, 3128)
    assert not let(BOT, Address("192.168.8.4"), 1080)


def test_ports_follow_the_values() -> None:
    let = partial(reaches, policies({"api": {"port": 9000}, "bots": {"portRange": "20000-20099"}}))

    assert let(BOT, API, 9000)
    assert not let(BOT, API, 8000)
    assert let(COLLECTOR, BOT, 20099)
    assert not let(COLLECTOR, BOT, 8081)


def test_without_it_there_is_none() -> None:
    objects = chart.rendered({"networkPolicies": {"bots": {"enabled": False}}})
    assert "bot-network.yaml" not in chart.one(objects, "ConfigMap", "btcwatcher-operator")["data"]
    assert "BTCWATCHER_BOT_NETWORK_FILE" not in json.dumps(objects)


def test_a_change_of_it_reaches_the_operator() -> None:
    def checksum(values: Values | None) -> str:
        deployment = chart.one(chart.rendered(values), "Deployment", "btcwatcher-operator")
        found: str = deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum({"networkPolicies": {"bots": {"except": ["10.0.0.0/8"]}}}) != checksum(None)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", ["1.32", "1.37"])
def test_kubernetes_knows_it(variant: str, version: str) -> None:
    name = "trade-watch-operator" if variant == "namespaced" else "btcwatcher-operator"
    objects = chart.rendered(VARIANTS[variant], database={})
    said = chart.one(objects, "ConfigMap", name)["data"]["bot-network.yaml"]
    for child in shared_children("trading", Shared(("pull",), yaml.safe_load(said))):
        validate(child, version, strict=True)

"""Which channels are told of a signal."""

from typing import Any

import pytest

from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from btcwatcher_api.notifications.routing import routes
from btcwatcher_api.signals.types import Priority
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.notification_channel import LabelSelector
from btcwatcher_crds.selecting import selects
from btcwatcher_crds.strategy import Notify, SignalLevel

P0, P1, P2 = Priority


def channel(name: str, namespace: str = "trading", **spec: Any) -> dict[str, Any]:
    spec = {"type": "WeCom", "credentialsRef": {"name": "robot"}, **spec}
    return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


def registry(*channels: dict[str, Any]) -> ChannelRegistry:
    made = ChannelRegistry()
    made.replace(channels)
    return made


def told(
    notify: Notify, *channels: dict[str, Any], labels: dict[str, str] | None = None, namespace: str = "trading"
) -> dict[Priority, list[str]]:
    return dict(routes(namespace, labels or {}, notify, registry(*channels).channels()))


@pytest.mark.parametrize(
    ("least", "priorities"),
    [
        (SignalLevel.STRONG, [P0]),
        (SignalLevel.MEDIUM, [P0, P1]),
        (SignalLevel.WEAK, [P0, P1, P2]),
        (SignalLevel.IGNORE, [P0, P1, P2]),
    ],
)
def test_the_least_level_is_one_of_urgency(least: SignalLevel, priorities: list[Priority]) -> None:
    named = told(Notify(min_level=least, channels=["desk"]), channel("desk"))
    assert [priority for priority, keys in named.items() if keys] == priorities
    own = told(Notify(min_level=SignalLevel.WEAK, channels=["desk"]), channel("desk", minLevel=least))
    assert [priority for priority, keys in own.items() if keys] == priorities


def test_every_channel_once_the_named_ones_first_in_the_strategys_order() -> None:
    listening = channel("desk", strategies={})
    found = told(Notify(channels=["phone", "desk", "phone"]), listening, channel("all", strategies={}))
    assert found[P0] == ["trading/phone", "trading/desk", "trading/all"]


def test_no_channel_nobody() -> None:
    assert told(Notify()) == {P0: [], P1: [], P2: []}
    assert told(Notify(), channel("desk")) == {P0: [], P1: [], P2: []}


def test_the_strategys_level_is_not_for_those_who_listen_by_themselves() -> None:
    found = told(
        Notify(min_level=SignalLevel.STRONG, channels=["desk"]), channel("desk"), channel("all", strategies={})
    )
    assert found == {P0: ["trading/desk", "trading/all"], P1: ["trading/all"], P2: ["trading/all"]}
    both = told(Notify(min_level=SignalLevel.STRONG, channels=["desk"]), channel("desk", strategies={}))
    assert both[P2] == ["trading/desk"], "it is named for what is strong, and listens to everything"


def test_the_channels_own_filters_always_hold() -> None:
    found = told(
        Notify(min_level=SignalLevel.WEAK, channels=["urgent", "digest"]),
        channel("urgent", minLevel="Strong"),
        channel("digest", priorities=["P2"], strategies={}),
        channel("both", priorities=["P1", "P2"], minLevel="Medium", strategies={}),
    )
    assert found == {P0: ["trading/urgent"], P1: ["trading/both"], P2: ["trading/digest"]}


def test_what_is_named_and_not_there_or_unreadable_is_told_all_the_same() -> None:
    found = told(Notify(channels=["gone", "odd"]), channel("odd", type="Pigeon", strategies={}))
    assert found == {P0: ["trading/gone", "trading/odd"], P1: ["trading/gone", "trading/odd"], P2: []}


def test_names_are_of_the_strategys_own_namespace() -> None:
    assert told(Notify(channels=["desk"]), channel("desk", "other"), namespace="trading")[P0] == ["trading/desk"]


@pytest.mark.parametrize(
    ("namespaces", "heard"),
    [([], False), (["trading"], True), (["other", "trading"], True), (["*"], True), (["o"], False)],
)
def test_namespaces(namespaces: list[str], heard: bool) -> None:
    listening = channel("desk", "other", strategies={"namespaces": namespaces})
    assert told(Notify(), listening)[P2] == (["other/desk"] if heard else [])


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"tier": "x"}}, False),
        ({"matchLabels": {"team": "a", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_selectors_are_kubernetes_own(selector: dict[str, Any], selected: bool) -> None:
    assert selects(LabelSelector.model_validate(selector), {"team": "a"}) is selected


def test_routes_are_kept_until_the_strategy_or_a_channel_changes() -> None:
    strategies, channels = (
        Registry(None),
        registry(channel("desk", strategies={"selector": {"matchLabels": {"a": "b"}}})),
    )
    router = Router(channels)

    def now(labels: dict[str, str] | None = None) -> list[str]:
        if labels is not None:
            strategies.put({"metadata": {"namespace": "trading", "name": "ema", "labels": labels}, "spec": {}})
        known = strategies.get("trading.ema")
        assert known is not None
        assert router.of(known) is router.of(known)
        return router.of(known)[P0]

    assert now({}) == []
    assert now({"a": "b"}) == ["trading/desk"]
    channels.put(channel("all", strategies={}))
    assert now() == ["trading/all", "trading/desk"]
    channels.remove(channel("desk"))
    assert now() == ["trading/all"]
    channels.replace([])
    assert now() == []

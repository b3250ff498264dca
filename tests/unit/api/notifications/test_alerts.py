"""Whom alerts are for, how urgent they are, and which of them are news."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from btcwatcher_api.notifications.alerts import (
    AlertmanagerAlert,
    AlertmanagerMessage,
    LastTold,
    channels_of,
    is_news,
    known_time,
)
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.signals.types import Priority
from btcwatcher_api.strategies.registry import Registry

NOW = datetime(2026, 11, 27, 8, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alert(status: str = "firing", **labels: str) -> AlertmanagerAlert:
    return AlertmanagerAlert.model_validate({"status": status, "labels": {"alertname": "Short", **labels}})


def channel(key: str, **spec: Any) -> dict[str, Any]:
    namespace, name = key.split("/")
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"type": "Email", "credentialsRef": {"name": "mail"}, **spec},
    }


def strategy(name: str, labels: Mapping[str, str], *named: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "trading", "name": name, "labels": dict(labels)},
        "spec": {"signals": {"notify": {"channels": list(named)}}},
    }


@pytest.fixture
def channels() -> ChannelRegistry:
    registry = ChannelRegistry()
    registry.replace(
        [
            channel("trading/named"),
            channel("trading/spot", strategies={"selector": {"matchLabels": {"desk": "spot"}}}),
            channel("trading/urgent", priorities=["P0"], strategies={}),
            channel("ops/trading-too", strategies={"namespaces": ["trading"]}),
            channel("ops/all", strategies={"namespaces": ["*"]}),
            channel("other/own", strategies={}),
        ]
    )
    return registry


@pytest.fixture
def strategies() -> Registry:
    registry = Registry(None)
    registry.replace([strategy("ema-cross", {"desk": "spot"}, "named"), strategy("rsi", {})])
    return registry


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        # about a Strategy: as its signals
        (
            {"namespace": "trading", "strategy": "ema-cross", "severity": "warning"},
            ["trading/named", "ops/all", "ops/trading-too", "trading/spot"],
        ),
        # the Strategy asks its named channels for Medium at least
        ({"namespace": "trading", "strategy": "ema-cross"}, ["ops/all", "ops/trading-too", "trading/spot"]),
        ({"namespace": "trading", "name": "rsi"}, ["ops/all", "ops/trading-too"]),
        ({"strategy": "trading.rsi"}, ["ops/all", "ops/trading-too"]),
        (
            {"namespace": "trading", "name": "rsi", "severity": "critical"},
            ["ops/all", "ops/trading-too", "trading/urgent"],
        ),
        # about a namespace, or a Strategy that is gone
        ({"namespace": "trading"}, ["ops/all", "ops/trading-too", "trading/named", "trading/spot"]),
        (
            {"namespace": "trading", "strategy": "gone"},
            ["ops/all", "ops/trading-too", "trading/named", "trading/spot"],
        ),
        ({"namespace": "other", "severity": "critical"}, ["ops/all", "other/own"]),
        ({"namespace": "nobodys"}, ["ops/all"]),
        # about the platform
        ({}, ["ops/all"]),
        ({"strategy": "rsi"}, ["ops/all"]),
    ],
)
def test_whom_an_alert_is_for(
    labels: dict[str, str], told: list[str], channels: ChannelRegistry, strategies: Registry
) -> None:
    assert channels_of(alert(**labels), strategies.find, channels.channels()) == told


@pytest.mark.parametrize(
    ("severity", "priority"),
    [
        ("critical", Priority.P0),
        ("Critical", Priority.P0),
        ("warning", Priority.P1),
        ("info", Priority.P2),
        ("", Priority.P2),
    ],
)
def test_severity_is_priority(severity: str, priority: Priority) -> None:
    assert alert(severity=severity).priority is priority


@pytest.mark.parametrize(
    ("status", "last", "news"),
    [
        ("firing", None, True),
        ("firing", LastTold(NOW - HOUR, resolved=False), False),
        ("firing", LastTold(NOW - 2 * HOUR, resolved=False), True),
        # Alertmanager repeats in the same interval, a moment early
        ("firing", LastTold(NOW - 2 * HOUR + timedelta(seconds=1), resolved=False), True),
        ("firing", LastTold(NOW - 2 * HOUR + timedelta(minutes=2), resolved=False), False),
        ("firing", LastTold(NOW - HOUR, resolved=True), True),
        ("resolved", None, False),
        ("resolved", LastTold(NOW - 99 * HOUR, resolved=False), True),
        ("resolved", LastTold(NOW - HOUR, resolved=True), False),
    ],
)
def test_what_is_news(status: str, last: LastTold | None, news: bool) -> None:
    registry = ChannelRegistry()
    registry.replace([channel("trading/desk", grouping={"repeatInterval": "2h"})])
    assert is_news(alert(status), registry.get("trading", "desk"), last, NOW) is news


def test_what_a_row_can_hold() -> None:
    made = AlertmanagerAlert.model_validate(
        {"status": "firing", "labels": {"a\x00": "b\x00"}, "annotations": {"summary": "x" * 9_000, "description": ""}}
    )
    assert (made.title, made.body, made.texts("labels")) == ("Alert", "x" * 4_000, {"a": "b"})
    assert alert(a="1").key == alert(a="1").key != alert(a="2").key
    assert len(alert().key) == 16
    assert known_time(datetime(1, 1, 1, tzinfo=UTC)) is None
    # No clock east of Greenwich can show it, and west of it not even a connection to Postgres can read it.
    assert known_time(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) is None
    assert known_time(NOW.replace(tzinfo=None)) == NOW


def test_a_bad_body_is_told_by_its_field() -> None:
    for body, field in (
        ({}, ("alerts",)),
        ({"alerts": [{"status": "firing"}]}, ("alerts", 0, "labels")),
        ({"alerts": [{"status": "on", "labels": {}}]}, ("alerts", 0, "status")),
        ({"alerts": [{"status": "firing", "labels": {}, "startsAt": "now"}]}, ("alerts", 0, "startsAt")),
    ):
        with pytest.raises(ValidationError) as caught:
            AlertmanagerMessage.model_validate(body)
        assert [error["loc"] for error in caught.value.errors()] == [field]

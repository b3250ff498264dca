"""What the proxies endpoints take and answer. A `spec` is the custom resource's own, word for word."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from btcwatcher_api.declared import Answer, Change, ConditionAnswer, Namespace, around, condition, conditions
from btcwatcher_crds.conditions import ProxyConditionType
from btcwatcher_crds.names import NAME_PATTERN, PROXY_NAME_MAX_LENGTH, strategy_id

_SPEC = {"urlSecretRef": {"name": "tokyo-proxy", "key": "url"}, "test": {"url": "https://api.binance.com/api/v3/ping"}}
_NOT_TESTED = "it has not been tested yet"


class ProxyHealth(Answer):
    """What the last test found."""

    id: Annotated[str, Field(examples=["trading.tokyo"])]
    """<namespace>.<name>"""
    healthy: bool | None
    """Whether the test URL answered through it; null before the first test."""
    reason: str | None
    """A word from the catalogue of conditions."""
    message: str
    latency_milliseconds: int | None
    """Of the last test that passed, from connecting to the first byte of the answer."""
    last_check: datetime | None


class ProxyAnswer(ProxyHealth):
    """One Proxy. The answer's ETag is its resource version, for If-Match."""

    namespace: str
    name: str
    resource_version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]
    """With the name of the Secret that holds its URL, never with the URL."""
    conditions: list[ConditionAnswer]
    used_by: list[str]
    """Strategies that name it, by id."""
    created_at: datetime | None


class ProxyPage(Answer):
    """Proxies by id."""

    items: list[ProxyAnswer]
    total: int
    """How many there are, on all pages."""
    next: str | None
    """`after` of the next page; null on the last."""


class ProxyChange(Change):
    """What replaces a Proxy's spec, and, where they are given, its labels and annotations."""

    spec: Annotated[dict[str, Any], Field(examples=[_SPEC])]
    """The spec of the custom resource, complete; see `kubectl explain proxy.spec`."""


class NewProxy(ProxyChange):
    """A Proxy to make. Its URL, with user and password, is in a Secret that is there or will be."""

    namespace: Namespace
    name: Annotated[str, Field(max_length=PROXY_NAME_MAX_LENGTH, pattern=NAME_PATTERN, examples=["tokyo"])]


def health(item: Mapping[str, Any]) -> ProxyHealth:
    """Read leniently: what an older or newer contract left out is null."""
    return ProxyHealth(**_health(item))


def answer(item: Mapping[str, Any], strategies: Iterable[Mapping[str, Any]]) -> ProxyAnswer:
    """`strategies` are those that may name it."""
    metadata = item["metadata"]
    return ProxyAnswer(
        **_health(item),
        **around(item),
        namespace=metadata["namespace"],
        name=metadata["name"],
        used_by=users(metadata["namespace"], metadata["name"], strategies),
        created_at=metadata.get("creationTimestamp"),
    )


def users(namespace: str, name: str, strategies: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the Strategies that name the Proxy, in order."""
    return sorted(
        strategy_id(namespace, one["metadata"]["name"])
        for one in strategies
        if one["metadata"]["namespace"] == namespace
        and any(
            reference.get("name") == name
            for reference in ((one.get("spec") or {}).get("exchange") or {}).get("proxyRefs") or ()
        )
    )


def _health(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata, status = item["metadata"], item.get("status") or {}
    found = condition(conditions(item), ProxyConditionType.HEALTHY)
    return {
        "id": strategy_id(metadata["namespace"], metadata["name"]),
        "healthy": {"True": True, "False": False}.get(found.status) if found else None,
        "reason": found.reason if found else None,
        "message": found.message if found else _NOT_TESTED,
        "latency_milliseconds": status.get("latencyMilliseconds"),
        "last_check": status.get("lastCheck"),
    }

"""What the strategies endpoints take and answer. A `spec` is the custom resource's own, word for word."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from btcwatcher_api.declared import Answer, Change, ConditionAnswer, Namespace, around, condition, conditions
from btcwatcher_crds.conditions import ConditionType
from btcwatcher_crds.names import NAME_MAX_LENGTH, NAME_PATTERN, strategy_id

_NO_CONDITION: Final = "the operator has not looked at it yet"


class StrategySummary(Answer):
    """One line of the list."""

    id: str
    """<namespace>.<name>"""
    namespace: str
    name: str
    strategy_name: str | None
    """The class freqtrade runs."""
    mode: str | None
    """DryRun or Live."""
    state: str | None
    """What is wanted: Running, Paused or Suspended."""
    exchange: str | None
    timeframe: str | None
    pairs: int
    """How many pairs it trades."""
    ready: bool
    """Whether the bot does what is wanted."""
    reason: str | None
    """A word from the catalogue of conditions; null until the operator has looked at it."""
    message: str
    port: int | None
    url: str | None
    created_at: datetime | None


class StrategyPage(Answer):
    """Strategies by id."""

    items: list[StrategySummary]
    total: int
    """How many there are with these filters, on all pages."""
    next: str | None
    """`after` of the next page; null on the last."""


class StrategyAnswer(StrategySummary):
    """One Strategy. The answer's ETag is its resource version, for If-Match."""

    resource_version: str
    generation: int
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]
    conditions: list[ConditionAnswer]


class StrategyHealth(Answer):
    """How a Strategy is doing."""

    id: str
    ready: bool
    reason: str | None
    message: str
    current: bool
    """Whether this speaks of the newest spec; false while the operator has not come to it."""
    conditions: list[ConditionAnswer]


class Overview(Answer):
    """All Strategies, counted."""

    total: int
    ready: int
    not_ready: int
    by_reason: dict[str, int]
    by_state: dict[str, int]
    by_mode: dict[str, int]
    by_exchange: dict[str, int]
    by_namespace: dict[str, int]


class StrategyChange(Change):
    """What replaces a Strategy's spec, and, where they are given, its labels and annotations."""

    spec: dict[str, Any]
    """The spec of the custom resource, complete; see `kubectl explain strategy.spec`."""


class NewStrategy(StrategyChange):
    """A Strategy to make."""

    namespace: Namespace
    name: Annotated[str, Field(max_length=NAME_MAX_LENGTH, pattern=NAME_PATTERN, examples=["ema-cross"])]


def summary(item: Mapping[str, Any]) -> StrategySummary:
    """Read leniently: what an older or newer contract left out is null."""
    return StrategySummary(**_summary(item))


def answer(item: Mapping[str, Any]) -> StrategyAnswer:
    return StrategyAnswer(
        **_summary(item),
        **around(item),
        generation=item["metadata"].get("generation") or 0,
    )


def health(item: Mapping[str, Any]) -> StrategyHealth:
    told = _summary(item)
    status = item.get("status") or {}
    return StrategyHealth(
        id=told["id"],
        ready=told["ready"],
        reason=told["reason"],
        message=told["message"],
        current=status.get("observedGeneration") == item["metadata"].get("generation"),
        conditions=conditions(item),
    )


def overview(items: Iterable[Mapping[str, Any]]) -> Overview:
    lines = [summary(item) for item in items]
    ready = sum(line.ready for line in lines)

    def count(field: str) -> dict[str, int]:
        return dict(sorted(Counter(getattr(line, field) or "Unknown" for line in lines).items()))

    return Overview(
        total=len(lines),
        ready=ready,
        not_ready=len(lines) - ready,
        by_reason=count("reason"),
        by_state=count("state"),
        by_mode=count("mode"),
        by_exchange=count("exchange"),
        by_namespace=count("namespace"),
    )


def _summary(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    exchange = spec.get("exchange") or {}
    ready = condition(conditions(item), ConditionType.READY)
    return {
        "id": strategy_id(metadata["namespace"], metadata["name"]),
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "strategy_name": spec.get("strategyName"),
        "mode": spec.get("mode"),
        "state": spec.get("state"),
        "exchange": exchange.get("name"),
        "timeframe": spec.get("timeframe"),
        "pairs": len(exchange.get("pairs") or ()),
        "ready": ready is not None and ready.status == "True",
        "reason": ready.reason if ready else None,
        "message": ready.message if ready else _NO_CONDITION,
        "port": status.get("port"),
        "url": status.get("url"),
        "created_at": metadata.get("creationTimestamp"),
    }

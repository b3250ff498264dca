"""Alerts as Alertmanager tells them (webhook version 4), whom they are for, and which of them are news: pure.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.routing import EVERY_NAMESPACE, routes, takes
from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.signals.types import Priority
from btcwatcher_api.strategies.registry import KnownStrategy
from btcwatcher_crds.notification_channel import Grouping

ALERTS_MAX: Final = 1_000
_TITLE_MAX: Final = 200
_BODY_MAX: Final = 4_000
_YEARS: Final = range(1970, 9999)
"""Outside lies Go's zero time, 0001-01-01, for what is not known yet, and what no clock of another zone can show."""
_EARLY: Final = timedelta(minutes=1)
"""Alertmanager repeats in the same interval, a moment early or late: nobody waits for twice as long because of that."""
_PRIORITIES: Final = {"critical": Priority.P0, "warning": Priority.P1}

Texts = Annotated[dict[str, Annotated[str, Field(max_length=16_384)]], Field(max_length=256)]


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertmanagerAlert(BaseModel):
    """One alert. Fields that are not named here are not looked at."""

    model_config = ConfigDict(populate_by_name=True)

    status: AlertStatus
    labels: Texts
    """`severity` (critical: P0, warning: P1, else P2), `namespace` and `strategy` (or `name`) say whom it is for."""
    annotations: Texts = Field(default_factory=dict)
    """`description`, or else `summary`, is what is told."""
    starts_at: Annotated[datetime | None, Field(alias="startsAt")] = None
    ends_at: Annotated[datetime | None, Field(alias="endsAt")] = None
    fingerprint: Annotated[str, Field(max_length=64)] = ""
    """Tells one alert from another; made from the labels where it is left out."""

    @property
    def resolved(self) -> bool:
        return self.status is AlertStatus.RESOLVED

    @property
    def priority(self) -> Priority:
        return _PRIORITIES.get(self.labels.get("severity", "").lower(), Priority.P2)

    @property
    def key(self) -> str:
        if self.fingerprint:
            return _clean(self.fingerprint)
        labels = json.dumps(sorted(self.labels.items()), ensure_ascii=True)
        return hashlib.sha256(labels.encode()).hexdigest()[:16]

    @property
    def namespace(self) -> str:
        """Empty: it is of the platform."""
        return _clean(self.labels.get("namespace", ""))[:63]

    @property
    def title(self) -> str:
        return _clean(self.labels.get("alertname", ""))[:_TITLE_MAX] or "Alert"

    @property
    def body(self) -> str:
        said = next((self.annotations[name] for name in _BODIES if self.annotations.get(name)), "")
        return _clean(said)[:_BODY_MAX]

    def texts(self, name: str) -> dict[str, str]:
        """Labels or annotations, as a row can hold them."""
        held: Mapping[str, str] = getattr(self, name)
        return {_clean(key): _clean(value) for key, value in held.items()}


_BODIES: Final = ("description", "summary", "message")


class AlertmanagerMessage(BaseModel):
    """What Alertmanager's `webhook_configs` posts; Grafana's contact points of type webhook too."""

    alerts: Annotated[list[AlertmanagerAlert], Field(max_length=ALERTS_MAX)]
    receiver: str = ""
    status: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class LastTold:
    """What a channel was told of an alert last, or is being told; what failed or was not sent does not count."""

    at: datetime
    resolved: bool


def is_news(alert: AlertmanagerAlert, channel: KnownChannel | None, last: LastTold | None, now: datetime) -> bool:
    """Whether this channel is to be told: of what fires once in its repeatInterval, of its end once, and only if it
    was told that it fired. An alert that fires after it was resolved is told at once, though it began long ago:
    Alertmanager also calls resolved what Prometheus could not tell it of for a while."""
    if alert.resolved:
        return last is not None and not last.resolved
    if last is None or last.resolved:
        return True
    interval = _repeat_interval(channel)
    return now - last.at >= interval - min(_EARLY, interval / 10)


def channels_of(
    alert: AlertmanagerAlert, find: Callable[[str, str], KnownStrategy | None], channels: Sequence[KnownChannel]
) -> list[str]:
    """Whom an alert is for, as namespace/name, whether news or not.

    About a Strategy: the channels that its signals go to. About a namespace: those in it, and those elsewhere that
    listen to it. About the platform: those that listen to every namespace. Their own filters always hold.
    """
    strategy = strategy_of(alert, find)
    if strategy is not None:
        labels = strategy.item["metadata"].get("labels") or {}
        return routes(strategy.namespace, labels, strategy.signals.notify, channels)[alert.priority]
    return [channel.key for channel in _listening(alert.namespace, channels) if takes(channel.spec, alert.priority)]


def strategy_of(alert: AlertmanagerAlert, find: Callable[[str, str], KnownStrategy | None]) -> KnownStrategy | None:
    """The Strategy that its labels name, by its name or its id; None where there is none of that name."""
    for label in ("strategy", "name"):
        name = alert.labels.get(label, "")
        namespace, dot, rest = name.partition(".")
        found = find(namespace, rest) if dot else find(alert.namespace, name)
        if name and found is not None:
            return found
    return None


def _listening(namespace: str, channels: Iterable[KnownChannel]) -> list[KnownChannel]:
    def wanted(channel: KnownChannel) -> bool:
        named = channel.spec.strategies.namespaces if channel.spec and channel.spec.strategies else []
        return EVERY_NAMESPACE in named or (bool(namespace) and (channel.namespace == namespace or namespace in named))

    return sorted(filter(wanted, channels), key=lambda channel: channel.key)


def _repeat_interval(channel: KnownChannel | None) -> timedelta:
    grouping = channel.spec.grouping if channel is not None and channel.spec is not None else Grouping()
    return parse_duration(grouping.repeat_interval)


def known_time(at: datetime | None) -> datetime | None:
    """None for Go's zero time, and for a year that nobody means. A time without a zone is UTC."""
    if at is None or at.year not in _YEARS:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _clean(text: str) -> str:
    """Without what no text column can hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()

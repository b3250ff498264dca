"""What templates see of a subject and of several: every field is always there, empty where it says nothing."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.notifications.templates.text import Markdown, local_time
from btcwatcher_api.notifications.templates.words import direction_name, headline, level_name
from btcwatcher_api.signals.types import SignalType
from btcwatcher_crds.notification_channel import Language

FIELD_MAX: Final = 4_000
"""Characters of one value of a stranger that a message shows."""


_NO_LINE: Final = Markdown()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A subject. docs/notifications.md has a sentence and an example for each field."""

    kind: str
    priority: str
    headline: str
    id: str
    namespace: str
    strategy: str | None
    time: str
    clock: str
    line: Markdown = _NO_LINE
    """All of it in one line, by the default template."""
    # of a Signal
    type: str | None = None
    source: str | None = None
    pair: str | None = None
    direction: str | None = None
    level: str | None = None
    level_name: str | None = None
    strength: Decimal | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    stake: Decimal | None = None
    currency: str | None = None
    profit: Decimal | None = None
    profit_amount: Decimal | None = None
    tag: str | None = None
    reason: str | None = None
    message: str | None = None
    trade: str | None = None
    recovered: bool = False
    # of an Alert, a Manual and a Test
    title: str | None = None
    body: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: Texts())
    annotations: Mapping[str, str] = field(default_factory=lambda: Texts())
    resolved: bool = False
    started: str | None = None
    ended: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many of the subjects of a message are alike."""

    strategy: str | None
    headline: str
    level_name: str | None
    count: int


def view(subject: Subject, language: Language, zone: ZoneInfo, *, dated: bool = False) -> View:
    """`dated`: its clock shows the day too."""
    values = subject.values

    def text(name: str) -> str | None:
        value = values.get(name)
        return None if value is None else str(value)[:FIELD_MAX]

    def time(name: str) -> str | None:
        value = values.get(name)
        return local_time(value, zone) if isinstance(value, datetime) else None

    def amount(name: str) -> Decimal | None:
        value = values.get(name)
        return None if value is None else Decimal(str(value))

    common: dict[str, Any] = {
        "kind": subject.kind.value,
        "priority": subject.priority.name,
        "id": str(subject.id),
        "namespace": subject.namespace,
        "strategy": subject.strategy,
        "time": local_time(subject.at, zone),
        "clock": subject.at.astimezone(zone).strftime("%m-%d %H:%M" if dated else "%H:%M"),
    }
    if subject.kind is Kind.SIGNAL:
        kind, reason = text("type") or "", text("exit_reason")
        return View(
            **common,
            headline=headline(language, kind, reason),
            type=kind,
            source=text("source"),
            pair=text("pair"),
            direction=direction_name(language, text("direction")),
            level=text("level"),
            level_name=level_name(language, text("level")),
            strength=amount("strength"),
            price=amount("price"),
            amount=amount("amount"),
            stake=amount("stake"),
            currency=text("stake_currency"),
            profit=amount("profit_ratio"),
            profit_amount=amount("profit_amount"),
            tag=text("enter_tag"),
            reason=reason,
            message=_words_of_freqtrade(text("message")) if kind == SignalType.STARTUP else text("message"),
            trade=text("trade_id"),
            recovered=bool(values.get("recovered")),
        )
    resolved = bool(values.get("resolved"))
    what = ("resolved" if resolved else "firing") if subject.kind is Kind.ALERT else subject.kind.value
    return View(
        **common,
        headline=headline(language, what),
        title=text("title"),
        body=text("body"),
        labels=_texts(values.get("labels")),
        annotations=_texts(values.get("annotations")),
        resolved=resolved,
        started=time("starts_at"),
        ended=time("ends_at"),
        author=text("author"),
    )


def counts(views: Sequence[View]) -> list[Count]:
    """By strategy, headline and level, the most frequent first."""
    counted = Counter((each.strategy, each.headline, each.level_name) for each in views)
    return [Count(*key, number) for key, number in counted.most_common()]


def headlines(views: Sequence[View]) -> list[Count]:
    """By headline alone, the most frequent first."""
    counted = Counter(each.headline for each in views)
    return [Count(None, key, None, number) for key, number in counted.most_common()]


def _words_of_freqtrade(message: str | None) -> str | None:
    """What it says when it starts is Markdown of its own, which would be shown as it is written."""
    return None if message is None else re.sub("[*`]", "", message)


class Texts(dict[str, str]):
    """Labels or annotations: one that is not there is empty, as in Prometheus."""

    def __missing__(self, key: str) -> str:
        return ""


def _texts(values: Any) -> Texts:
    if not isinstance(values, Mapping):
        return Texts()
    return Texts({str(key): str(value)[:FIELD_MAX] for key, value in values.items()})

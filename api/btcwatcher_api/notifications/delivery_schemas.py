"""What is answered of deliveries, their attempts, and what they are of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import RowMapping

from btcwatcher_api.declared import Answer
from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.worker.verdicts import DeliveryState
from btcwatcher_api.signals.schemas import Signal
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.names import strategy_id
from btcwatcher_crds.notification_channel import PriorityName

ChannelId = Annotated[str, Field(examples=["trading.desk"])]


class Delivery(Answer):
    """One message to one channel, and what became of it."""

    id: UUID
    kind: Kind
    """What it is of: a Signal, an Alert, a message by hand (Manual) or a Test."""
    subject_id: UUID
    """The signal or the notice that it is of."""
    strategy_id: str | None
    """<namespace>.<name>, if it is about one."""
    channel: ChannelId
    """<namespace>.<name>"""
    priority: PriorityName
    state: DeliveryState
    reason: Annotated[str | None, Field(examples=["Sent"])]
    """Of its state, or of the last attempt while it is tried again: a word from the catalogue of conditions."""
    attempt_count: int
    """Since it was written, or replayed."""
    created_at: datetime
    """When it was written: with its signal, in one transaction."""
    next_attempt_at: datetime | None
    """Not before this it is tried (again); null once it is settled."""
    settled_at: datetime | None
    replayed_at: datetime | None
    """When somebody asked for it to be sent again, the last time."""
    fallback_of: UUID | None
    """The delivery whose channel failed, if this one is to its fallback."""


class DeliveryPage(Answer):
    """Deliveries, newest first."""

    items: list[Delivery]
    next: str | None
    """Cursor of the page with older ones; null when this is the last."""
    previous: str | None
    """Cursor of newer ones, worth asking for again when there are none yet; null on an empty history."""


class Attempt(Answer):
    """One try to send it."""

    number: int
    """From 1; a replay begins anew."""
    started_at: datetime
    duration_ms: int | None
    reason: str | None
    """Sent, or why it failed; null while nothing is known of it."""
    answer: str | None
    """What the vendor said, cut, without credentials; null or empty where it said no more than yes."""
    message_id: UUID
    """The same for all that went out in one message."""
    together: int
    """How many deliveries went out in it."""


class Notice(Answer):
    """What is told besides signals."""

    id: UUID
    kind: Kind
    namespace: str
    """Empty: it is of the platform, or of channels in several namespaces."""
    strategy_id: str | None
    title: str
    body: str
    labels: dict[str, str]
    annotations: dict[str, str]
    fingerprint: str | None
    """Of an alert: what tells it from others."""
    resolved: bool
    starts_at: datetime | None
    ends_at: datetime | None
    author: str | None
    created_at: datetime


class DeliveryDetail(Delivery):
    """One delivery with all that is known of it."""

    attempts: list[Attempt]
    """In their order; those before a replay too."""
    signal: Signal | None
    """What it is of, if that is a signal that is still kept."""
    notice: Notice | None
    """What it is of, if that is none and still kept."""


def delivery(row: RowMapping) -> Delivery:
    """Of a row of `deliveries`."""
    return Delivery(**_fields(row))


def detail(row: RowMapping, attempts: Sequence[RowMapping], subject: RowMapping | None) -> DeliveryDetail:
    signal = subject if row["kind"] == Kind.SIGNAL else None
    notice = subject if row["kind"] != Kind.SIGNAL else None
    return DeliveryDetail(
        **_fields(row),
        attempts=[Attempt.model_validate(dict(attempt)) for attempt in attempts],
        signal=Signal.model_validate(signal) if signal is not None else None,
        notice=_notice(notice) if notice is not None else None,
    )


def _fields(row: RowMapping) -> dict[str, Any]:
    same = ("id", "kind", "subject_id", "state", "reason", "created_at", "settled_at", "replayed_at", "fallback_of")
    return {name: row[name] for name in same} | {
        "strategy_id": row["strategy"],
        "channel": f"{row['channel_namespace']}.{row['channel']}",
        "priority": Priority(row["priority"]).name,
        "attempt_count": row["attempts"],
        "next_attempt_at": row["next_attempt_at"] if row["state"] == DeliveryState.PENDING else None,
    }


def _notice(row: RowMapping) -> Notice:
    strategy = row["strategy"]
    identifier = strategy_id(row["namespace"], strategy) if strategy is not None else None
    return Notice(**{**row, "strategy_id": identifier})

"""What the channel endpoints take and answer. A `spec` is the custom resource's own, word for word."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from btcwatcher_api.declared import Answer, Change, ConditionAnswer, Namespace, around, condition, conditions
from btcwatcher_crds.conditions import ChannelConditionType
from btcwatcher_crds.names import NAME_PATTERN, NOTIFICATION_CHANNEL_NAME_MAX_LENGTH, strategy_id

_SPEC: Final = {"type": "Telegram", "credentialsRef": {"name": "desk-telegram"}, "minLevel": "Medium"}
_NOTHING_SENT: Final = "nothing has been sent yet"


class ChannelAnswer(Answer):
    """One NotificationChannel. The answer's ETag is its resource version, for If-Match."""

    id: Annotated[str, Field(examples=["trading.desk"])]
    """<namespace>.<name>"""
    namespace: str
    name: str
    type: str | None
    """Telegram, WeCom, Feishu, Email or Apprise."""
    suspended: bool
    ready: bool | None
    """Whether messages can be sent, as far as is known; null before the first one."""
    paused: bool
    """Whether nothing is sent for a while because it kept failing."""
    reason: str | None
    """A word from the catalogue of conditions."""
    message: str
    resource_version: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]
    """With the name of the Secret that holds its credentials, never with a credential."""
    conditions: list[ConditionAnswer]
    named_by: list[str]
    """Strategies whose spec.signals.notify names it, by id."""
    created_at: datetime | None


class ChannelPage(Answer):
    """NotificationChannels by id."""

    items: list[ChannelAnswer]
    total: int
    """How many there are, on all pages."""
    next: str | None
    """`after` of the next page; null on the last."""


class ChannelChange(Change):
    """What replaces a channel's spec, and, where they are given, its labels and annotations."""

    spec: Annotated[dict[str, Any], Field(examples=[_SPEC])]
    """The spec of the custom resource, complete; see `kubectl explain notificationchannel.spec`."""


class NewChannel(ChannelChange):
    """A NotificationChannel to make. Its credentials are in a Secret that is there or will be."""

    namespace: Namespace
    name: Annotated[
        str, Field(max_length=NOTIFICATION_CHANNEL_NAME_MAX_LENGTH, pattern=NAME_PATTERN, examples=["desk"])
    ]


def answer(item: Mapping[str, Any], strategies: Iterable[Mapping[str, Any]]) -> ChannelAnswer:
    """Read leniently. `strategies` are those that may name it."""
    metadata, spec, said = item["metadata"], item.get("spec") or {}, conditions(item)
    ready, paused = condition(said, ChannelConditionType.READY), condition(said, ChannelConditionType.PAUSED)
    return ChannelAnswer(
        id=strategy_id(metadata["namespace"], metadata["name"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        type=spec.get("type"),
        suspended=bool(spec.get("suspend")),
        ready={"True": True, "False": False}.get(ready.status) if ready else None,
        paused=paused is not None and paused.status == "True",
        reason=ready.reason if ready else None,
        message=ready.message if ready else _NOTHING_SENT,
        named_by=named_by(metadata["namespace"], metadata["name"], strategies),
        created_at=metadata.get("creationTimestamp"),
        **around(item),
    )


def named_by(namespace: str, name: str, strategies: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the Strategies that name the channel, in order."""
    return sorted(
        strategy_id(namespace, one["metadata"]["name"])
        for one in strategies
        if one["metadata"]["namespace"] == namespace
        and name in ((((one.get("spec") or {}).get("signals") or {}).get("notify") or {}).get("channels") or ())
    )

"""Which channels a signal goes to: pure, from its Strategy, the channels and nothing else.

Those that `spec.signals.notify` names, and those whose `spec.strategies` selects the Strategy, once each. A minimum
level is one of urgency, so that it holds for what has no level too: Strong lets P0 through, Medium P0 and P1, Weak and
Ignore all that has a priority. The channel's own `minLevel` and `priorities` always hold; `notify.minLevel` holds for
those that it names.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from btcwatcher_api.notifications.registry import KnownChannel, channel_key
from btcwatcher_api.signals.grading import LEVEL_PRIORITY
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import ListensTo, NotificationChannelSpec
from btcwatcher_crds.selecting import selects
from btcwatcher_crds.strategy import Notify, SignalLevel

EVERY_NAMESPACE: Final = "*"

Routes = Mapping[Priority, list[str]]
"""The channels, as namespace/name, that signals of one Strategy go to, by priority."""

NOBODY: Final[Routes] = {priority: [] for priority in Priority}


def routes(namespace: str, labels: Mapping[str, str], notify: Notify, channels: Iterable[KnownChannel]) -> Routes:
    """Of the Strategy with these labels in this namespace, the named ones first.

    A name that no channel has, and one whose spec cannot be read, are told as well: what cannot be sent to them is then
    seen in the history, and not lost without a word.
    """
    known = {channel.key: channel for channel in channels}
    named = [channel_key(namespace, name) for name in notify.channels]
    listening = [
        channel.key
        for channel in sorted(known.values(), key=lambda channel: channel.key)
        if channel.spec is not None
        and channel.spec.strategies is not None
        and listens(channel.spec.strategies, channel.namespace, namespace, labels)
    ]

    def told(priority: Priority) -> list[str]:
        wanted = [*(named if urgent_enough(priority, notify.min_level) else ()), *listening]
        return [key for key in dict.fromkeys(wanted) if key not in known or takes(known[key].spec, priority)]

    return {priority: told(priority) for priority in Priority}


def takes(spec: NotificationChannelSpec | None, priority: Priority) -> bool:
    """Whether the channel's own filters let the priority through; one that cannot be read has none."""
    if spec is None:
        return True
    return urgent_enough(priority, spec.min_level) and (not spec.priorities or priority.name in spec.priorities)


def urgent_enough(priority: Priority, least: SignalLevel) -> bool:
    lowest = LEVEL_PRIORITY[least]
    return priority <= (Priority.P2 if lowest is None else lowest)


def listens(wanted: ListensTo, home: str, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a channel at home in namespace `home` listens to the Strategy with these labels in `namespace`."""
    namespaces = wanted.namespaces or [home]
    return (EVERY_NAMESPACE in namespaces or namespace in namespaces) and selects(wanted.selector, labels)

"""What is known of each NotificationChannel, in memory: kept by a watch, read by routing, the REST API and workers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from btcwatcher_api import logs
from btcwatcher_crds.notification_channel import NotificationChannelSpec

_log = logs.get("btcwatcher_api.channels")


@dataclass(frozen=True, slots=True)
class KnownChannel:
    """One NotificationChannel."""

    namespace: str
    name: str
    spec: NotificationChannelSpec | None
    """None: it cannot be read, and `error` says why."""
    error: str | None
    item: Mapping[str, Any]
    """The object without its managed fields."""

    @property
    def key(self) -> str:
        """As deliveries name it."""
        return channel_key(self.namespace, self.name)


class ChannelRegistry:
    """All NotificationChannels. Empty and not synced until the first complete list."""

    def __init__(self, namespaces: frozenset[str] = frozenset()) -> None:
        self._namespaces = namespaces
        self._known: dict[str, KnownChannel] = {}
        self._synced = False
        self._version = 0

    @property
    def synced(self) -> bool:
        """Whether every channel is known, so that an unknown one does not exist."""
        return self._synced

    @property
    def version(self) -> int:
        """Another one whenever a channel may have changed."""
        return self._version

    def __len__(self) -> int:
        return len(self._known)

    def get(self, namespace: str, name: str) -> KnownChannel | None:
        return self._known.get(channel_key(namespace, name))

    def channels(self) -> list[KnownChannel]:
        return list(self._known.values())

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list: what is not in it is gone, also what was deleted while nobody watched."""
        known = [self._known_from(item) for item in objects]
        self._known = {channel.key: channel for channel in known if channel is not None}
        self._synced = True
        self._version += 1

    def put(self, item: Mapping[str, Any]) -> None:
        channel = self._known_from(item)
        if channel is not None:
            self._known[channel.key] = channel
            self._version += 1

    def remove(self, item: Mapping[str, Any]) -> None:
        metadata = item.get("metadata") or {}
        self._known.pop(channel_key(metadata.get("namespace", ""), metadata.get("name", "")), None)
        self._version += 1

    def _known_from(self, item: Mapping[str, Any]) -> KnownChannel | None:
        metadata = item.get("metadata") or {}
        namespace, name = metadata.get("namespace"), metadata.get("name")
        if not namespace or not name or (self._namespaces and namespace not in self._namespaces):
            return None
        kept = {
            "metadata": {key: value for key, value in metadata.items() if key != "managedFields"},
            "spec": item.get("spec") or {},
            "status": item.get("status") or {},
        }
        try:
            spec = NotificationChannelSpec.model_validate(kept["spec"])
        except ValidationError as error:
            said = said_of(error)
            _log.warning("the NotificationChannel cannot be read", channel=channel_key(namespace, name), reason=said)
            return KnownChannel(namespace, name, None, said, kept)
        return KnownChannel(namespace, name, spec, None, kept)


def channel_key(namespace: str, name: str) -> str:
    """How a delivery names a channel before it is a row, and logs name it."""
    return f"{namespace}/{name}"


def said_of(error: ValidationError) -> str:
    """Each bad field with its sentence; never what stands in it."""
    return "; ".join(
        f"{'.'.join(('spec', *(str(part) for part in one['loc'])))}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )

"""What the API must know of each Strategy, in memory: its bot's tokens, how its signals are graded, how it is doing."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from btcwatcher_api import logs
from btcwatcher_crds.derive import webhook_token
from btcwatcher_crds.names import strategy_id
from btcwatcher_crds.strategy import Signals

_log = logs.get("btcwatcher_api.strategies")

LEAVING_SECONDS: Final = 300.0
"""For so long the bot of a Strategy that was deleted is listened to: it may be sending what it did last."""


@dataclass(frozen=True, slots=True)
class KnownStrategy:
    """One Strategy. `tokens` are its valid webhook tokens: this generation's and the one before."""

    namespace: str
    name: str
    signals: Signals
    tokens: tuple[bytes, ...]
    item: Mapping[str, Any]
    """The object without its bulk: its source and managed fields."""

    @property
    def id(self) -> str:
        return strategy_id(self.namespace, self.name)


class Registry:
    """All Strategies, by id. Empty and not synced until the first complete list.

    Without the webhook `key`, which only those have that take signals in, nobody's tokens are known.
    """

    def __init__(
        self,
        key: bytes | None,
        namespaces: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._clock = clock
        self._leaving: dict[str, tuple[float, KnownStrategy]] = {}
        self._namespaces = namespaces
        self._known: dict[str, KnownStrategy] = {}
        self._synced = False
        self._changed = asyncio.Event()

    @property
    def changed(self) -> asyncio.Event:
        """Set once a Strategy is other than now. Take it before looking: what comes in between is then not missed."""
        return self._changed

    @property
    def synced(self) -> bool:
        """Whether every Strategy is known, so that an unknown one does not exist."""
        return self._synced

    def __len__(self) -> int:
        return len(self._known)

    def get(self, identifier: str) -> KnownStrategy | None:
        return self._known.get(identifier)

    def sender(self, identifier: str) -> KnownStrategy | None:
        """Whose signals are taken in: also a Strategy's that was deleted a moment ago."""
        found = self._known.get(identifier)
        if found is None and identifier in self._leaving:
            until, leaving = self._leaving[identifier]
            return leaving if self._clock() < until else None
        return found

    def find(self, namespace: str, name: str) -> KnownStrategy | None:
        return self._known.get(strategy_id(namespace, name))

    def strategies(self) -> list[KnownStrategy]:
        return list(self._known.values())

    def items(self) -> list[Mapping[str, Any]]:
        """Every Strategy, without its source and managed fields."""
        return [strategy.item for strategy in self._known.values()]

    @property
    def scopes(self) -> list[str | None]:
        """Where to ask Kubernetes for what is looked after here: each namespace by itself, or None for all at once."""
        return [*sorted(self._namespaces)] or [None]

    def serves(self, namespace: str) -> bool:
        """Whether the Strategies of this namespace are looked after here."""
        return not self._namespaces or namespace in self._namespaces

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list: what is not in it is gone, also what was deleted while nobody watched."""
        known = [self._known_from(item) for item in objects]
        before, self._known = self._known, {strategy.id: strategy for strategy in known if strategy is not None}
        self._leave(strategy for strategy in before.values() if strategy.id not in self._known)
        self._synced = True
        self._tell()

    def put(self, item: Mapping[str, Any]) -> None:
        strategy = self._known_from(item)
        if strategy is not None:
            self._known[strategy.id] = strategy
            self._tell()

    def remove(self, item: Mapping[str, Any]) -> None:
        metadata = item.get("metadata") or {}
        gone = self._known.pop(strategy_id(metadata.get("namespace", ""), metadata.get("name", "")), None)
        self._leave([gone] if gone is not None else [])
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _leave(self, strategies: Iterable[KnownStrategy]) -> None:
        now = self._clock()
        self._leaving = {name: one for name, one in self._leaving.items() if now < one[0]}
        self._leaving |= {strategy.id: (now + LEAVING_SECONDS, strategy) for strategy in strategies}

    def _known_from(self, item: Mapping[str, Any]) -> KnownStrategy | None:
        metadata = item.get("metadata") or {}
        namespace, name = metadata.get("namespace"), metadata.get("name")
        if not namespace or not name or not self.serves(namespace):
            return None
        signals = _signals(item, strategy_id(namespace, name))
        tokens = _tokens(self._key, namespace, name, signals.token_generation) if self._key is not None else ()
        return KnownStrategy(namespace, name, signals, tokens, _without_bulk(item))


def _tokens(key: bytes, namespace: str, name: str, generation: int) -> tuple[bytes, ...]:
    generations = range(generation, max(0, generation - 2), -1)
    return tuple(webhook_token(key, namespace, name, number).encode() for number in generations)


def _without_bulk(item: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {name: value for name, value in item["metadata"].items() if name != "managedFields"}
    spec = {name: value for name, value in (item.get("spec") or {}).items() if name != "source"}
    return {"metadata": metadata, "spec": spec, "status": item.get("status") or {}}


def _signals(item: Mapping[str, Any], identifier: str) -> Signals:
    """spec.signals; the defaults where it cannot be read, for a bot whose token is right must be heard anyway."""
    try:
        return Signals.model_validate((item.get("spec") or {}).get("signals") or {})
    except ValidationError as error:
        _log.warning("spec.signals cannot be read, its defaults hold", strategy=identifier, errors=error.error_count())
        return Signals()

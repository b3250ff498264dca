"""What no watched object says of a bot, but Events do: why its pod is not made, and that freqtrade has stopped trading.

Events are listed only while there is such a bot, and once for all of a namespace.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.bot_state import is_silent
from btcwatcher_operator.cluster import Cluster
from btcwatcher_operator.obstacle import Obstacle
from btcwatcher_operator.resources import EVENT, POD, STATEFUL_SET, Object
from btcwatcher_operator.status import RAN
from btcwatcher_operator.store import ChildKey, Key

SILENT_SECONDS = 20.0
"""A bot that has started and is not ready for so long does not just start."""
UNMADE_SECONDS = 30.0
"""A pod that is not there for so long is not just being made."""
KNOWN_SECONDS = 10.0
"""How long a list of a namespace's Events serves all its Strategies."""
RETRIED_SECONDS = 1200
"""A controller that cannot make a pod tries again within that time, and says so each time."""

_NOT_READY = "Readiness probe failed: "
_NOT_MADE = " failed error: "
"""So the kubelet and the StatefulSet controller put it; what the probe printed or the API server answered follows."""


class Troubles:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        # Since when a bot is silent or its pod is not made, on the monotonic clock.
        self._since: dict[Key, float] = {}
        self._look_again: dict[Key, float] = {}
        self._known: dict[tuple[str, str], tuple[float, list[Object]]] = {}

    def forget(self, key: Key) -> None:
        self._since.pop(key, None)
        self._look_again.pop(key, None)

    def look_again(self, key: Key) -> float | None:
        """After how many seconds the Strategy is to be looked at again: Events wake nobody."""
        return self._look_again.pop(key, None)

    async def find(self, key: Key, strategy: Strategy, live: Mapping[ChildKey, Object]) -> Obstacle | None:
        """The trouble that the Strategy's bot has, if Events tell of one. Raises ClusterError."""
        pod = live.get((POD.kind, names.pod(key.name)))
        stateful_set = live.get((STATEFUL_SET.kind, names.stateful_set(key.name)))
        if pod is not None and is_silent(pod):
            return await self._stopped(key, strategy, pod)
        if pod is None and stateful_set is not None and stateful_set["spec"].get("replicas"):
            return await self._not_made(key, stateful_set)
        self.forget(key)
        return None

    async def _stopped(self, key: Key, strategy: Strategy, pod: Object) -> Obstacle | None:
        before = next((one for one in strategy.status.conditions if one.type == ConditionType.READY), None)
        ran = before is not None and before.reason in RAN
        # The readiness probe passes a moment after the startup probe.
        if not self._lasts(key, 0 if ran else SILENT_SECONDS, again=SILENT_SECONDS):
            return None
        words = stopped_words(await self._events(key.namespace, "Unhealthy"), pod["metadata"]["uid"])
        if words is not None:
            return Obstacle(Reason.BOT_STOPPED, _stopped_sentence(strategy, words))
        # Events are kept for an hour: that it stopped for this has not changed since.
        if before is not None and before.reason == Reason.BOT_STOPPED:
            return Obstacle(Reason.BOT_STOPPED, before.message)
        return None

    async def _not_made(self, key: Key, stateful_set: Object) -> Obstacle | None:
        if not self._lasts(key, UNMADE_SECONDS, again=UNMADE_SECONDS):
            return None
        events = await self._events(key.namespace, "FailedCreate")
        words = refused_words(events, stateful_set["metadata"]["uid"], datetime.now(UTC))
        if words is None:
            return None
        reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in words else Reason.CHILD_REFUSED
        return Obstacle(reason, f"Pod {names.pod(key.name)}: {words}")

    def _lasts(self, key: Key, seconds: float, *, again: float) -> bool:
        """Whether the trouble has lasted so long. It is looked at again, ever more rarely."""
        now = time.monotonic()
        lasted = now - self._since.setdefault(key, now)
        self._look_again[key] = max(again, lasted)
        return lasted >= seconds

    async def _events(self, namespace: str, reason: str) -> list[Object]:
        now = time.monotonic()
        at, events = self._known.get((namespace, reason), (-KNOWN_SECONDS, []))
        if now - at >= KNOWN_SECONDS:
            events, _ = await self._cluster.list(EVENT, namespace=namespace, fields=f"reason={reason}")
            self._known[namespace, reason] = now, events
        return events


def stopped_words(events: Iterable[Object], uid: str) -> str | None:
    """Why freqtrade has stopped trading, as its readiness probe said last; `uid` is its pod's."""
    probes = [one for one in _about(events, uid) if one.get("message", "").startswith(_NOT_READY)]
    if not probes:
        return None
    message: str = max(probes, key=_last_seen)["message"]
    _, prefix, words = message.partition(names.STOPPED_PREFIX)
    return words.strip() if prefix else None


def refused_words(events: Iterable[Object], uid: str, now: datetime) -> str | None:
    """Why the pod of a StatefulSet is not made, in the API server's words; None where that is long ago."""
    last = max(_about(events, uid), key=_last_seen, default=None)
    if last is None or _NOT_MADE not in last.get("message", ""):
        return None
    seen = _last_seen(last)
    if not seen or (now - datetime.fromisoformat(f"{seen}+00:00")).total_seconds() > RETRIED_SECONDS:
        return None
    words: str = last["message"].partition(_NOT_MADE)[2]
    return words


def _about(events: Iterable[Object], uid: str) -> list[Object]:
    return [one for one in events if one.get("involvedObject", {}).get("uid") == uid]


def _last_seen(event: Object) -> str:
    """Times of Kubernetes sort as text, as far as their seconds go."""
    stamps = (event.get("lastTimestamp"), event.get("eventTime"), (event.get("series") or {}).get("lastObservedTime"))
    return max((stamp[:19] for stamp in stamps if stamp), default="")


def _stopped_sentence(strategy: Strategy, words: str) -> str:
    """The command first: long words may be cut."""
    metadata = strategy.metadata
    return (
        "freqtrade has stopped trading, and looks after no open trade. Start it by its UI or API, or restart it with: "
        f"kubectl -n {metadata.namespace} annotate strategy {metadata.name} --overwrite "
        f'{names.ANNOTATION_RESTARTED_AT}="$(date -u +%FT%TZ)"; why: {words}'
    )

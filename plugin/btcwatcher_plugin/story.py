"""What there is to tell of a Strategy, from the objects around it. Pure; `story_text` writes it out for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from btcwatcher_crds import names
from btcwatcher_plugin.words import (
    AUTO,
    CONFIG_DRIFT,
    LIVE,
    MANUAL,
    PROXY_HEALTHY,
    READY,
    RUNNING,
    UPDATE_AVAILABLE,
)

Object = dict[str, Any]

APPLY_WITH: Final = "; apply it with:"
"""What the operator's message goes on with, for those who have no plugin."""
UNSEEN: Final = "the operator has not looked at it yet"


@dataclass(frozen=True, slots=True)
class Around:
    """A Strategy and the objects around it, as they were read."""

    strategy: Object
    pods: Sequence[Object] = ()
    stateful_set: Object | None = None
    volume_claim: Object | None = None
    proxies: Sequence[Object] = ()
    events: Sequence[Object] = ()
    unreadable: Sequence[str] = ()
    """What could not be read, and why."""


@dataclass(frozen=True, slots=True)
class Told:
    """A condition, or why one is what it is."""

    type: str
    status: str
    reason: str
    message: str
    since: str


@dataclass(frozen=True, slots=True)
class Drift:
    reason: str
    message: str
    command: str
    """What applies the changed config; empty where nothing the user does would."""


@dataclass(frozen=True, slots=True)
class PodStory:
    name: str
    role: str
    """bot, or preflight for the Job that tries a changed config."""
    phase: str
    ready: bool
    restarts: int
    created: str
    node: str
    revision: str


@dataclass(frozen=True, slots=True)
class VolumeStory:
    name: str
    phase: str
    size: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class ProxyStory:
    name: str
    healthy: str
    """True, False or Unknown; empty where there is no such Proxy."""
    message: str


@dataclass(frozen=True, slots=True)
class EventStory:
    last: str
    type: str
    object: str
    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Story:
    namespace: str
    name: str
    created: str
    ready: str
    """True, False or Unknown."""
    reason: str
    message: str
    since: str
    current: bool
    """Whether the operator has come to the newest spec."""
    mode: str
    state: str
    exchange: str
    timeframe: str
    pairs: Sequence[str]
    strategy_name: str
    update_strategy: str
    port: int | None
    url: str
    image: str
    revision: str
    """What the bot runs, or is to run."""
    ready_revision: str
    conditions: Sequence[Told]
    drift: Drift | None
    pods: Sequence[PodStory] = ()
    volume: VolumeStory | None = None
    proxies: Sequence[ProxyStory] = ()
    events: Sequence[EventStory] = ()
    unreadable: Sequence[str] = field(default_factory=tuple)


def story(around: Around) -> Story:
    """Read leniently: what an object lacks is empty."""
    strategy = around.strategy
    metadata, spec, status = strategy["metadata"], strategy.get("spec") or {}, strategy.get("status") or {}
    ready = condition(strategy, READY) or {}
    exchange = spec.get("exchange") or {}
    return Story(
        namespace=metadata["namespace"],
        name=metadata["name"],
        created=metadata.get("creationTimestamp", ""),
        ready=ready.get("status", "Unknown"),
        reason=ready.get("reason", ""),
        message=ready.get("message", UNSEEN),
        since=ready.get("lastTransitionTime", ""),
        current=status.get("observedGeneration") == metadata.get("generation"),
        mode=spec.get("mode", ""),
        state=spec.get("state", RUNNING),
        exchange=exchange.get("name", ""),
        timeframe=spec.get("timeframe", ""),
        pairs=tuple(exchange.get("pairs") or ()),
        strategy_name=spec.get("strategyName", ""),
        update_strategy=spec.get("updateStrategy") or (MANUAL if spec.get("mode") == LIVE else AUTO),
        port=status.get("port"),
        url=status.get("url", ""),
        image=status.get("image", ""),
        revision=revision_of(around.stateful_set),
        ready_revision=status.get("readyRevision", ""),
        conditions=tuple(_told(one) for one in conditions(strategy)),
        drift=_drift(strategy),
        pods=tuple(_pod(pod) for pod in around.pods),
        volume=_volume(around.volume_claim),
        proxies=tuple(_proxies(exchange.get("proxyRefs") or (), around.proxies)),
        events=tuple(_events(around.events)),
        unreadable=tuple(around.unreadable),
    )


def conditions(obj: Object) -> list[Object]:
    return list((obj.get("status") or {}).get("conditions") or ())


def condition(obj: Object, kind: str) -> Object | None:
    return next((one for one in conditions(obj) if one.get("type") == kind), None)


def _told(one: Object) -> Told:
    return Told(
        one.get("type", ""),
        one.get("status", ""),
        one.get("reason", ""),
        one.get("message", ""),
        one.get("lastTransitionTime", ""),
    )


def _drift(strategy: Object) -> Drift | None:
    found = condition(strategy, CONFIG_DRIFT)
    if found is None or found.get("status") != "True":
        return None
    metadata = strategy["metadata"]
    waits = found.get("reason") == UPDATE_AVAILABLE
    command = f"kubectl btcwatcher approve {metadata['name']} -n {metadata['namespace']}" if waits else ""
    # Of two commands that do the same, the one that shows what changes first.
    message = found.get("message", "").partition(APPLY_WITH)[0]
    return Drift(found.get("reason", ""), message, command)


def revision_of(stateful_set: Object | None) -> str:
    if stateful_set is None:
        return ""
    labels = stateful_set["spec"]["template"]["metadata"].get("labels") or {}
    return str(labels.get(names.LABEL_REVISION, ""))


def _pod(pod: Object) -> PodStory:
    metadata, status = pod["metadata"], pod.get("status") or {}
    labels = metadata.get("labels") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    ready = condition(pod, READY) or {}
    return PodStory(
        name=metadata["name"],
        role=labels.get(names.LABEL_COMPONENT, ""),
        phase=_phase(pod, containers),
        ready=ready.get("status") == "True",
        restarts=sum(one.get("restartCount", 0) for one in containers),
        created=metadata.get("creationTimestamp", ""),
        node=(pod.get("spec") or {}).get("nodeName", ""),
        revision=labels.get(names.LABEL_REVISION, ""),
    )


def _phase(pod: Object, containers: Iterable[Object]) -> str:
    """As kubectl words it: what keeps a container from running says more than the pod's phase."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for one in containers:
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            return str(waiting["reason"])
    return str((pod.get("status") or {}).get("phase", "Pending"))


def _volume(claim: Object | None) -> VolumeStory | None:
    if claim is None:
        return None
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "")
    return VolumeStory(
        claim["metadata"]["name"],
        status.get("phase", "Pending"),
        str((status.get("capacity") or {}).get("storage", asked)),
        spec.get("storageClassName", ""),
    )


def _proxies(references: Iterable[Object], proxies: Sequence[Object]) -> Iterable[ProxyStory]:
    """In the Strategy's order of preference."""
    by_name = {proxy["metadata"]["name"]: proxy for proxy in proxies}
    for reference in references:
        proxy = by_name.get(reference["name"])
        if proxy is None:
            yield ProxyStory(reference["name"], "", "there is no such Proxy in this namespace")
            continue
        healthy = condition(proxy, PROXY_HEALTHY) or {}
        yield ProxyStory(reference["name"], healthy.get("status", "Unknown"), healthy.get("message", "not tested yet"))


def _events(events: Iterable[Object]) -> list[EventStory]:
    """The newest last."""
    found = [
        EventStory(
            _last(event),
            event.get("type", ""),
            f"{event['involvedObject'].get('kind', '')}/{event['involvedObject'].get('name', '')}",
            event.get("reason", ""),
            event.get("message", ""),
            event.get("count") or (event.get("series") or {}).get("count") or 1,
        )
        for event in events
    ]
    return sorted(found, key=lambda event: event.last)


def _last(event: Object) -> str:
    """An Event has its time in one of several fields, by the age of what wrote it."""
    series = event.get("series") or {}
    stamps = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((stamp for stamp in stamps if stamp), event["metadata"].get("creationTimestamp", "")))

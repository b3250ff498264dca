"""A Strategy's story for people. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from btcwatcher_plugin.output import age, table
from btcwatcher_plugin.story import Story

_EVENTS = 10
_PAIRS = 6


def line_heads(*, namespaces: bool) -> list[str]:
    own = ["NAME", "READY", "REASON", "MODE", "STATE", "EXCHANGE", "PORT", "REVISION", "AGE", "MESSAGE"]
    return ["NAMESPACE", *own] if namespaces else own


def line(one: Story, now: datetime, *, namespaces: bool) -> list[str]:
    """The Strategy in one line. A drift is more than the message of Ready, for there the bot runs well."""
    message = f"{one.drift.reason}: {one.drift.message}" if one.drift else one.message
    own = [
        one.name,
        one.ready,
        one.reason,
        one.mode,
        one.state,
        one.exchange,
        str(one.port or ""),
        one.revision,
        age(one.created, now),
        message,
    ]
    return [one.namespace, *own] if namespaces else own


def text(one: Story, now: datetime) -> str:
    """All of it."""
    return "\n".join(_lines(one, now))


def _lines(one: Story, now: datetime) -> Iterator[str]:
    yield _summary(one, now)
    yield from _section("Drift", _drift(one))
    yield from _section("Conditions", _conditions(one, now))
    yield from _section("Pods", _pods(one, now))
    yield from _section("Volume", _volume(one))
    yield from _section("Proxies, in order of preference", _proxies(one))
    yield from _section("Events", _events(one, now))
    yield from _section("Not readable", [f"  {words}" for words in one.unreadable])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from lines


def _summary(one: Story, now: datetime) -> str:
    since = f", for {age(one.since, now)}" if one.since else ""
    stale = "" if one.current else " (of an older spec: the operator has not come to the newest one)"
    more = f", and {len(one.pairs) - _PAIRS} more" if len(one.pairs) > _PAIRS else ""
    rows = [
        ("Strategy", f"{one.namespace}/{one.name}"),
        ("Ready", f"{one.ready}{since}{stale}"),
        ("Reason", f"{one.reason}: {one.message}" if one.reason else one.message),
        ("State", f"{one.state}, mode {one.mode}, updates {one.update_strategy}"),
        ("Trades", f"{one.strategy_name} on {one.exchange}, {one.timeframe}: {', '.join(one.pairs[:_PAIRS])}{more}"),
        ("Port", str(one.port) if one.port else "none yet"),
        ("URL", one.url),
        ("Image", one.image),
        ("Revision", _revision(one)),
    ]
    return "\n".join(f"{name:<11}{words}" for name, words in rows if words)


def _revision(one: Story) -> str:
    if not one.revision:
        return ""
    if one.ready_revision == one.revision:
        return f"{one.revision}, which the bot has been ready with"
    return f"{one.revision}, which the bot has not been ready with yet"


def _drift(one: Story) -> list[str]:
    if one.drift is None:
        return []
    lines = [f"  {one.drift.reason}: {one.drift.message}"]
    return [*lines, f"  look at it and agree: {one.drift.command}"] if one.drift.command else lines


def _conditions(one: Story, now: datetime) -> list[str]:
    if not one.conditions:
        return []
    rows = [[told.type, told.status, told.reason, age(told.since, now), told.message] for told in one.conditions]
    return [table(["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"], rows, "  ")]


def _pods(one: Story, now: datetime) -> list[str]:
    if not one.pods:
        return ["  none"]
    rows = [
        [pod.name, pod.role, pod.phase, "yes" if pod.ready else "no", str(pod.restarts), age(pod.created, now),
         pod.node, pod.revision]
        for pod in one.pods
    ]  # fmt: skip
    return [table(["NAME", "ROLE", "STATUS", "READY", "RESTARTS", "AGE", "NODE", "REVISION"], rows, "  ")]


def _volume(one: Story) -> list[str]:
    if one.volume is None:
        return []
    row = [one.volume.name, one.volume.phase, one.volume.size, one.volume.storage_class]
    return [table(["CLAIM", "STATUS", "SIZE", "CLASS"], [row], "  ")]


def _proxies(one: Story) -> list[str]:
    rows = [[proxy.name, proxy.healthy or "missing", proxy.message] for proxy in one.proxies]
    return [table(["NAME", "HEALTHY", "MESSAGE"], rows, "  ")] if rows else []


def _events(one: Story, now: datetime) -> list[str]:
    rows = [
        [age(event.last, now), event.type, event.reason, event.object,
         event.message + (f" (x{event.count})" if event.count > 1 else "")]
        for event in one.events[-_EVENTS:]
    ]  # fmt: skip
    return [table(["LAST", "TYPE", "REASON", "OBJECT", "MESSAGE"], rows, "  ")] if rows else []

"""`signals`: the newest signals, and with -f those that arrive."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from btcwatcher_plugin import api, kubectl, places
from btcwatcher_plugin.api import ApiError
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.event_stream import EventStream
from btcwatcher_plugin.kubectl import Kubectl
from btcwatcher_plugin.output import duration, say, warn

Signal = dict[str, Any]
Show = Callable[[Signal], None]

_LIST: Final = "/api/v1/signals/"
_STREAM: Final = "/api/v1/signals/stream"
_FOR_GOOD: Final = (400, 401, 403, 404, 422)
"""Answers that another try would not better."""
_PATIENCE: Final = httpx.Timeout(15.0, read=35.0)
"""A stream's heartbeat comes every ten seconds."""
_PAUSES: Final = (1, 2, 5, 10)


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    query = filters(client, parsed)
    show = _as_json if parsed.output == "json" else _as_line
    with api.connected(parsed, client) as there:
        # In the order of arrival the list ends where the stream goes on.
        order = "arrival" if parsed.follow else "time"
        page = there.get(_LIST, limit=max(parsed.limit, 1), order=order, **query)
    for signal in reversed(page["items"][: parsed.limit]):
        show(signal)
    if parsed.follow:
        _follow(parsed, client, EventStream(page["previous"]), query, show)
    elif not page["items"]:
        warn("there are no such signals")
    return 0


def filters(client: Kubectl, parsed: argparse.Namespace) -> dict[str, Any]:
    """As the API takes them. Without -A the signals are those of one namespace."""
    since = datetime.now(UTC) - timedelta(seconds=duration(parsed.since)) if parsed.since else None
    query: dict[str, Any] = {
        "strategy": places.identifier(client, parsed.name) if parsed.name else None,
        "namespace": None if parsed.name or parsed.all_namespaces else places.namespace(client),
        "pair": parsed.pair,
        "action": parsed.action,
        "type": parsed.type,
        "level": parsed.level,
        "since": since.isoformat() if since else None,
    }
    return {name: value for name, value in query.items() if value}


def line(signal: Signal) -> str:
    """One signal on one line."""
    fields = (
        str(signal["event_time"])[:19].replace("T", " "),
        signal["strategy_id"],
        signal["type"],
        signal.get("pair") or "",
        f"@ {signal['price']}" if signal.get("price") else "",
        f"{signal['level']} ({signal['strength']})" if signal.get("level") else "",
        f"{float(signal['profit_ratio']):+.2%}" if signal.get("profit_ratio") else "",
        signal.get("exit_reason") or signal.get("enter_tag") or " ".join((signal.get("message") or "").split()),
        "(recovered)" if signal.get("recovered") else "",
    )
    return "  ".join(field for field in fields if field)


def _as_line(signal: Signal) -> None:
    say(line(signal))


def _as_json(signal: Signal) -> None:
    say(json.dumps(signal, ensure_ascii=False))


def _follow(
    parsed: argparse.Namespace, client: Kubectl, stream: EventStream, query: dict[str, Any], show: Show
) -> None:
    """Every signal from the stream's place on, each once, until the user ends it. Raises ApiError when refused."""
    failures = 0
    while True:
        try:
            # A new way to the API each time: the pod behind the old one may be gone.
            with api.connected(parsed, client) as there:
                headers = {"Last-Event-ID": stream.last_id} if stream.last_id else {}
                with there.http.stream("GET", _STREAM, params=query, headers=headers, timeout=_PATIENCE) as answer:
                    if answer.status_code != httpx.codes.OK:
                        answer.read()
                        raise there.refused(answer)
                    failures = 0
                    for data in stream.events(answer.iter_bytes()):
                        show(json.loads(data))
        except (httpx.HTTPError, PluginError) as error:
            if isinstance(error, ApiError) and error.status in _FOR_GOOD:
                raise
            if not failures:
                warn(f"the signals are not to be had for the moment ({error}): trying again")
            time.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

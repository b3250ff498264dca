"""The spec of a fleet switch from the command line: pure."""

import argparse
import re
from typing import Any, Final

from btcwatcher_plugin.errors import PluginError

ACTIONS: Final = {"pause": "PauseEntries", "stop": "Stop", "close": "CloseTrades", "resume": "Resume"}

_TERM: Final = re.compile(
    r"\s*(?:(?P<set>[^\s,=!()]+)\s+(?P<how>in|notin)\s*\((?P<values>[^()]*)\)"
    r"|(?P<key>[^\s,=!()]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[^\s,=!()]*)"
    r"|(?P<absent>!)?\s*(?P<alone>[^\s,=!()]+))\s*(?:,|$)"
)


def spec_of(parsed: argparse.Namespace, requested_by: str) -> dict[str, Any]:
    """Raises PluginError for a selector that kubectl would not take either, and when nothing says which bots."""
    ways = (parsed.names, parsed.selector, parsed.mode, parsed.exchange)
    if not any(ways) and not parsed.all:
        raise PluginError("say which bots: by name, with -l, --mode or --exchange, or all of them with --all")
    if parsed.names and parsed.all_namespaces:
        raise PluginError("give names, or -A: a name is one of a namespace")
    spec: dict[str, Any] = {"action": ACTIONS[parsed.action], "requestedBy": requested_by, "reason": parsed.reason}
    if parsed.names:
        spec["strategies"] = list(dict.fromkeys(parsed.names))
    if parsed.selector:
        spec["selector"] = label_selector(parsed.selector)
    if parsed.mode:
        spec["modes"] = list(dict.fromkeys(parsed.mode))
    if parsed.exchange:
        spec["exchanges"] = list(dict.fromkeys(parsed.exchange))
    if parsed.order_type:
        spec["orderType"] = parsed.order_type
    if parsed.dry_run:
        spec["dryRun"] = True
    return spec


def label_selector(text: str) -> dict[str, Any]:
    """As kubectl's -l has it. Raises PluginError."""
    expressions, at = [], 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise PluginError(
                f"{text!r} is no selector of labels: desk=crypto, desk!=fx, 'desk in (a, b)', desk, !desk"
            )
        expressions.append(_expression(found))
        at = found.end()
    return {"matchExpressions": expressions}


def _expression(found: re.Match[str]) -> dict[str, Any]:
    if found["set"]:
        values = sorted({one.strip() for one in found["values"].split(",")})
        return {"key": found["set"], "operator": "In" if found["how"] == "in" else "NotIn", "values": values}
    if found["key"]:
        return {"key": found["key"], "operator": "NotIn" if found["sign"] == "!=" else "In", "values": [found["value"]]}
    return {"key": found["alone"], "operator": "DoesNotExist" if found["absent"] else "Exists"}

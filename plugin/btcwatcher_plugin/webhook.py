"""`webhook`: where and how signals of a Strategy are sent, with its token."""

import argparse
import json
from typing import Any

from btcwatcher_plugin import api, kubectl, places
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.output import say

_NO_TOKEN = "Only a trader or an admin is given it: ask an admin for an API key with the role trader."  # noqa: S105


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    identifier = places.identifier(client, parsed.name)
    with api.connected(parsed, client) as there:
        found = there.get(f"/api/v1/strategies/{identifier}/webhook")
    if parsed.output == "json":
        say(json.dumps(found, indent=2, ensure_ascii=False))
    elif parsed.output == "text":
        say(text(found))
    else:
        if found[parsed.output] is None:
            raise PluginError(f"the API does not show you the token of {identifier}", _NO_TOKEN)
        say(found[parsed.output])
    return 0


def text(found: dict[str, Any]) -> str:
    """All of it, with the token where the API gave it."""
    token = found["token"] or f"not shown to you. {_NO_TOKEN}"
    lines = [
        f"Strategy         {found['strategy_id']}",
        f"URL              {found['url']}",
        f"Token            {token}",
        f"Generation       {found['token_generation']} (spec.signals.tokenGeneration: raise it to change the token)",
    ]
    if found["signing_secret"]:
        lines.append(f"Signing secret   {found['signing_secret']} (the token, for senders by Standard Webhooks)")
    for title, field in (
        ("Try it", "curl"),
        ("TradingView, alert on a strategy", "tradingview_strategy_message"),
        ("TradingView, any other alert (here a long entry)", "tradingview_alert_message"),
    ):
        lines += ["", title, *(f"  {line}" for line in found[field].splitlines())]
    return "\n".join(lines)

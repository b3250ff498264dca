"""The examples: applied, and their Strategies watched until they are Ready."""

import asyncio
import json
from pathlib import Path
from typing import Any

from btcwatcher_local.loopback import HOST
from btcwatcher_local.stack.layout import REPOSITORY
from btcwatcher_local.stack.stack import Stack

EXAMPLES = REPOSITORY / "manifests" / "examples"
POLL_SECONDS = 0.5


async def apply_examples(stack: Stack, folder: Path = EXAMPLES) -> None:
    """`kubectl apply` of all manifests; namespaces first, whatever the files are called."""
    await stack.kubectl("apply", "-f", str(folder / "namespace.yaml"))
    # Where the catcher listens is this stack's own affair: on a real cluster the user makes these Secrets.
    stack.layout.channel_secrets.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": _secrets(stack)}))
    await stack.kubectl("apply", "-f", str(stack.layout.channel_secrets))
    await stack.kubectl("apply", "-f", str(folder))


def _secrets(stack: Stack) -> list[dict[str, Any]]:
    """What the example NotificationChannels name: both lead to the catcher."""
    mail = {
        "host": HOST,
        "port": str(stack.smtp_port),
        "security": "none",
        "from": "btcwatcher@localhost",
        "to": "desk@localhost",
    }
    hook = {"url": f"{stack.catcher_url.replace('http://', 'json://')}/hooks/pager"}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "trading"}, "stringData": data}
        for name, data in (("desk-mail", mail), ("pager-hook", hook))
    ]


async def follow_until_ready(stack: Stack) -> None:
    """Says each change of a Strategy's Ready condition until all are Ready or the stack fails."""
    told: dict[str, str] = {}
    while not stack.failed.is_set():
        items = json.loads(await stack.kubectl("get", "strategies", "-A", "-o", "json"))["items"]
        ready = 0
        for item in items:
            name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            condition = _ready(item)
            ready += condition.get("status") == "True"
            text = (
                f"{condition.get('reason', 'Pending')}: {condition.get('message', 'the operator has not seen it yet')}"
            )
            if told.get(name) != text:
                told[name] = text
                stack.progress.say(f"{name}  {text}")
        if items and ready == len(items):
            return
        await asyncio.sleep(POLL_SECONDS)


def _ready(strategy: dict[str, Any]) -> dict[str, Any]:
    conditions = strategy.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})

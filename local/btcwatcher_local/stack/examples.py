"""The example Strategies: applied, and watched until they are Ready."""

import asyncio
import json
from pathlib import Path
from typing import Any

from btcwatcher_local.stack.layout import REPOSITORY
from btcwatcher_local.stack.stack import Stack

EXAMPLES = REPOSITORY / "manifests" / "examples"
POLL_SECONDS = 0.5


async def apply_examples(stack: Stack, folder: Path = EXAMPLES) -> None:
    """`kubectl apply` of all manifests; namespaces first, whatever the files are called."""
    await stack.kubectl("apply", "-f", str(folder / "namespace.yaml"))
    await stack.kubectl("apply", "-f", str(folder))


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

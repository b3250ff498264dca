"""The chart as this stack installs it: the values of one machine, and what has to be there before."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from btcwatcher_local.loopback import HOST
from btcwatcher_local.stack.layout import REPOSITORY, command, freqtrade_python, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from btcwatcher_local.stack.stack import Stack

CHART = REPOSITORY / "helm" / "btc-watcher"
RELEASE = "btcwatcher"
NAMESPACE = "btcwatcher"
KEYS = ("webhook", "bot", "signing", "read-token")
KEYS_SECRET = "btcwatcher-keys"  # noqa: S105 - a name
DATABASE_SECRET = "btcwatcher-database"  # noqa: S105 - a name
TIMEOUT = "300s"
BASE_DOMAIN = "bots.localhost"
SCREEN_HOST = f"frequi.{BASE_DOMAIN}"

_EACH = {
    # Two cannot listen on one port of one address, not for a moment either.
    "replicas": 1,
    "updateStrategy": "Recreate",
    # Its pods end after the bots, which tell the API how they ended.
    "priorityClassName": "system-cluster-critical",
}


async def install(stack: Stack, exchange_defaults: dict[str, Any], values: Path | None) -> None:
    """Installs the chart and waits until its pods are Ready. `values`: a file of the user's, which wins.

    Raises ProcessEndedError with helm's words.
    """
    await _apply_secrets(stack)
    file = stack.layout.values
    file.write_text(json.dumps(local_values(stack, exchange_defaults), indent=2))
    await stack.helm(
        "upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace",
        "--values", str(file), *(["--values", str(values)] if values else []), "--wait", "--timeout", TIMEOUT,
    )  # fmt: skip


async def _apply_secrets(stack: Stack) -> None:
    """This folder's keys, so that tokens stay what they are when the cluster is another one, and where Postgres is."""
    keys = {name: stack.layout.key(name).read_bytes() for name in KEYS}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        _secret(KEYS_SECRET, keys),
        _secret(DATABASE_SECRET, {"uri": stack.database_url.encode()}),
    ]
    file = stack.layout.platform_secrets
    write_private(file, json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    await stack.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))


async def apply_exchange(stack: Stack, exchange_url: str) -> None:
    """The paper exchange's market data comes by the cache, as an exchange's would."""
    exchange = {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Exchange",
        "metadata": {"name": "binance"},
        "spec": {"upstreams": {"public": f"{exchange_url}/api/v3"}, "limits": {"weightPerMinute": 1_000_000}},
    }
    stack.layout.exchange.write_text(json.dumps(exchange))
    await stack.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(stack.layout.exchange))


def _secret(name: str, data: dict[str, bytes]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def local_values(stack: Stack, exchange_defaults: dict[str, Any]) -> dict[str, Any]:
    """All on loopback, where no name leads to a Service."""
    return {
        "keys": {"existingSecret": KEYS_SECRET},
        "database": {"existingSecret": {"name": DATABASE_SECRET}},
        "operator": {**_EACH, "metricsAddress": HOST, "metricsPort": _port(stack.operator_url)},
        "api": {
            **_EACH,
            "drainSeconds": 0,
            "host": HOST,
            "port": _port(stack.api_url),
            "collectorUrl": stack.collector_url,
        },
        "worker": {**_EACH, "host": HOST, "port": _port(stack.worker_url)},
        "collector": {
            **_EACH,
            "host": HOST,
            "port": _port(stack.collector_url),
            "botAddress": f"http://{HOST}:{{port}}",
        },
        "screen": _screen(stack),
        "market": {**_EACH, "host": HOST, "port": _port(stack.market_url), "url": stack.market_url},
        "bots": {
            "portRange": stack.pool,
            "listenAddress": HOST,
            "webhookUrl": stack.api_url,
            "baseDomain": BASE_DOMAIN,
            "url": {"scheme": "http", "port": stack.ingress_port},
            "exchangeDefaults": exchange_defaults,
        },
        # The embedded API server has no ValidatingAdmissionPolicies; the operator refuses just as well, by a condition.
        "policies": {"liveNeedsLabel": False},
        "capacity": {"prometheusUrl": stack.prometheus_url or os.environ.get("BTCWATCHER_PROMETHEUS_URL", "")},
    }


def _screen(stack: Stack) -> dict[str, Any]:
    if stack.frequi is None:
        return {"enabled": False}
    port, metrics_port = stack.screen_ports
    return {
        **_EACH,
        "enabled": True,
        "host": HOST,
        "port": port,
        "metricsPort": metrics_port,
        "publicUrl": stack.screen_url,
        "botAddress": f"http://{HOST}:{{port}}",
        # Containers are processes here: this one copies the folder as if it were in FreqUI's image.
        "frequi": {"path": str(stack.frequi)},
        "ingress": {"enabled": True, "host": SCREEN_HOST},
    }


def images() -> dict[str, object]:
    """Which local command stands for which image."""
    return {
        "btcwatcher/operator": {"command": [command("btcwatcher-operator")]},
        "btcwatcher/api": {"command": [command("btcwatcher-api")]},
        # Its containers bring a command of their own.
        "freqtradeorg/freqtrade": {"command": []},
        "btcwatcher/freqtrade": {
            "command": [str(freqtrade_python()), "-m", "btcwatcher_bot"],
            "env": {"PYTHONPATH": str(REPOSITORY / "images" / "freqtrade")},
        },
    }


def _port(url: str) -> int:
    # Every address of the stack names its port.
    return urlsplit(url).port or 0

"""Prometheus and Alertmanager as part of the stack, where their programs are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from btcwatcher_local.client.config import load_kubeconfig
from btcwatcher_local.loopback import HOST
from btcwatcher_local.monitoring import config
from btcwatcher_local.monitoring.programs import (
    Programs,
    alertmanager_command,
    find_all,
    prometheus_command,
    working_directory,
)
from btcwatcher_local.stack.layout import REPOSITORY, write_private
from btcwatcher_local.stack.ports import first_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from btcwatcher_local.monitoring.config import Target
    from btcwatcher_local.stack.stack import Stack, Wishes

RULES = REPOSITORY / "manifests" / "monitoring" / "rules" / "*.yaml"
KEY_NAME = "local-alertmanager"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What is started, and where it will listen."""

    programs: Programs
    scrape_seconds: int


def prepare(stack: Stack, wishes: Wishes, programs: Programs | None = None) -> Monitoring:
    """Chooses the ports, which others must be told of, and says what is not there."""
    if not wishes.monitoring:
        return Monitoring(Programs(None, None), wishes.scrape_seconds)
    found = programs or find_all()
    if sentence := found.missing:
        stack.monitoring_missing = sentence
        stack.progress.say(sentence)
    if found.prometheus is not None:
        port = first_free(wishes.prometheus_port, "Prometheus", stack.progress.say)
        stack.prometheus_url = f"http://{HOST}:{port}"
        if found.alertmanager is not None:
            port = first_free(wishes.alertmanager_port, "Alertmanager", stack.progress.say)
            stack.alertmanager_url = f"http://{HOST}:{port}"
    return Monitoring(found, wishes.scrape_seconds)


async def start_prometheus(stack: Stack, monitoring: Monitoring, kubelet_port: int) -> None:
    """Scrapes whatever this stack serves, which may yet have to start."""
    program = monitoring.programs.prometheus
    if not stack.prometheus_url or program is None:
        return
    stack.progress.say("starting Prometheus")
    folder = stack.layout.prometheus
    folder.mkdir(exist_ok=True)
    file = folder / "prometheus.yml"
    alertmanager = urlsplit(stack.alertmanager_url).netloc or None
    _write(file, config.prometheus(_targets(stack, kubelet_port), [RULES], alertmanager, monitoring.scrape_seconds))
    command = prometheus_command(program, file, folder / "data", urlsplit(stack.prometheus_url).netloc)
    await stack.keep(stack.program("prometheus", command, folder), restart=True)


async def start_alertmanager(stack: Stack, monitoring: Monitoring) -> None:
    """Tells the API of what fires, with an API key of its own."""
    program = monitoring.programs.alertmanager
    if not stack.alertmanager_url or program is None:
        return
    stack.progress.say("starting Alertmanager")
    folder = stack.layout.alertmanager
    folder.mkdir(exist_ok=True)
    key_file = stack.layout.key("alertmanager")
    arguments = ["key", KEY_NAME, "--role", "trader", "--file", str(key_file)]
    database = {"BTCWATCHER_DATABASE_URL": stack.database_url}
    await stack.process("btcwatcher-api", arguments, database, module=False, log_name="key").run()
    file = folder / "alertmanager.yml"
    _write(file, config.alertmanager(stack.api_url, key_file))
    command = alertmanager_command(program, file, folder / "data", urlsplit(stack.alertmanager_url).netloc)
    await stack.keep(stack.program("alertmanager", command, working_directory(program)), restart=True)


def _targets(stack: Stack, kubelet_port: int) -> list[Target]:
    return config.stack_targets(
        operator_url=stack.operator_url,
        api_url=stack.api_url,
        collector_url=stack.collector_url,
        worker_url=stack.worker_url,
        market_url=stack.market_url,
        kubelet=f"{HOST}:{kubelet_port}",
        kubelet_token=_kubelet_token(stack),
    )


def _kubelet_token(stack: Stack) -> Path | None:
    """A file with what the node lets in: whoever has the API server's token; None where that needs none."""
    token = load_kubeconfig(stack.layout.kubeconfig).token
    if token is None:
        return None
    file = stack.layout.key("kubelet-token")
    # The cluster may be another one than the last time.
    write_private(file, token)
    return file


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """As JSON, which is YAML."""
    file.write_text(json.dumps(content, indent=2))

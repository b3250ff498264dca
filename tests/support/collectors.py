"""The collector under test, in this process, with Strategies put in by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from btcwatcher_api.collector.service import CollectorService
from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.settings import load
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.names import split_strategy_id
from support.bots import BOT_KEY


def with_port(identifier: str, port: int = 8081, state: str = "Running", **signals: Any) -> dict[str, Any]:
    """A Strategy as far as the collector looks at it."""
    namespace, name = split_strategy_id(identifier)
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"signals": signals, "state": state},
        "status": {"port": port},
    }


@contextlib.asynccontextmanager
async def collecting(
    database_url: str, folder: Path, address: str, registry: Registry | None, **settings: Any
) -> AsyncIterator[CollectorService]:
    """A collector at work, in a hurry unless `settings` say otherwise. Without a registry it watches the cluster."""
    key_file = folder / "bot.key"
    key_file.write_bytes(BOT_KEY)
    hurried = {
        "collect_cycle_seconds": 0.3,
        "collect_backoff_seconds": 0.6,
        "collect_timeout_seconds": 20,
        "recover_after_seconds": 0,
        "recover_days": 3000,
        "retention_signals_days": 36_500,
        **settings,
    }
    loaded = load(CollectorSettings, database_url=database_url, bot_key_file=key_file, bot_address=address, **hurried)
    service = CollectorService(loaded, registry)
    working = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def figures(service: CollectorService, metric: str) -> dict[str, float]:
    """The series of a metric, by the Strategy's name; by its one label's value, or "", where it is no Strategy's."""
    families = text_string_to_metric_families(generate_latest(service.metrics.registry).decode())
    return {
        sample.labels.get("name", next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
        if sample.name == metric
    }

"""Merged figures stay what Prometheus reads."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from btcwatcher_api.metrics import Metrics
from btcwatcher_api.workers.figures import merged


def exposition(count: int) -> str:
    metrics = Metrics()
    for _ in range(count):
        metrics.signals.labels("entry", 'odd {"} level').inc()
        metrics.ingest_seconds.observe(0.02)
        metrics.duplicates.inc()
    return generate_latest(metrics.registry).decode()


def test_each_series_once_a_worker_and_each_family_in_one_piece() -> None:
    families = list(text_string_to_metric_families(merged({1: exposition(3), 0: exposition(2)})))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = {
        (sample.name, sample.labels.get("worker"), sample.labels.get("le")): sample.value
        for family in families
        for sample in family.samples
    }
    assert samples["btcwatcher_signals_total", "0", None] == 2
    assert samples["btcwatcher_signals_total", "1", None] == 3
    assert samples["btcwatcher_signals_duplicate_total", "1", None] == 3
    assert samples["btcwatcher_ingest_seconds_bucket", "1", "0.025"] == 3
    assert {family.type for family in families if family.name == "btcwatcher_ingest_seconds"} == {"histogram"}
    [signals] = [family for family in families if family.name == "btcwatcher_signals"]
    assert {sample.labels["level"] for sample in signals.samples if sample.name.endswith("_total")} == {'odd {"} level'}

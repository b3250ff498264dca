"""What a scrape says, read back with Prometheus' own parser."""

from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from btcwatcher_crds import names
from btcwatcher_local.loopback import free_port
from btcwatcher_operator.brake import Brake, Part
from btcwatcher_operator.cluster import NO_ANSWER
from btcwatcher_operator.endpoint import served
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.exchanges.collector import ExchangeCollector
from btcwatcher_operator.metrics import METRICS, Metrics
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.proxies.collector import ProxyCollector
from btcwatcher_operator.store import Key, Store
from btcwatcher_operator.workqueue import WorkQueue

KEY = Key("trading", "ema")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def strategy(version: int = 1) -> dict[str, Any]:
    return {
        "kind": "Strategy",
        "metadata": {"namespace": KEY.namespace, "name": KEY.name, "uid": "u", "resourceVersion": str(version)},
        "spec": {"mode": "DryRun", "state": "Running", "exchange": {"name": "binance"}},
        "status": {
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "CrashLooping"},
                {"type": "StorageReady", "status": "True", "reason": "Bound"},
            ]
        },
    }


def pod(restarts: int) -> dict[str, Any]:
    named = {"namespace": KEY.namespace, "name": names.pod(KEY.name), "labels": {names.LABEL_STRATEGY: KEY.name}}
    return {
        "kind": "Pod",
        "metadata": {**named, "uid": "p", "resourceVersion": "2"},
        "status": {"containerStatuses": [{"name": names.CONTAINER_BOT, "restartCount": restarts}]},
    }


def samples(metrics: Metrics) -> Samples:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def named(found: Samples, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for (sample, labels), value in found.items() if sample == name}


def value(found: Samples, name: str, /, **labels: str) -> float:
    """The one sample of this name that has these labels."""
    (only,) = [number for has, number in named(found, name).items() if labels.items() <= set(has)]
    return only


def test_every_metric_of_the_catalogue_is_served_with_its_kind_and_sentence() -> None:
    metrics = Metrics()
    store = Store()
    store.put(strategy())
    metrics.watch(store, PortPool(8081, 8090), Brake(5, store.count), lambda: 0)
    metrics.registry.register(ProxyCollector(ProxyBook()))
    metrics.registry.register(ExchangeCollector(ExchangeBook()))
    text = metrics.text().decode()
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.sentence}\n" in text
        assert f"# TYPE {metric.name} {metric.kind}\n" in text


def test_a_pod_that_is_being_deleted_is_told_of_also_when_its_strategy_is_gone() -> None:
    metrics, store = Metrics(), Store()
    metrics.watch(store, PortPool(8081, 8090), Brake(5, store.count), lambda: 0)
    store.put(strategy())
    store.put(pod(0))
    assert named(samples(metrics), "btcwatcher_strategy_pod_deletion_timestamp_seconds") == {}
    ending = pod(0)
    ending["metadata"] |= {"deletionTimestamp": "2026-11-27T12:00:00Z", "resourceVersion": "3"}
    store.put(ending)
    store.remove(strategy(2))
    assert value(samples(metrics), "btcwatcher_strategy_pod_deletion_timestamp_seconds", name="ema") == 1795780800


def test_a_strategys_series_come_and_go_with_it() -> None:
    metrics, store, ports = Metrics(), Store(), PortPool[Key](8081, 8090)
    metrics.watch(store, ports, Brake(5, store.count), lambda: 0)
    assert named(samples(metrics), "btcwatcher_strategy_info") == {}
    store.put(strategy())
    ports.allocate(KEY)
    found = samples(metrics)
    identity = {"namespace": "trading", "name": "ema"}
    info = {**identity, "mode": "DryRun", "state": "Running", "exchange": "binance", "port": "8081"}
    assert named(found, "btcwatcher_strategy_info") == {frozenset(info.items()): 1}
    assert value(found, "btcwatcher_strategy_condition", type="Ready", status="False", **identity) == 1
    assert value(found, "btcwatcher_strategy_condition", type="StorageReady", status="True", **identity) == 1
    reasons = named(found, "btcwatcher_strategy_ready_reason")
    assert reasons == {frozenset({**identity, "reason": "CrashLooping"}.items()): 1}, "of Ready alone"
    assert value(found, "btcwatcher_port_pool_size") == 10
    assert value(found, "btcwatcher_port_pool_used") == 1
    store.remove(strategy())
    ports.release(KEY)
    found = samples(metrics)
    assert named(found, "btcwatcher_strategy_info") == {}
    assert named(found, "btcwatcher_strategy_condition") == {}
    assert value(found, "btcwatcher_port_pool_used") == 0


def test_a_bots_restarts_are_its_pods() -> None:
    metrics, store = Metrics(), Store()
    metrics.watch(store, PortPool(8081, 8090), Brake(5, store.count), lambda: 0)
    store.put(strategy())
    assert named(samples(metrics), "btcwatcher_strategy_restarts") == {}, "no pod yet"
    store.put(pod(restarts=4))
    assert value(samples(metrics), "btcwatcher_strategy_restarts", namespace="trading", name="ema") == 4


def test_requests_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    for method, code in (("GET", "200"), ("GET", "200"), ("PATCH", "409"), ("PATCH", NO_ANSWER)):
        metrics.requested(method, code)
    found = samples(metrics)
    assert value(found, "rest_client_requests_total", method="GET", code="200") == 2
    assert value(found, "rest_client_requests_total", method="PATCH", code="<error>") == 1


def test_a_rollout_is_told() -> None:
    metrics, brake = Metrics(), Brake(5, lambda: 10)
    metrics.watch(Store(), PortPool[Key](8081, 8090), brake, lambda: 0)
    for number in range(3):
        brake.report(Key("trading", f"s{number}"), (number,), Part.FAILED, "new")
    brake.report(KEY, (3,), Part.WAITING, "new")
    brake.know()
    found = samples(metrics)
    parts = {"waiting": 1, "moving": 0, "done": 0, "failed": 3}
    assert {part: value(found, "btcwatcher_rollout_strategies", part=part) for part in parts} == parts
    assert value(found, "btcwatcher_rollout_stopped") == 1


async def test_the_queue_is_counted() -> None:
    metrics = Metrics()
    queue: WorkQueue[str] = WorkQueue(metrics)
    metrics.watch(Store(), PortPool(1, 2), Brake(5, lambda: 0), lambda: len(queue))
    for key in ("a", "b", "a"):
        queue.add(key)
    assert value(samples(metrics), "workqueue_depth", name="strategy") == 2
    assert value(samples(metrics), "workqueue_adds_total") == 2, "what waits already is not added again"
    key = await queue.get()
    queue.add(key)
    queue.add(key)
    queue.retry("c")
    queue.done(key)
    found = samples(metrics)
    assert value(found, "workqueue_depth") == 2
    assert value(found, "workqueue_adds_total") == 3
    assert value(found, "workqueue_retries_total") == 1
    assert value(found, "workqueue_queue_duration_seconds_count") == 1
    assert value(found, "workqueue_work_duration_seconds_count") == 1


def test_reconciles_are_counted_by_result() -> None:
    metrics = Metrics()
    metrics.reconciled("success", 0.02)
    metrics.reconciled("success", 0.02)
    metrics.reconciled("error", 3)
    found = samples(metrics)
    counted = {result: value(found, "controller_runtime_reconcile_total", result=result) for result in
               ("success", "requeue", "error")}  # fmt: skip
    assert counted == {"success": 2, "requeue": 0, "error": 1}
    assert value(found, "controller_runtime_reconcile_time_seconds_count", controller="strategy") == 3


async def test_it_is_served_with_health_and_readiness() -> None:
    port = free_port()
    ready = False
    problem = None
    async with served("127.0.0.1", port, Metrics(), lambda: ready, lambda: problem), aiohttp.ClientSession() as client:

        async def ask(path: str) -> tuple[int, str]:
            async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, await answer.text()

        assert (await ask("/healthz"))[0] == 200
        problem = "the watches are dead"
        assert await ask("/healthz") == (503, "the watches are dead\n")
        assert (await ask("/readyz"))[0] == 503
        ready = True
        assert (await ask("/readyz"))[0] == 200
        status, text = await ask("/metrics")
        assert status == 200
        assert "process_resident_memory_bytes" in text


async def test_port_zero_serves_nothing() -> None:
    async with served("127.0.0.1", 0, Metrics(), lambda: True, lambda: None):
        pass

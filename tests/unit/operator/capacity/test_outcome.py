"""What is written of an assessment, and what its metrics say of the same."""

from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from btcwatcher_crds.fleet_capacity import Advice, ExchangeBudget, FleetCapacityStatus, Forecast, NodeSlots, Slots
from btcwatcher_operator.capacity import outcome
from btcwatcher_operator.capacity.collector import CapacityCollector
from btcwatcher_operator.capacity.metrics import CAPACITY_METRICS
from btcwatcher_operator.cluster import ClusterError

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 27, 13, 0, tzinfo=UTC)
STATUS = FleetCapacityStatus(
    slots=Slots(used=3, free=4, free_with_largest_node_lost=-1, largest_node="n1"),
    binding="cpu",
    pending=0,
    nodes=[NodeSlots(name="n1", used=3, free=4, binding="cpu")],
    exchanges=[ExchangeBudget(name="binance", budget_per_address=3, addresses=1, used=3, free=0, over=0)],
    forecast=Forecast(growth_per_day="-0.50"),
    advice=[
        Advice(node_type="s", nodes=2, bots_per_node=14, cost_per_bot="2.1429", utilization_percent=72, unplaced=0)
    ],
    summary="3 bots placed",
)


def condition(status: dict[str, Any]) -> tuple[str, str, str]:
    (one,) = status["conditions"]
    return one["status"], one["reason"], one["lastTransitionTime"]


def test_a_first_status_and_the_same_an_hour_later() -> None:
    first = outcome.measured(STATUS, {}, NOW)
    assert condition(first) == ("True", "Measured", "2026-11-27T12:00:00Z")
    assert first["slots"] == {"used": 3, "free": 4, "freeWithLargestNodeLost": -1, "largestNode": "n1"}
    assert outcome.measured(STATUS, first, LATER) == first, "nothing to write"


def test_figures_stay_where_there_are_no_newer_ones() -> None:
    first = outcome.measured(STATUS, {}, NOW)
    forbidden = outcome.not_measured(ClusterError(403, "Forbidden", "nodes is forbidden"), first, LATER)
    assert condition(forbidden) == ("False", "Forbidden", "2026-11-27T13:00:00Z")
    assert forbidden["conditions"][0]["message"] == "nodes is forbidden"
    assert forbidden["slots"] == first["slots"]
    odd = outcome.not_measured(ClusterError(404, "NotFound", "x" * 5000), forbidden, LATER)
    assert condition(odd)[1] == "Unreadable"
    assert FleetCapacityStatus.model_validate(odd).conditions[0].message == "x" * 1024


def scraped(status: FleetCapacityStatus | None) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(CapacityCollector(lambda: (status, 1e9) if status is not None else None))
    lines = generate_latest(registry).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_the_metrics_say_the_same() -> None:
    found = scraped(STATUS)
    assert found['btcwatcher_capacity_slots{state="free"}'] == 4
    assert found["btcwatcher_capacity_slots_free_with_largest_node_lost"] == -1
    assert found['btcwatcher_capacity_exchange_bots{exchange="binance",state="used"}'] == 3
    assert found["btcwatcher_capacity_growth_bots_per_day"] == -0.5
    assert "btcwatcher_capacity_days_until_full" not in found, "it does not grow"
    assert found['btcwatcher_capacity_advice_cost_per_bot{node_type="s"}'] == 2.1429
    assert found['btcwatcher_capacity_advice_utilization_ratio{node_type="s"}'] == 0.72
    assert found["btcwatcher_capacity_measured_timestamp_seconds"] == 1e9


def test_before_the_first_reading_there_is_no_figure_but_when() -> None:
    assert scraped(None) == {"btcwatcher_capacity_measured_timestamp_seconds": 0}


def test_every_metric_has_its_kind_and_sentence() -> None:
    registry = CollectorRegistry()
    registry.register(CapacityCollector(lambda: (STATUS, 1e9)))
    text = generate_latest(registry).decode()
    for metric in CAPACITY_METRICS:
        assert f"# HELP {metric.name} {metric.sentence}\n" in text
        assert f"# TYPE {metric.name} {metric.kind}\n" in text

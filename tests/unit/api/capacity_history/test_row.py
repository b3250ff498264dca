"""What of the FleetCapacity, the nodes and the Strategies a row holds, and when there is none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_api.capacity_history.fleet import NoFiguresError, told
from btcwatcher_api.capacity_history.row import Row, row
from btcwatcher_api.cluster.capacity import Picture, picture

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MEASURED = {"type": "Measured", "status": "True", "reason": "Measured", "message": ""}
EMPTY = Picture((), (), 0)


def written(*strategies: dict[str, Any], seen: Picture = EMPTY, **status: Any) -> Row:
    whole = {"slots": {"used": 4, "free": 2}, "conditions": [MEASURED], **status}
    return row(NOW, told({"status": whole}), seen, strategies, (8081, 8090))


def strategy(port: int | None, ready: str = "True") -> dict[str, Any]:
    return {"status": {"port": port, "conditions": [{"type": "Ready", "status": ready}]}}


def test_ports_of_the_pool_count_once_each() -> None:
    found = written(strategy(8081), strategy(8081, "False"), strategy(9999), strategy(None), {})
    assert (found.strategies, found.ready, found.ports_used, found.ports) == (5, 3, 1, 10)


def test_nodes_that_take_nothing_are_left_out_and_without_any_there_is_no_ratio() -> None:
    assert (written().cpu_requested, written().memory_requested, written().pods_requested) == (None, None, None)
    nodes = [
        {
            "metadata": {"name": name},
            "spec": {"unschedulable": name == "cordoned"},
            "status": {
                "allocatable": {"cpu": "2", "memory": "1Gi", "pods": "10"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        for name in ("open", "cordoned")
    ]
    asked = {"resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}}
    pods = [
        {"metadata": {"name": "a", "namespace": "n"}, "spec": {"nodeName": name, "containers": [asked]}}
        for name in ("open", "cordoned", "cordoned")
    ]
    found = written(seen=picture(nodes, pods))
    assert (found.cpu_requested, found.memory_requested, found.pods_requested) == (0.25, 0.25, 0.1)


def test_what_the_operator_did_not_say_is_none() -> None:
    found = written()
    assert (found.slots_free_with_largest_node_lost, found.binding, found.pending) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"conditions": []}, "has not said"),
        (
            {"conditions": [{**MEASURED, "status": "False", "reason": "Unreadable", "message": "503"}]},
            "Unreadable: 503",
        ),
        ({"slots": None}, "no places"),
    ],
)
def test_figures_that_are_not_of_now_make_no_row(status: dict[str, Any], why: str) -> None:
    with pytest.raises(NoFiguresError, match=why):
        written(**status)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (None, "there is no FleetCapacity fleet"),
        ({}, "has no status"),
        ({"status": {}}, "has no status"),
        ({"status": {"slots": {"used": "many"}}}, "cannot be read: status.slots.used"),
        ({"status": {"binding": "luck"}}, "cannot be read: status.binding"),
    ],
)
def test_what_is_not_there_or_cannot_be_read_is_said(item: Any, why: str) -> None:
    with pytest.raises(NoFiguresError, match=why):
        told(item)

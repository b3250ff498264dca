"""What the Capacity dashboard shows of a fleet that has a past, a catalogue of node types and budgets of exchanges."""

import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from btcwatcher_crds.fleet_capacity import (
    Advice,
    DimensionSlots,
    ExchangeBudget,
    FleetCapacityStatus,
    Forecast,
    NodeSlots,
    Slots,
)
from btcwatcher_operator.capacity.collector import CapacityCollector
from btcwatcher_operator.metrics import STRATEGY_INFO
from support import dashboards, monitoring
from support.dashboards import Object, Prometheus, Span

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(monitoring.binary() is None, reason=monitoring.MISSING),
]

BOARD = "btcwatcher-capacity"
STRATEGIES = [
    ("desk", "ema", "Live", "Running", "binance", "8081"),
    ("desk", "rsi", "Live", "Running", "binance", "8082"),
    ("desk", "own", "DryRun", "Running", "kraken", "8083"),
]
FLEET = FleetCapacityStatus(
    slots=Slots(used=3, free=2, free_with_largest_node_lost=-1, largest_node="a"),
    binding="memory",
    dimensions=[DimensionSlots(dimension="memory", free=2), DimensionSlots(dimension="cpu", free=7)],
    nodes=[NodeSlots(name="a", used=2, free=1), NodeSlots(name="b", used=1, free=1)],
    exchanges=[ExchangeBudget(name="binance", budget_per_address=1, addresses=1, used=2, free=0, over=1)],
    forecast=Forecast(growth_per_day="0.25", days_until_full=8),
    advice=[
        Advice(
            node_type="large",
            nodes=1,
            bots_per_node=10,
            cost="25",
            cost_per_bot="2.5",
            utilization_percent=50,
            unplaced=0,
        ),
        Advice(node_type="unpriced", nodes=3, bots_per_node=2, utilization_percent=75, unplaced=1),
    ],
)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has scraped an operator that has assessed this fleet."""
    registry, now = CollectorRegistry(), time.time()
    registry.register(CapacityCollector(lambda: (FLEET, now)))
    info = Gauge(STRATEGY_INFO.name, STRATEGY_INFO.sentence, STRATEGY_INFO.labels, registry=registry)
    for labels in STRATEGIES:
        info.labels(*labels).set(1)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        job = monitoring.job("btcwatcher-operator", f"127.0.0.1:{server.server_port}")
        with monitoring.scraping(tmp_path_factory.mktemp("prometheus"), [job]) as url:
            yield Prometheus(url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shown(prometheus: Prometheus, title: str) -> list[dict[str, str]]:
    """The rows of a table, by the headings that its reader sees."""
    (panel,) = [one for one in dashboards.committed()[BOARD]["panels"] if one["title"] == title]
    organized: Object = panel["transformations"][-1]["options"]
    headings = {name: organized["renameByName"].get(name, name) for name in organized["includeByName"]}
    found: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
    for target in panel["targets"]:
        for series in prometheus.instant(dashboards.filled(target["expr"], {}, Span.last(60, 5))):
            row = found.setdefault(frozenset(series["metric"].items()), {})
            cells = {**series["metric"], f"Value #{target['refId']}": series["value"][1]}
            row |= {headings[name]: cell for name, cell in cells.items() if name in headings}
    return sorted(found.values(), key=lambda row: list(row.values()))


def test_every_panel_that_a_new_stack_leaves_empty_has_something_to_show(prometheus: Prometheus) -> None:
    panels = {
        f"{BOARD} / {panel['title']} / {target['refId']}": target["expr"]
        for panel, target in dashboards.queries(dashboards.committed()[BOARD])
    }
    span = Span.last(60, 5)
    assert panels.keys() >= dashboards.EMPTY_AT_FIRST
    for panel in dashboards.EMPTY_AT_FIRST:
        assert prometheus.instant(dashboards.filled(panels[panel], {}, span)), panel


def test_what_to_buy_is_a_row_for_each_node_type(prometheus: Prometheus) -> None:
    assert shown(prometheus, "What to buy") == [
        {
            "Node type": "large",
            "Nodes": "1",
            "Cost": "25",
            "Cost of a bot": "2.5",
            "Full": "0.5",
            "Too large": "0",
        },
        {"Node type": "unpriced", "Nodes": "3", "Full": "0.75", "Too large": "1"},
    ]


def test_nodes_are_told_one_by_one(prometheus: Prometheus) -> None:
    assert shown(prometheus, "Nodes") == [
        {"Node": "a", "Bots": "2", "Free": "1"},
        {"Node": "b", "Bots": "1", "Free": "1"},
    ]


def test_an_exchange_without_a_budget_is_shown_with_its_strategies_alone(prometheus: Prometheus) -> None:
    assert shown(prometheus, "Exchanges") == [
        {"Exchange": "binance", "Strategies": "2", "Free": "0", "Too many": "1"},
        {"Exchange": "kraken", "Strategies": "1"},
    ]

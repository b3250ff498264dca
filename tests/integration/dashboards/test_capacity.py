"""What the Capacity dashboard shows of a fleet that has a past, a catalogue of node types and budgets of exchanges."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from btcwatcher_operator import metrics
from btcwatcher_operator.capacity import metrics as capacity
from btcwatcher_operator.metrics import Metric
from support import dashboards, monitoring
from support.dashboards import Object, Prometheus, Span

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(monitoring.binary() is None, reason=monitoring.MISSING),
]

BOARD = "btcwatcher-capacity"
SERVED: dict[Metric, dict[tuple[str, ...], float]] = {
    metrics.STRATEGY_INFO: {
        ("desk", "ema", "Live", "Running", "binance", "8081"): 1,
        ("desk", "rsi", "Live", "Running", "binance", "8082"): 1,
        ("desk", "own", "DryRun", "Running", "kraken", "8083"): 1,
    },
    capacity.GROWTH: {(): 0.5},
    capacity.DAYS_UNTIL_FULL: {(): 12},
    capacity.EXCHANGE_BOTS: {("binance", "used"): 2, ("binance", "free"): 0, ("binance", "over"): 1},
    capacity.ADVICE_NODES: {("small",): 3, ("large",): 1},
    capacity.ADVICE_COST_PER_BOT: {("small",): 2, ("large",): 2.5},
    capacity.ADVICE_UTILIZATION: {("small",): 0.75, ("large",): 0.5},
    capacity.ADVICE_UNPLACED: {("small",): 1, ("large",): 0},
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has scraped an operator that tells all this."""
    registry = CollectorRegistry()
    for metric, samples in SERVED.items():
        gauge = Gauge(metric.name, metric.sentence, metric.labels, registry=registry)
        for labels, value in samples.items():
            (gauge.labels(*labels) if labels else gauge).set(value)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    folder = tmp_path_factory.mktemp("prometheus")
    try:
        job = monitoring.job("btcwatcher-operator", f"127.0.0.1:{server.server_port}")
        with monitoring.scraping(folder, [job]) as url:
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
        {"Node type": "large", "Nodes": "1", "Cost of a bot": "2.5", "Full": "0.5", "Too large": "0"},
        {"Node type": "small", "Nodes": "3", "Cost of a bot": "2", "Full": "0.75", "Too large": "1"},
    ]


def test_an_exchange_without_a_budget_is_shown_with_its_strategies_alone(prometheus: Prometheus) -> None:
    assert shown(prometheus, "Exchanges") == [
        {"Exchange": "binance", "Strategies": "2", "Free": "0", "Too many": "1"},
        {"Exchange": "kraken", "Strategies": "1"},
    ]

"""What Grafana's dashboard-linter asks of a dashboard, and what we ask beyond it."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from grafana_foundation_sdk.models import units

from support import dashboards, promql, served_metrics
from support.dashboards import Object

BOARDS = dashboards.committed()
UNITS = {value for name, value in vars(units).items() if name[0] != "_" and isinstance(value, str)}
# What cannot be anybody else's: our prefix, or a label value that only we have.
OURS = ("controller", "strategy"), ("name", "btcwatcher-operator"), ("container", "freqtrade")
JOINED_TO_OURS = 'and on (job, instance) leader_election_master_status{name="btcwatcher-operator"}'
COUNTING = ("rate", "irate", "increase")

pytestmark = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def variables(board: Object, kind: str = "") -> dict[str, Object]:
    return {one["name"]: one for one in board["templating"]["list"] if kind in ("", one["type"])}


def expressions(board: Object) -> list[tuple[str, str]]:
    """(panel, PromQL)."""
    return [(panel["title"], target["expr"]) for panel, target in dashboards.queries(board) if "expr" in target]


def asking(board: Object) -> list[Object]:
    """Panels but those of text."""
    return [panel for panel in board["panels"] if panel["type"] != "text"]


def test_it_is_known_by_its_file_and_not_edited_by_hand(board: Object) -> None:
    assert BOARDS[board["uid"]] is board
    assert board["editable"] is False
    assert board["tags"] == ["btcwatcher"]
    assert board["description"]
    assert "id" not in board


def test_sources_are_chosen_by_the_reader(board: Object) -> None:
    chosen = {(one["name"], one["label"], one["query"]) for one in variables(board, "datasource").values()}
    prometheus = ("prometheus_datasource", "Prometheus data source", "prometheus")
    postgres = ("postgres_datasource", "Postgres data source", "grafana-postgresql-datasource")
    asks_postgres = any("rawSql" in target for _, target in dashboards.queries(board))
    assert chosen == ({prometheus, postgres} if asks_postgres else {prometheus})
    for panel, target in dashboards.queries(board):
        kind = "postgres" if "rawSql" in target else "prometheus"
        assert panel["datasource"]["uid"] == target["datasource"]["uid"] == f"${{{kind}_datasource}}", panel["title"]


def test_every_panel_says_what_it_means_and_in_which_unit(board: Object) -> None:
    for panel in board["panels"]:
        assert panel["title"], panel
        assert len(panel["description"]) >= 25, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
    for panel in asking(board):
        assert panel["targets"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        for override in panel["fieldConfig"].get("overrides", ()):
            for setting in override["properties"]:
                assert setting["id"] != "unit" or setting["value"] in UNITS, panel["title"]


def test_series_have_names(board: Object) -> None:
    for panel, target in dashboards.queries(board):
        if target.get("format") not in ("table", "time_series"):
            assert target["legendFormat"] not in ("", "__auto"), panel["title"]
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = promql.grouped(target["expr"]) | ({"instance"} if " by " not in target["expr"] else set())
            assert named <= grouped, f"{panel['title']}: the legend names what the query drops"


def test_the_grid_is_tidy(board: Object) -> None:
    panels = board["panels"]
    assert len(panels) <= 16
    assert len({panel["title"] for panel in panels}) == len(panels), "a title is said once"
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    rows: dict[int, list[Any]] = {}
    for place in places:
        rows.setdefault(place["y"], []).append(place)
    for y, row in rows.items():
        assert sum(place["w"] for place in row) == 24, f"the row at {y} is as wide as the page"
        assert len({place["h"] for place in row}) == 1, f"the row at {y} is of one height"
        assert all(left["x"] + left["w"] == right["x"] for left, right in pairwise(sorted(row, key=lambda p: p["x"])))


def test_what_the_reader_chooses_is_defined_and_used(board: Object) -> None:
    text = json.dumps(board["panels"])
    used = {name for name in re.findall(r"\$\{?([a-z_]\w*)", text) if not name.startswith("__")}
    nested = {name for one in variables(board).values() for name in re.findall(r"\$(\w+)", str(one["query"]))}
    assert used | nested == set(variables(board))
    for variable in variables(board, "query").values():
        assert variable["refresh"] == 2, "on a change of the time shown"
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{[^}]*\})?, (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
        assert label in served_metrics.known()[metric]


def test_links_lead_to_our_dashboards(board: Object) -> None:
    for uid in re.findall(r"/d/([\w-]+)", json.dumps(board)):
        assert uid in BOARDS


def test_every_metric_and_label_is_one_that_is_served(board: Object) -> None:
    served = served_metrics.known()
    for title, expression in expressions(board):
        used = promql.selectors(expression)
        assert used, title
        labels: set[str] = set()
        for selector in used:
            assert selector.metric in served, f"{title}: {selector.metric}"
            own = served[selector.metric] | served_metrics.OF_A_TARGET
            labels |= own
            assert {label for label, _, _ in selector.matchers} <= own, f"{title}: {selector}"
        assert promql.grouped(expression) <= labels, title


def test_counters_are_shown_as_rates(board: Object) -> None:
    for title, expression in expressions(board):
        for selector in promql.selectors(expression):
            if selector.metric.endswith(("_total", "_bucket", "_sum", "_count")):
                assert selector.function in COUNTING, f"{title}: {selector.metric} only ever grows"
            if selector.function in ("rate", "irate"):
                assert selector.window == "$__rate_interval", f"{title}: {selector}"


def test_nobody_elses_series_are_shown(board: Object) -> None:
    """In place of the linter's `job` and `instance`, which say nothing where people name their jobs as they like."""
    for title, expression in expressions(board):
        for selector in promql.selectors(expression):
            ours = (
                selector.metric.startswith("btcwatcher_")
                or ":btcwatcher_" in selector.metric
                or any((label, value) in OURS for label, operator, value in selector.matchers if operator == "=")
            )
            assert ours or JOINED_TO_OURS in expression, f"{title}: {selector.metric}"

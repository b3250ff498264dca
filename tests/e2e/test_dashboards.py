"""Every query of every dashboard, asked of the Prometheus and the Postgres of a stack with real bots; none stays empty.

And that this Prometheus and its Alertmanager are what `make run` promises."""

import contextlib
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from btcwatcher_local.loopback import free_port
from support import alerts, dashboards, monitoring
from support.dashboards import Object, Span
from support.kubectl import REPOSITORY, until
from support.manifests import channel, namespace, secret, strategy
from support.stack import RunningStack

POOLS = ("21500-21549", "21550-21599")
BOARDS = dashboards.committed()
CHOSEN = {"namespace": ["desk"], "strategy": ["eager"], "currency": ["USDT"], "api": ["http://127.0.0.1:8000"]}
MONITORING = True
TARGETS = 6
STEP = 5
BELOW_ZERO = {"Free with a node lost", "Places for bots", "Growth a day"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.conformance,
    pytest.mark.timeout(600),
    # A stack and a Prometheus of its own, for which `make test` has no minutes left.
    pytest.mark.full,
    pytest.mark.skipif(monitoring.binary() is None, reason=monitoring.MISSING),
]


@dataclass(frozen=True, slots=True)
class Sources:
    """What Grafana would be given."""

    prometheus: dashboards.Prometheus
    postgres: psycopg.Connection[tuple[Any, ...]]
    began: float

    def span(self) -> Span:
        return Span(self.began, time.time(), STEP, monitoring.SCRAPE_SECONDS)

    def answer(self, target: Object) -> list[Any]:
        """What a panel has to show: numbers of series, or rows."""
        span = self.span()
        if "rawSql" in target:
            return self.rows(target)
        expression = dashboards.filled(target["expr"], CHOSEN, span)
        if target.get("instant"):
            numbers = [float(series["value"][1]) for series in self.prometheus.instant(expression)]
        else:
            series = self.prometheus.range(expression, span)
            numbers = [float(value) for one in series for _, value in one["values"]]
        return [number for number in numbers if not math.isnan(number)]

    def rows(self, target: Object) -> list[dict[str, Any]]:
        found = self.postgres.execute(dashboards.filled(target["rawSql"], CHOSEN, self.span()))
        columns = [column.name for column in found.description or ()]
        if target["format"] == "time_series":
            assert columns == ["time", "metric", "value"]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def sources(running: RunningStack) -> Iterator[Sources]:
    """A bot that trades, one that cannot start, a channel that works, one that does not, and a stranger at the door."""
    kubectl = running.kubectl
    began = time.time()
    catcher = running.catcher_url.replace("http://", "json://")
    kubectl.apply(
        namespace("desk"),
        secret("good", "desk", url=f"{catcher}/hooks/good"),
        secret("bad", "desk", url=f"json://127.0.0.1:{free_port()}/"),
        channel("good", "desk", "Apprise", strategies={}),
        channel("bad", "desk", "Apprise", strategies={}),
        strategy("eager", "desk"),
        strategy("broken", "desk", cls="Nobody"),
    )
    kubectl("-n", "desk", "wait", "--for=condition=Ready", "strategy/eager", "--timeout=240s", timeout=250)
    assert httpx.post(f"{running.api_url}/api/v1/signals/webhook/desk.eager", json={}).status_code == 401
    monitoring.until_up(running.prometheus_url, TARGETS)
    _alert(running)
    with psycopg.connect(_database(running), autocommit=True) as postgres:
        _read_only(postgres)
        yield Sources(dashboards.Prometheus(running.prometheus_url), postgres, began)


def _alert(running: RunningStack) -> None:
    """Says what the rule says after a quarter of an hour. Alertmanager waits ten seconds for more."""
    if monitoring.no_alertmanager():
        return
    labels = {"alertname": "BTCWatcherStrategyNotReady", "namespace": "desk", "name": "broken", "severity": "critical"}
    alert = {"labels": labels, "annotations": {"summary": "broken is not Ready"}}
    httpx.post(f"{running.alertmanager_url}/api/v2/alerts", json=[alert]).raise_for_status()


def _database(running: RunningStack) -> str:
    """As the API itself is told it."""
    environment = running.environment(running.listener(int(running.api_url.rpartition(":")[2])))
    return environment["BTCWATCHER_DATABASE_URL"].replace("+psycopg", "")


def _read_only(postgres: psycopg.Connection[tuple[Any, ...]]) -> None:
    """The user that the README tells people to make, with no right more."""
    text = (REPOSITORY / "manifests" / "monitoring" / "README.md").read_text()
    (statements,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    postgres.execute(statements)
    postgres.execute("SET ROLE grafana")


def test_every_panel_has_something_to_show(sources: Sources) -> None:
    asked = {
        f"{name} / {panel['title']} / {target['refId']}": target
        for name, board in BOARDS.items()
        for panel, target in dashboards.queries(board)
    }
    assert asked.keys() >= dashboards.EMPTY_AT_FIRST
    left = {panel: target for panel, target in asked.items() if panel not in dashboards.EMPTY_AT_FIRST}

    def none_left() -> bool:
        for panel in [panel for panel, target in left.items() if sources.answer(target)]:
            del left[panel]
        return not left

    try:
        until(none_left, "data in every panel", 90)
    except AssertionError:
        pytest.fail("nothing to show: " + "; ".join(left))


def _figures(sources: Sources, name: str) -> dict[str, float]:
    """By title, what the large figures of a dashboard say now."""
    return {
        panel["title"]: sources.answer(target)[-1]
        for panel, target in dashboards.queries(BOARDS[name])
        if panel["type"] == "stat" and "expr" in target
    }


def test_the_figures_are_right(sources: Sources) -> None:
    fleet = _figures(sources, "btcwatcher-fleet")
    assert (fleet["Strategies"], fleet["Not Ready"], fleet["Need a person"]) == (2, 1, 1)
    operator = _figures(sources, "btcwatcher-operator")
    assert (operator["Leaders"], operator["Replicas"], operator["Ports free"]) == (1, 1, 48)
    one = _figures(sources, "btcwatcher-strategy")
    assert one["State"] == 1
    assert 0 <= one["Trading loop"] < 60
    # freqtrade counts 99 % of the wallet, and not the stakes that wait in open orders.
    assert 500 < one["Balance"] < 1100
    signals = _figures(sources, "btcwatcher-signals")
    assert 0 < signals["Refused or failed"] <= 1, "the stranger was refused"


def test_no_panel_shows_what_cannot_be(sources: Sources) -> None:
    for name, board in BOARDS.items():
        for panel, target in dashboards.queries(board):
            if "rawSql" in target or panel["fieldConfig"]["defaults"].get("unit") == "locale":
                continue
            numbers = sources.answer(target)
            assert panel["title"] in BELOW_ZERO or min(numbers, default=0) >= 0, f"{name} / {panel['title']}"
            if panel["fieldConfig"]["defaults"]["unit"] == "percentunit":
                assert max(numbers) <= 1, f"{name} / {panel['title']}"


def test_what_the_reader_can_choose_is_there(sources: Sources) -> None:
    for board in BOARDS.values():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                (found,) = re.findall(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
                metric, label = found
                series = sources.prometheus.instant(dashboards.filled(metric, CHOSEN, sources.span()))
                assert CHOSEN[variable["name"]][0] in {one["metric"][label] for one in series}


def test_tables_link_to_the_bot_they_name(sources: Sources) -> None:
    """A link is made of the columns `Namespace` and `Strategy`."""
    for board in BOARDS.values():
        for panel, target in dashboards.queries(board):
            if "__data.fields.Strategy" in str(panel) and "rawSql" in target:
                assert {"Namespace", "Strategy"} <= set(sources.rows(target)[0]), panel["title"]


def test_every_process_is_scraped(sources: Sources) -> None:
    up = sources.prometheus.instant("up == 1")
    assert sorted(series["metric"]["job"] for series in up) == [
        "btcwatcher-api", "btcwatcher-collector", "btcwatcher-market", "btcwatcher-operator", "btcwatcher-worker",
        "kubelet",
    ]  # fmt: skip


def test_the_rules_are_evaluated(sources: Sources, running: RunningStack) -> None:
    groups = httpx.get(f"{running.prometheus_url}/api/v1/rules").json()["data"]["groups"]
    loaded = {rule["name"]: rule.get("lastError", "") for group in groups for rule in group["rules"]}
    assert loaded == dict.fromkeys(alerts.rules() | alerts.records(), "")


def test_the_api_and_the_operator_know_it(sources: Sources, running: RunningStack) -> None:
    for url in (running.api_url, running.operator_url):
        environment = running.environment(running.listener(int(url.rpartition(":")[2])))
        assert environment["BTCWATCHER_PROMETHEUS_URL"] == running.prometheus_url
    token = (running.folder / "keys" / "read-token").read_text()
    answer = httpx.get(f"{running.api_url}/api/v1/monitoring/system", headers={"Authorization": f"Bearer {token}"})
    (source,) = [one for one in answer.json()["sources"] if one["name"] == "prometheus"]
    assert source["state"] == "ok", answer.text


@pytest.mark.skipif(monitoring.no_alertmanager(), reason=monitoring.NO_ALERTMANAGER)
def test_an_alert_on_a_strategy_reaches_its_channel(sources: Sources, running: RunningStack) -> None:
    """From a metric to Alertmanager: tests/integration/api/notifications/test_alert_chain.py."""
    told = httpx.get(f"{running.prometheus_url}/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
    assert [one["url"] for one in told] == [f"{running.alertmanager_url}/api/v2/alerts"]

    def caught() -> bool:
        return any("BTCWatcherStrategyNotReady" in str(message) for message in running.caught("/hooks/good"))

    until(caught, "the alert at the catcher", 60)


@pytest.mark.skipif(monitoring.no_alertmanager(), reason=monitoring.NO_ALERTMANAGER)
def test_its_key_is_nobody_elses(running: RunningStack) -> None:
    key = running.folder / "keys" / "alertmanager"
    assert key.stat().st_mode & 0o777 == 0o600
    secret_text = key.read_text()
    for pid in running.processes():
        for told in ("cmdline", "environ"):
            # A probe's process may be gone already.
            with contextlib.suppress(OSError):
                assert secret_text not in Path(f"/proc/{pid}/{told}").read_text(errors="replace")
    assert secret_text not in running.output.read_text()
    assert not [file for file in (running.folder / "logs").iterdir() if secret_text in file.read_text(errors="replace")]

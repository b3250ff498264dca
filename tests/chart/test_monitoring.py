"""Monitors, rules and dashboards: off, on, and refused where the cluster does not know them."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
import yaml

from support import chart
from support.chart import CHART, REPOSITORY, merged, one, rendered
from support.chart_values import VARIANTS

MANIFESTS = REPOSITORY / "manifests/monitoring"
EVERYTHING = VARIANTS["everything"]
RELEASE_LIMIT = 1024 * 1024
"""Bytes that a Secret may hold: helm keeps a release in one."""


def test_nothing_of_it_is_there_unless_asked_for() -> None:
    kinds = {item["kind"] for item in rendered(knows=())}
    assert not kinds & {"ServiceMonitor", "PrometheusRule"}
    assert not [item for item in rendered(knows=()) if "dashboard" in item["metadata"]["name"]]


@pytest.mark.parametrize(
    ("key", "kind"),
    [("serviceMonitor", "ServiceMonitor"), ("prometheusRule", "PrometheusRule")],
)
def test_what_the_cluster_does_not_know_is_refused(key: str, kind: str) -> None:
    words = chart.refusal({"monitoring": {key: {"enabled": True}}}, knows=())
    assert f"monitoring.{key}.enabled is true, but the cluster does not know monitoring.coreos.com/v1/{kind}" in words
    assert "install the Prometheus operator first" in words


def test_each_process_is_scraped_under_the_name_that_alerts_know() -> None:
    monitors = [item for item in rendered(EVERYTHING, database={}) if item["kind"] == "ServiceMonitor"]
    services = [item for item in rendered(EVERYTHING, database={}) if item["kind"] == "Service"]
    jobs = {}
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["honorLabels"] is True
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        chosen = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [item for item in services if item["metadata"]["labels"].items() >= chosen]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        jobs[service["metadata"]["name"]] = endpoint["relabelings"][0]
    assert jobs == {
        name: {"targetLabel": "job", "replacement": name}
        for name in (f"btcwatcher-{part}" for part in ("operator", "api", "worker", "collector", "market", "screen"))
    }


def test_the_job_is_the_same_whatever_the_release_is_called() -> None:
    values = {"fullnameOverride": "desk", "monitoring": {"serviceMonitor": {"enabled": True}}}
    monitor = one(rendered(values), "ServiceMonitor", "desk-api")
    assert monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"] == "btcwatcher-api"


def test_what_is_about_the_platform_gets_no_namespace() -> None:
    """Otherwise only those would be told who listen to the platform's own namespace."""
    for monitor in (item for item in rendered(EVERYTHING, database={}) if item["kind"] == "ServiceMonitor"):
        (dropped,) = [each for each in monitor["spec"]["endpoints"][0]["relabelings"] if each.get("action")]
        assert dropped["action"] == "labeldrop"
        assert "namespace" in dropped["regex"].split("|")


def test_the_rules_are_those_of_the_rule_file() -> None:
    rule = one(rendered(EVERYTHING, database={}), "PrometheusRule", "btcwatcher-rules")
    assert rule["spec"] == yaml.safe_load((MANIFESTS / "rules/btcwatcher.yaml").read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_runbooks_get_their_address() -> None:
    prefix = "https://git.example.com/btc-watcher/blob/main/"
    values = {"monitoring": {"prometheusRule": {"enabled": True, "runbookPrefix": prefix}}}
    rule = one(rendered(values), "PrometheusRule", "btcwatcher-rules")
    alerts = [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    runbooks = [each["annotations"]["runbook_url"] for each in alerts]
    assert len(runbooks) > 15
    assert all((REPOSITORY / each.removeprefix(prefix)).is_file() for each in runbooks)


def test_dashboards_are_as_they_are_rendered() -> None:
    found = {
        name: (item["metadata"], json.loads(text))
        for item in rendered(EVERYTHING, database={})
        if item["kind"] == "ConfigMap" and "dashboard" in item["metadata"]["name"]
        for name, text in item["data"].items()
    }
    sources = {path.name: json.loads(path.read_text()) for path in (MANIFESTS / "dashboards").glob("*.json")}
    assert {name: board for name, (_, board) in found.items()} == sources
    for metadata, _ in found.values():
        assert metadata["labels"]["grafana_dashboard"] == "1"
        assert metadata["annotations"]["folder"] == "Trading"


def test_a_release_with_everything_on_fits_into_its_secret() -> None:
    """As helm stores it: values, every file of the chart and the manifest, as JSON, gzip and base64."""
    files = [path for path in CHART.rglob("*") if path.is_file()]
    release = {
        "name": "btcwatcher",
        "chart": {
            "templates": [{"name": str(path), "data": base64.b64encode(path.read_bytes()).decode()} for path in files],
        },
        "config": merged(EVERYTHING),
        "manifest": chart.text(4, json.dumps(EVERYTHING), chart.KNOWN),
    }
    stored = base64.b64encode(gzip.compress(json.dumps(release).encode(), 9))
    assert len(stored) < RELEASE_LIMIT // 2, f"{len(stored)} bytes"
    print(f"a release is stored as about {len(stored)} bytes")

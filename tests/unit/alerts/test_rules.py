"""The alert rules: each is shown to fire and to end, names what exists only, and says what to do. And the records."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds.render import fleet_capacity_crd
from support import alerts, promql, served_metrics
from support.monitoring import MISSING, binary

RULES = alerts.rules()
RECORDS = alerts.records()
KNOWN = {**served_metrics.known(), "up": frozenset[str]()}
# What other programs serve as well is ours by this label.
SHARED = {
    "controller": ("workqueue_", "controller_runtime_"),
    "name": ("leader_election_",),
    "job": ("up",),
    "container": ("container_",),
}
SEVERITIES = {
    "critical",
    "warning",
    '{{ if eq $labels.mode "Live" }}critical{{ else }}warning{{ end }}',
    '{{ if eq $labels.priority "P0" }}critical{{ else }}warning{{ end }}',
}

each = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
each_or_record = pytest.mark.parametrize("rule", [*RULES.values(), *RECORDS.values()], ids=[*RULES, *RECORDS])


def promtool(*arguments: str) -> str:
    program = binary("promtool")
    if program is None:
        pytest.skip(MISSING)
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules() -> None:
    assert f"{len(RULES) + len(RECORDS)} rules found" in promtool("check", "rules", str(alerts.RULES))


def test_each_alert_fires_and_ends_and_each_record_is_what_is_said(tmp_path: Path) -> None:
    files = alerts.write_for_promtool(tmp_path)
    assert promtool("test", "rules", *map(str, files)).count("SUCCESS") == len(RULES) + len(RECORDS)


def test_no_alert_lacks_a_case_and_no_case_one_of_its_sides() -> None:
    cases = alerts.cases()
    assert sorted(cases) == sorted(RULES)
    for name, case in cases.items():
        fired = max(_minutes(at) for at in case.firing)
        assert min(map(_minutes, case.silent)) < fired < max(map(_minutes, case.silent)), name


def test_records_have_cases_and_are_named_as_prometheus_documents() -> None:
    assert sorted(alerts.record_cases()) == sorted(RECORDS)
    for name in RECORDS:
        assert re.fullmatch(r"[a-z_]+:btcwatcher_[a-z_]+:[a-z0-9_]+", name), name


@each_or_record
def test_it_names_only_metrics_and_labels_that_are_served(rule: dict[str, Any]) -> None:
    for expression in alerts.expressions(rule):
        assert promql.selectors(expression)
        made = set(re.findall(r'label_replace\(\w+, "(\w+)"', expression))
        labels = set(made)
        for selector in promql.selectors(expression):
            assert selector.metric in KNOWN, selector.metric
            own = KNOWN[selector.metric] | served_metrics.OF_A_TARGET
            labels |= own
            assert {label for label, _, _ in selector.matchers} <= own, selector
        assert promql.grouped(expression) <= labels, expression


@each_or_record
def test_it_asks_for_ours_alone(rule: dict[str, Any]) -> None:
    for selector in promql.selectors(rule["expr"]):
        for label, prefixes in SHARED.items():
            if selector.metric.startswith(prefixes):
                assert label in {matched for matched, _, _ in selector.matchers}, selector


@each
def test_it_says_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"BTCWatcher[A-Za-z]+", rule["alert"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "runbook_url"}
    assert 15 < len(notes["summary"]) < 120
    assert len(notes["description"]) > 60
    assert notes["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


@each
def test_who_is_told_is_found_by_its_labels(rule: dict[str, Any]) -> None:
    case = alerts.cases()[rule["alert"]]
    for fired in (labels for firing in case.firing.values() for labels in firing):
        of_one = fired.keys() & {"mode", "proxy", "channel"} or (fired.keys() >= {"namespace", "name"})
        assert bool(of_one) is ("namespace" in fired), fired
        assert "instance" not in fired or rule["alert"] == "BTCWatcherTargetDown"


def test_runbooks_are_those_of_the_alerts() -> None:
    pages = {path.stem: path.read_text() for path in alerts.RUNBOOKS.glob("BTCWatcher*.md")}
    assert sorted(pages) == sorted(RULES)
    for name, page in pages.items():
        assert page.startswith(f"# {name}\n"), name
        assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["What it means", "How to look", "What to do"], name
        assert "```" in page, f"{name} has no command"
        assert len(page) < 3_000, f"{name} is read at night"


def test_what_runbooks_ask_of_the_fleets_capacity_is_there() -> None:
    document = fleet_capacity_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    asked = 0
    for page in alerts.RUNBOOKS.glob("BTCWatcher*.md"):
        for path in re.findall(r"fleetcapacity fleet[^']*-o jsonpath='([^']+)'", page.read_text()):
            of_each = document
            for word, field in re.findall(r"\{(range )?(\.[\w.]+)", path):
                found = _field(document if word else of_each, field)
                assert found is not None, f"{page.stem}: {field}"
                of_each = found["items"] if word else of_each
                asked += 1
    assert asked > 10


def _field(schema: Any, path: str) -> Any:
    for name in path.strip(".").split("."):
        schema = (schema or {}).get("properties", {}).get(name)
    return schema


def _minutes(at: str) -> int:
    return int(at.removesuffix("m"))

"""The alert and recording rules as they are committed, and the cases that show each of them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.kubectl import REPOSITORY

Object = dict[str, Any]

RULES = REPOSITORY / "manifests" / "monitoring" / "rules" / "btcwatcher.yaml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
_CASES = REPOSITORY / "tests" / "data" / "alerts.yaml"
_RECORD_CASES = REPOSITORY / "tests" / "data" / "records.yaml"
_ASKED = re.compile(r"""\bquery "([^"]+)"|printf "([^"]*\{[^"]*)\"""")


@dataclass(frozen=True, slots=True)
class Case:
    """One alert's series, and when it fires for whom."""

    series: dict[str, str]
    firing: dict[str, list[dict[str, str]]]
    silent: list[str]
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    """Summary and description, where they ask for more than the alert's own labels and value. One alert fires then."""


@dataclass(frozen=True, slots=True)
class RecordCase:
    """One record's series, and what is recorded when: labels in braces and the value."""

    series: dict[str, str]
    recorded: dict[str, dict[str, float]]


def rules() -> dict[str, Object]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in _all() if "alert" in rule}


def records() -> dict[str, Object]:
    """The recording rules by name."""
    return {rule["record"]: rule for rule in _all() if "record" in rule}


def _all() -> list[Object]:
    groups: list[Object] = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions(rule: Object) -> list[str]:
    """What it asks, its annotations' own queries too."""
    words = " ".join(rule.get("annotations", {}).values())
    return [rule["expr"], *((query or printed).replace("'", '"') for query, printed in _ASKED.findall(words))]


def cases() -> dict[str, Case]:
    return {name: Case(**case) for name, case in yaml.safe_load(_CASES.read_text()).items()}


def record_cases() -> dict[str, RecordCase]:
    return {name: RecordCase(**case) for name, case in yaml.safe_load(_RECORD_CASES.read_text()).items()}


def write_for_promtool(folder: Path) -> list[Path]:
    """A file for `promtool test rules` for each rule, beside one with what it needs: what nobody asks costs time."""
    files = []
    for name, rule in {**records(), **rules()}.items():
        plain = name.replace(":", "-")
        alone = folder / f"{plain}.rule.yaml"
        alone.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [*_records_of(rule), rule]}]}))
        shown = _record_test(name, record_cases()[name]) if "record" in rule else _test(rule, cases()[name])
        test = {"rule_files": [alone.name], "evaluation_interval": "1m", "tests": [shown]}
        files.append(folder / f"{plain}.test.yaml")
        files[-1].write_text(yaml.safe_dump(test))
    return files


def _records_of(rule: Object) -> list[Object]:
    asked = " ".join(expressions(rule))
    return [record for name, record in records().items() if name in asked]


def _test(rule: Object, case: Case) -> Object:
    alert = rule["alert"]
    nobody: list[dict[str, str]] = []
    expected = case.firing | dict.fromkeys(case.silent, nobody)
    return {
        "name": alert,
        "interval": "1m",
        "input_series": _series(case.series),
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}',
                "eval_time": at,
                "exp_samples": [{"labels": _alert(alert, labels), "value": 1} for labels in firing],
            }
            for at, firing in expected.items()
        ],
        "alert_rule_test": [
            {
                "alertname": alert,
                "eval_time": at,
                "exp_alerts": [
                    {
                        "exp_labels": case.firing[at][0],
                        "exp_annotations": {**words, "runbook_url": rule["annotations"]["runbook_url"]},
                    }
                ],
            }
            for at, words in case.said.items()
        ],
    }


def _record_test(record: str, case: RecordCase) -> Object:
    return {
        "name": record,
        "interval": "1m",
        "input_series": _series(case.series),
        "promql_expr_test": [
            {
                "expr": record,
                "eval_time": at,
                "exp_samples": [{"labels": f"{record}{labels}", "value": value} for labels, value in samples.items()],
            }
            for at, samples in case.recorded.items()
        ],
    }


def _series(values: dict[str, str]) -> list[Object]:
    assert all(isinstance(numbers, str) for numbers in values.values()), "to YAML a bare 0x20 is 32: quote it"
    return [{"series": name, "values": numbers} for name, numbers in values.items()]


def _alert(alert: str, labels: dict[str, str]) -> str:
    named = {"alertname": alert, "alertstate": "firing", **labels}
    return "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in named.items()) + "}"


def documented(first_line: str) -> Object:
    """A configuration of docs/notifications.md, known by its first line."""
    text = (REPOSITORY / "docs" / "notifications.md").read_text()
    blocks = [match[0] for match in re.finditer(r"(?:^ {4}.*\n)+", text, re.MULTILINE)]
    (block,) = [block for block in blocks if block.strip().startswith(first_line)]
    found: Object = yaml.safe_load(block)
    return found


def quick(folder: Path, *names: str) -> Path:
    """A file with these alerts as they are committed, without their patience, and all that is recorded for them."""
    found = [*records().values(), *({**rules()[name], "for": "1s"} for name in names)]
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "quick", "interval": "1s", "rules": found}]}))
    return file

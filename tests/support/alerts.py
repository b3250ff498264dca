"""The alert rules as they are committed, and the cases that show each of them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.kubectl import REPOSITORY

Object = dict[str, Any]

RULES = REPOSITORY / "manifests" / "monitoring" / "rules" / "btcwatcher.yaml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
_CASES = REPOSITORY / "tests" / "data" / "alerts.yaml"
_ASKED = re.compile(r"""(?:printf|query) "([^"]+)\"""")


@dataclass(frozen=True, slots=True)
class Case:
    """One alert's series, and when it fires for whom."""

    series: dict[str, str]
    firing: dict[str, list[dict[str, str]]]
    silent: list[str]


def rules() -> dict[str, Object]:
    groups: list[Object] = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def expressions(rule: Object) -> list[str]:
    """What it asks, its annotations' own queries too."""
    words = " ".join(rule["annotations"].values())
    return [rule["expr"], *(asked.replace("'", '"') for asked in _ASKED.findall(words) if "{" in asked)]


def cases() -> dict[str, Case]:
    return {name: Case(**case) for name, case in yaml.safe_load(_CASES.read_text()).items()}


def write_for_promtool(folder: Path) -> list[Path]:
    """A file for `promtool test rules` for each alert, beside one with its rule alone: what nobody asks costs time."""
    files = []
    for name, rule in rules().items():
        one = folder / f"{name}.rule.yaml"
        one.write_text(yaml.safe_dump({"groups": [{"name": name, "rules": [rule]}]}))
        test = {"rule_files": [one.name], "evaluation_interval": "1m", "tests": [_test(name, cases()[name])]}
        files.append(folder / f"{name}.test.yaml")
        files[-1].write_text(yaml.safe_dump(test))
    return files


def _test(alert: str, case: Case) -> Object:
    nobody: list[dict[str, str]] = []
    expected = case.firing | dict.fromkeys(case.silent, nobody)
    return {
        "name": alert,
        "interval": "1m",
        "input_series": [{"series": name, "values": str(values)} for name, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}',
                "eval_time": at,
                "exp_samples": [{"labels": _alert(alert, labels), "value": 1} for labels in firing],
            }
            for at, firing in expected.items()
        ],
    }


def _alert(alert: str, labels: dict[str, str]) -> str:
    named = {"alertname": alert, "alertstate": "firing", **labels}
    return "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in named.items()) + "}"

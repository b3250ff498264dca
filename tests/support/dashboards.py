"""The committed dashboards as Grafana reads them: variables and macros filled in, queries asked."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.kubectl import REPOSITORY

Object = dict[str, Any]
Values = Mapping[str, Sequence[str]]

FOLDER = REPOSITORY / "manifests" / "monitoring" / "dashboards"
EMPTY_AT_FIRST = {
    "btcwatcher-capacity / Free with a node lost / A",
    "btcwatcher-capacity / Places for bots / B",
    "btcwatcher-capacity / Full in / A",
    "btcwatcher-capacity / Growth a day / A",
    *(f"btcwatcher-capacity / What to buy / {query}" for query in "ABCDE"),
    "btcwatcher-capacity / Exchanges / B",
    "btcwatcher-capacity / Exchanges / C",
}
"""Dashboard, panel, query: of a second node, a past, a catalogue, a budget. A new stack has none of these."""


def committed(folder: Path = FOLDER) -> dict[str, Object]:
    """File name without its ending -> dashboard."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def queries(board: Object) -> list[tuple[Object, Object]]:
    """Each panel with each of its targets."""
    return [(panel, target) for panel in board["panels"] for target in panel.get("targets", ())]


@dataclass(frozen=True, slots=True)
class Span:
    """The time shown, in Unix seconds, and the seconds between two of its points."""

    start: float
    end: float
    step: int
    scrape: int = 1

    @classmethod
    def last(cls, seconds: float, step: int, scrape: int = 1) -> "Span":
        now = time.time()
        return cls(now - seconds, now, step, scrape)


def filled(query: str, values: Values, span: Span) -> str:
    """PromQL or SQL as Grafana sends it: its own variables, ours, and the Postgres source's macros."""
    seconds = round(span.end - span.start)
    ours = {
        "__rate_interval": f"{max(span.step + span.scrape, 4 * span.scrape)}s",
        "__interval": f"{span.step}s",
        "__range": f"{seconds}s",
    }
    query = re.sub(
        r"\$__timeGroupAlias\(([^,]+), \$__interval\)",
        rf'floor(extract(epoch from \1)/{span.step})*{span.step} AS "time"',
        query,
    )
    query = re.sub(
        r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN to_timestamp({span.start}) AND to_timestamp({span.end})", query
    )
    query = query.replace("$__timeFrom()", f"to_timestamp({span.start})")
    query = query.replace("$__timeTo()", f"to_timestamp({span.end})")
    query = re.sub(r"\$\{(\w+):sqlstring\}", lambda found: ",".join(f"'{one}'" for one in values[found[1]]), query)
    for name, text in ours.items():
        query = query.replace(f"${name}", text)
    return re.sub(r"\$\{?(\w+)\}?", lambda found: _plain(values[found[1]]), query)


def _plain(chosen: Sequence[str]) -> str:
    """Several values become a regular expression, as the Prometheus source has them."""
    return chosen[0] if len(chosen) == 1 else f"({'|'.join(chosen)})"


def legend(template: str, labels: Mapping[str, str]) -> str:
    """What Grafana calls a series."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), template)


class Prometheus:
    """Asks a running one. A query that it refuses is an AssertionError with its words."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def instant(self, expression: str) -> list[Object]:
        return self._ask("/api/v1/query", {"query": expression})

    def range(self, expression: str, span: Span) -> list[Object]:
        asked = {"query": expression, "start": str(span.start), "end": str(span.end), "step": str(span.step)}
        return self._ask("/api/v1/query_range", asked)

    def _ask(self, path: str, asked: Mapping[str, str]) -> list[Object]:
        answer = self._http.post(path, data=asked).json()
        assert answer["status"] == "success", f"{asked['query']}: {answer.get('error')}"
        result: list[Object] = answer["data"]["result"]
        return result

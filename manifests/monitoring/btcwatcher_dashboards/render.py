"""Writes the dashboards' JSON. `python -m btcwatcher_dashboards.render DIR` writes it; `make test` compares."""

import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import capacity, fleet, signals, strategy, the_operator


def dashboards() -> list[Dashboard]:
    """In the order in which people meet them."""
    return [
        fleet.dashboard(),
        strategy.dashboard(),
        capacity.dashboard(),
        signals.dashboard(),
        the_operator.dashboard(),
    ]


def rendered() -> dict[str, str]:
    """File name -> JSON of every dashboard."""
    return {
        f"{board.uid}.json": json.dumps(_plain(board), indent=2, ensure_ascii=False) + "\n" for board in dashboards()
    }


def _plain(board: Dashboard) -> dict[str, Any]:
    """Without the defaults that the SDK writes where Grafana's own types (npm's @grafana/schema) have no place for."""
    plain: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    for variable in plain["templating"]["list"]:
        for setting in ("auto", "auto_min", "auto_count"):
            del variable[setting]
    for panel in plain["panels"]:
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
    return plain


def main() -> None:
    directory = Path(sys.argv[1])
    for name, text in rendered().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()

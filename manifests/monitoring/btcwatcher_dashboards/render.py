"""Writes the dashboards' JSON. `python -m btcwatcher_dashboards.render DIR` writes it; `make test` compares."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import fleet, signals, strategy, the_operator


def dashboards() -> list[Dashboard]:
    """In the order in which people meet them."""
    return [fleet.dashboard(), strategy.dashboard(), signals.dashboard(), the_operator.dashboard()]


def rendered() -> dict[str, str]:
    """File name -> JSON of every dashboard."""
    return {
        f"{board.uid}.json": json.dumps(board, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for board in dashboards()
    }


def main() -> None:
    directory = Path(sys.argv[1])
    for name, text in rendered().items():
        (directory / name).write_text(text)


if __name__ == "__main__":
    main()

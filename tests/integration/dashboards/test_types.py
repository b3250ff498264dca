"""The committed dashboards are what Grafana's own types say a dashboard is."""

import copy
from pathlib import Path

import pytest

from support import dashboards, grafana_types

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not grafana_types.COMPILER.exists(), reason=grafana_types.MISSING),
]


def test_every_dashboard_and_panel_has_grafanas_types(tmp_path: Path) -> None:
    assert grafana_types.errors(dashboards.committed(), tmp_path) == []


def test_what_grafana_does_not_know_is_found(tmp_path: Path) -> None:
    board = copy.deepcopy(dashboards.committed()["btcwatcher-fleet"])
    first, *_, last = board["panels"]
    first["options"]["textMode"] = "shout"
    last["fieldConfig"]["defaults"]["units"] = "s"
    board["refreshes"] = "1m"
    found = "\n".join(grafana_types.errors({"fleet": board}, tmp_path))
    for word in ("shout", "units", "refreshes"):
        assert word in found

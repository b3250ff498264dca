"""The committed JSON is what the Python renders."""

from btcwatcher_dashboards.render import rendered
from support.dashboards import FOLDER


def test_the_committed_json_is_what_the_python_renders() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == rendered(), "run `make dashboards` and commit"

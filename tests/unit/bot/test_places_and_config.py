import itertools
import json
import socket
from pathlib import Path

import pytest

from btcwatcher_bot.places import settings_of, strategy_path
from btcwatcher_bot.ports import api_answers, port_error
from btcwatcher_bot.rendered import ConfigError, read_config
from btcwatcher_bot.synthetic import candles


def test_settings_fall_back() -> None:
    settings = settings_of({})
    assert (settings.hang_seconds, str(settings.termination_log)) == (300, "/dev/termination-log")
    settings = settings_of({"BTCWATCHER_HANG_SECONDS": "60", "BTCWATCHER_TERMINATION_LOG": "log"})
    assert (settings.hang_seconds, str(settings.termination_log)) == (60, "log")
    assert settings_of({"BTCWATCHER_HANG_SECONDS": "soon"}).hang_seconds == 300
    assert settings_of({"BTCWATCHER_HANG_SECONDS": "-1"}).hang_seconds == 300


def test_class_comes_from_the_revision_or_from_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "revision").mkdir()
    assert strategy_path() == Path("strategies")
    (tmp_path / "revision/strategy.py").touch()
    assert strategy_path() == Path("revision")


def test_rendered_config(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(ConfigError, match="is not mounted"):
        read_config(path)
    path.write_text("[]")
    with pytest.raises(ConfigError, match="not a JSON object"):
        read_config(path)
    path.write_text(json.dumps({"dry_run": False, "api_server": {"enabled": True, "listen_port": 8090}}))
    rendered = read_config(path)
    assert (rendered.dry_run, rendered.api_enabled, rendered.listen_port) == (False, True, 8090)


def test_taken_port_is_an_error_and_a_free_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"127.0.0.1:{port}" in (port_error("127.0.0.1", port) or "")
    assert port_error("127.0.0.1", port) is None
    assert not api_answers("0.0.0.0", port)  # noqa: S104


def test_synthetic_candles_are_ordinary() -> None:
    rows = candles(300, 1_700_000_040_000, 60_000)
    assert len(rows) == 300
    assert rows[-1][0] == 1_700_000_040_000
    assert all(after[0] - before[0] == 60_000 for before, after in itertools.pairwise(rows))
    assert all(low <= min(opening, close) <= max(opening, close) <= high for _, opening, high, low, close, _ in rows)
    assert all(before[4] == after[1] for before, after in itertools.pairwise(rows))
    assert min(row[5] for row in rows) > 0

from pathlib import Path

import pytest

from btcwatcher_bot import ports
from btcwatcher_bot.heartbeat import Liveness
from btcwatcher_bot.monitor import Monitor
from btcwatcher_bot.rendered import Rendered
from btcwatcher_bot.termination import Failure, Reason

RENDERED = Rendered(
    dry_run=True,
    api_enabled=True,
    listen_address="127.0.0.1",
    listen_port=1,
    heartbeat_interval=15,
    throttle=5,
)


def test_ready_needs_the_api_and_one_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    answers = False
    monkeypatch.setattr(ports, "api_answers", lambda address, port: answers)
    liveness = Liveness(patience=10)
    monitor = Monitor(RENDERED, liveness, tmp_path / "termination")

    answers = True
    monitor.look(1)
    assert not (tmp_path / "run/ready").exists(), "the API answers before the first round"
    answers = False
    liveness.heartbeat(2)
    monitor.look(2)
    assert not (tmp_path / "run/ready").exists()
    answers = True
    monitor.look(3)
    assert (tmp_path / "run/ready").exists()


def test_alive_goes_with_a_hang_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(ports, "api_answers", lambda address, port: True)
    liveness = Liveness(patience=10)
    monitor = Monitor(RENDERED, liveness, tmp_path / "termination")

    monitor.look(0)
    assert (tmp_path / "run/alive").exists(), "alive while it starts"
    liveness.heartbeat(100)
    monitor.look(111)
    assert monitor.hung
    assert not (tmp_path / "run/alive").exists()
    assert "has not come round for 11 s" in (tmp_path / "termination").read_text()
    liveness.heartbeat(112)
    monitor.look(112)
    assert not monitor.hung
    assert (tmp_path / "run/alive").exists()
    assert (tmp_path / "termination").read_text() == ""


def test_a_bot_that_stopped_trading_is_alive_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.setattr(ports, "api_answers", lambda address, port: True)
    liveness = Liveness(patience=10)
    why: Failure | None = Failure(Reason.STRATEGY_RAISES, "KeyError:\n close")
    monitor = Monitor(RENDERED, liveness, tmp_path / "termination", None, lambda: why)

    # In its first round already.
    liveness.heartbeat(1)
    liveness.stopped = True
    monitor.look(1)
    assert sorted(file.name for file in run.iterdir()) == ["alive", "started", "stopped"]
    assert (run / "stopped").read_text() == "BotStopped: StrategyRaises: KeyError: close\n"

    why = None
    monitor.look(2)
    assert (run / "stopped").read_text() == "BotStopped: it was told to, and not by its Strategy\n"

    liveness.stopped = False
    monitor.look(3)
    assert sorted(file.name for file in run.iterdir()) == ["alive", "ready", "started"]

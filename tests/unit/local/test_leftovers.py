import json
import subprocess
import time
from pathlib import Path

import pytest

from btcwatcher_local.stack.layout import Layout, make_key
from btcwatcher_local.stack.leftovers import AlreadyRunningError, record, stop_recorded, take_lock


def test_what_an_earlier_run_left_is_stopped(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "60"])
    record(tmp_path / "processes.json", [left.pid])
    assert stop_recorded(tmp_path / "processes.json") == 1
    assert left.wait(5) == -15
    assert not (tmp_path / "processes.json").exists()


def test_a_number_that_belongs_to_another_by_now_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    (tmp_path / "processes.json").write_text(json.dumps({str(other.pid): "Mon Jan 1 00:00:00 2001"}))
    assert stop_recorded(tmp_path / "processes.json") == 0
    time.sleep(0.1)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_one_stack_a_folder(tmp_path: Path) -> None:
    with take_lock(tmp_path / "lock"), pytest.raises(AlreadyRunningError, match="stop it first"):
        take_lock(tmp_path / "lock")
    take_lock(tmp_path / "lock").close()


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "webhook"
    make_key(path)
    key = path.read_text()
    make_key(path)
    assert path.read_text() == key
    assert len(key) >= 32
    assert key[0].isalpha()
    assert path.stat().st_mode & 0o077 == 0


def test_a_new_run_keeps_keys_and_drops_volumes(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "stack")
    layout.prepare()
    key = layout.key("bot").read_text()
    (layout.volumes / "pv").mkdir(parents=True)
    layout.prepare()
    assert layout.key("bot").read_text() == key
    assert not layout.volumes.exists()


def test_a_fresh_start_keeps_only_the_lock(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    (tmp_path / "node" / "pods").mkdir(parents=True)
    with take_lock(layout.lock_file):
        layout.clear()
    assert list(tmp_path.iterdir()) == [layout.lock_file]

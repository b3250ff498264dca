import json
from pathlib import Path

import pytest

from btcwatcher_bot.wanted_state import WantedState


class Bot:
    """Freqtrade's API, as far as it is told of states."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.answers = True

    def __call__(self, path: str, username: str, password: str) -> bool:
        self.told.append((path, username, password))
        return self.answers


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "api-server.json").write_text(json.dumps({"api_server": {"username": "u", "password": "p"}}))
    write(tmp_path / "state.json", "running")
    return tmp_path / "state.json"


def write(path: Path, state: str) -> None:
    path.write_text(json.dumps({"initial_state": state}))


def test_the_state_it_starts_in_is_not_told(state: Path) -> None:
    bot = Bot()
    WantedState(state, state.parent / "api-server.json", bot).look()
    assert bot.told == []


def test_a_change_is_told_once(state: Path) -> None:
    bot = Bot()
    wanted = WantedState(state, state.parent / "api-server.json", bot)
    write(state, "paused")
    wanted.look()
    wanted.look()
    assert bot.told == [("/api/v1/pause", "u", "p")]
    write(state, "running")
    wanted.look()
    assert bot.told[1:] == [("/api/v1/start", "u", "p")]


def test_what_is_not_taken_is_told_again(state: Path) -> None:
    bot = Bot()
    bot.answers = False
    wanted = WantedState(state, state.parent / "api-server.json", bot)
    write(state, "paused")
    wanted.look()
    bot.answers = True
    wanted.look()
    wanted.look()
    assert len(bot.told) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"initial_state": 5}', '{"initial_state": "elsewhere"}'])
def test_a_file_that_says_nothing_changes_nothing(state: Path, text: str) -> None:
    bot = Bot()
    wanted = WantedState(state, state.parent / "api-server.json", bot)
    state.write_text(text)
    wanted.look()
    state.unlink()
    wanted.look()
    assert bot.told == []

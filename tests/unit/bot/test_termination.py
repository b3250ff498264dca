import json
from pathlib import Path

import pytest

from btcwatcher_bot.termination import LIMIT_BYTES, Failure, Reason, to_json, write
from btcwatcher_crds.termination import Termination, TerminationReason, parse


def test_the_operator_knows_every_reason_and_no_other() -> None:
    assert {reason.value for reason in Reason} == {reason.value for reason in TerminationReason}


def test_the_operator_reads_what_the_wrapper_writes() -> None:
    text = to_json(Failure(Reason.PAIRS_MISSING, " freqtrade's “own” words\n", ("FOO/USDT",)))
    assert parse(text) == Termination(
        reason=TerminationReason.PAIRS_MISSING, message="freqtrade's “own” words", missing_pairs=["FOO/USDT"]
    )


@pytest.mark.parametrize("letter", ["x", "é", "行", "🚀", "\x00", '"', "\n"])
def test_long_words_are_cut_to_whole_characters_that_fit(letter: str) -> None:
    text = to_json(Failure(Reason.BOT_EXITED, "a" + letter * 10_000 + "b"))
    assert len(text.encode()) <= LIMIT_BYTES
    assert len(text.encode()) > LIMIT_BYTES - 64, "not more is cut than must be"
    assert json.loads(text)["message"].startswith("a" + letter)


def test_many_pairs_are_cut_whole() -> None:
    pairs = tuple(f"COIN{number}/USDT" for number in range(1000))
    said = json.loads(to_json(Failure(Reason.PAIRS_MISSING, "m" * 5000, pairs)))
    assert 50 < len(said["missingPairs"]) < 1000
    assert said["missingPairs"] == list(pairs[: len(said["missingPairs"])])


def test_write_replaces_empties_and_survives(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert write(path, Failure(Reason.BOT_EXITED, "x"))
    assert json.loads(path.read_text())["message"] == "x"
    assert write(path, None)
    assert path.read_text() == ""
    assert not write(tmp_path / "no" / "log", None)

"""The sign-in page's language."""

import pytest

from btcwatcher_api.screen.words import WORDS, language_of


@pytest.mark.parametrize(
    ("accept", "language"),
    [("", "en"), ("de, en;q=0.8", "en"), ("zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"), ("en-GB, zh", "en"), ("fr", "en")],
)
def test_the_first_language_that_there_is(accept: str, language: str) -> None:
    assert language_of(accept) == language


def test_both_languages_say_the_same_things() -> None:
    assert len({frozenset(words) for words in WORDS.values()}) == 1

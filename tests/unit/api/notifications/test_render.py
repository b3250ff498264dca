"""Messages by the default templates and by users' own."""

import pytest

from btcwatcher_api.notifications.subject import Kind
from btcwatcher_api.notifications.templates.render import check, render
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_api.signals.types import Priority, SignalType
from btcwatcher_crds.notification_channel import Language

EXIT = next(sample for sample in SAMPLES if sample.values.get("exit_reason") == "trailing_stop_loss")


def test_there_is_a_sample_of_every_kind_and_type() -> None:
    assert {sample.kind for sample in SAMPLES} == set(Kind)
    assert {sample.values["type"] for sample in SAMPLES if sample.kind is Kind.SIGNAL} == set(SignalType)


@pytest.mark.parametrize("language", Language)
def test_every_kind_has_words_in_every_language(language: Language) -> None:
    for sample in SAMPLES:
        rendered = render([sample], language=language)
        assert rendered.trouble is None
        assert rendered.message.title
        assert "\n" not in rendered.message.title
        assert rendered.message.body
        assert rendered.message.priority is sample.priority


def test_a_stop_loss_is_called_by_its_name_with_its_loss() -> None:
    english = render([EXIT], language=Language.ENGLISH).message
    chinese = render([EXIT], language=Language.CHINESE).message
    assert english.title == "Stop loss BTC/USDT -5.12% · ema-cross"
    assert "**Profit**: -5.12% (-5.10 USDT)" in english.body
    assert chinese.title == "止损 BTC/USDT -5.12% · ema-cross"
    assert "**盈亏**：-5.12%（-5.10 USDT）" in chinese.body


def test_a_template_of_the_users_own_says_what_it_says() -> None:
    rendered = render(
        [EXIT], language=Language.ENGLISH, template="{{ subject.pair }}\n*{{ subject.profit | percent }}*"
    )
    assert (rendered.message.title, rendered.message.body, rendered.trouble) == ("BTC/USDT", "*-5.12%*", None)


def test_a_template_that_fails_gives_the_default_and_says_why() -> None:
    rendered = render([EXIT], language=Language.ENGLISH, template="first\n{{ subject.pear }}")
    assert rendered.message == render([EXIT], language=Language.ENGLISH).message
    assert rendered.trouble is not None
    assert rendered.trouble.startswith("line 2: ")


def test_a_bad_template_is_told_by_its_line() -> None:
    assert check("{{ subject.pair }}") is None
    assert (check("ok\n{% if %}") or "").startswith("line 2: ")
    assert (check("ok\n\n{{ subject.pear }}") or "").startswith("line 3: ")


def test_several_are_told_together_and_p2_as_a_digest() -> None:
    group = render(SAMPLES[:3], language=Language.ENGLISH).message
    assert group.title == "3 messages: Entry order 1, Entered 1, Entry cancelled 1 · ema-cross"
    assert group.priority is Priority.P0
    quiet = [sample for sample in SAMPLES if sample.priority is Priority.P2]
    digest = render(quiet * 5, language=Language.ENGLISH).message
    assert digest.title.startswith(f"Digest: {5 * len(quiet)} messages · Entry cancelled 5, ")
    assert "- 5 × Entry cancelled · Weak · ema-cross" in digest.body
    assert f"- and {5 * len(quiet) - 10} more" in digest.body

"""What the audit log keeps of a command."""

from btcwatcher_api.screen.commands import said


def test_the_question_is_kept_while_it_is_short() -> None:
    assert said("", b"") == {}
    assert said("pairs_to_delete=BTC/USDT", b"") == {"query": "pairs_to_delete=BTC/USDT"}
    assert said("", b'{"tradeid":"7"}') == {"body": '{"tradeid":"7"}'}
    assert said("", b"x" * 5000) == {"body": "5000 bytes"}


def test_nothing_that_is_sent_keeps_the_row_from_being_written() -> None:
    assert said("", b"a\x00b\xff") == {"body": "ab�"}

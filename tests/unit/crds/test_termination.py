from btcwatcher_crds.termination import Termination, TerminationReason, parse


def test_a_message_of_the_wrapper_is_read() -> None:
    said = parse('{"reason": "PairsMissing", "message": "gone", "missingPairs": ["FOO/USDT"], "later": 1}')
    assert said == Termination(reason=TerminationReason.PAIRS_MISSING, message="gone", missing_pairs=["FOO/USDT"])


def test_anything_else_is_kept_as_it_is() -> None:
    assert parse("Killed") == Termination(reason=TerminationReason.BOT_EXITED, message="Killed")
    assert parse('{"reason": "NoSuchReason"}') == Termination(message='{"reason": "NoSuchReason"}')
    assert parse(" \n") is None

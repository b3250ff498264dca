import pytest

from btcwatcher_bot.exit_status import exit_status


@pytest.mark.parametrize(
    ("returned", "hung", "status"),
    [
        (0, False, 1),
        (None, False, 1),
        (2, False, 2),
        (1, False, 1),
        (130, False, 0),
        (130, True, 1),
        (256, False, 1),
        (-9, False, 1),
        ("freqtrade requires Python", False, 1),
    ],
)
def test_only_a_bot_that_was_asked_to_end_ends_well(returned: object, hung: bool, status: int) -> None:
    assert exit_status(returned, hung) == status

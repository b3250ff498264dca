"""What is read out of Events: why a bot has stopped, and why its pod is not made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from btcwatcher_operator.troubles import RETRIED_SECONDS, refused_words, stopped_words

POD = {"uid": "p"}


def unhealthy(message: str, second: int = 0, **fields: Any) -> dict[str, Any]:
    stamp = f"2026-11-23T10:00:{second:02}Z"
    return {"message": message, "lastTimestamp": stamp, "involvedObject": POD, **fields}


STOPPED = unhealthy("Readiness probe failed: BotStopped: StrategyRaises: the account is locked\n", 10)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], None),
        ([STOPPED], "StrategyRaises: the account is locked"),
        ([unhealthy("Liveness probe failed: ", 20), STOPPED], "StrategyRaises: the account is locked"),
        ([unhealthy("Readiness probe failed: ", 20), STOPPED], None),
        ([unhealthy("Readiness probe failed: ", 5), STOPPED], "StrategyRaises: the account is locked"),
        # As a newer kubelet writes them.
        (
            [
                {
                    "message": STOPPED["message"],
                    "eventTime": "2026-11-23T10:00:30.123456Z",
                    "lastTimestamp": None,
                    "involvedObject": POD,
                },
                unhealthy("Readiness probe failed: ", 20),
            ],
            "StrategyRaises: the account is locked",
        ),
        (
            [
                {
                    "message": STOPPED["message"],
                    "involvedObject": POD,
                    "eventTime": "2026-11-23T09:00:00.000000Z",
                    "series": {"lastObservedTime": "2026-11-23T10:00:40.000000Z"},
                },
                unhealthy("Readiness probe failed: ", 20),
            ],
            "StrategyRaises: the account is locked",
        ),
    ],
)
def test_what_the_readiness_probe_said_last(events: list[dict[str, Any]], words: str | None) -> None:
    others = unhealthy("Readiness probe failed: BotStopped: another", 50, involvedObject={"uid": "other"})
    assert stopped_words([*events, others], "p") == words


NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
QUOTA = 'pods "ema-0" is forbidden: exceeded quota: desk, requested: pods=1, used: pods=3, limited: pods=3'


def not_made(words: str, seconds: float = 0, uid: str = "s") -> dict[str, Any]:
    seen = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"create Pod ema-0 in StatefulSet ema failed error: {words}"
    return {"message": message, "lastTimestamp": seen, "involvedObject": {"uid": uid}}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], None),
        ([not_made(QUOTA)], QUOTA),
        ([not_made("it was another reason", 60), not_made(QUOTA)], QUOTA),
        ([not_made(QUOTA, uid="other")], None),
        ([not_made(QUOTA, RETRIED_SECONDS + 1)], None),
        ([{"message": "something else", "involvedObject": {"uid": "s"}}], None),
    ],
)
def test_why_a_pod_is_not_made(events: list[dict[str, Any]], words: str | None) -> None:
    assert refused_words(events, "s", NOW) == words

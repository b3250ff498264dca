from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from btcwatcher_bot.proxies import upstream
from btcwatcher_crds.conditions import ProxyReason
from btcwatcher_crds.proxy import Proxy, ProxyStatus
from btcwatcher_operator.proxies.outcome import LastTest, Outcome, due, event, last_test, status
from btcwatcher_operator.proxies.url import UrlError, normal

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
PASSED = Outcome(ProxyReason.TEST_PASSED, "answers", 12)
FAILED = Outcome(ProxyReason.TEST_FAILED, "does not")


def proxy(reported: Any = None, generation: int = 1, **annotations: str) -> Proxy:
    return Proxy.model_validate(
        {
            "metadata": {
                "name": "tokyo",
                "namespace": "desk",
                "generation": generation,
                "annotations": {f"btcwatcher.io/{name}": value for name, value in annotations.items()},
            },
            "spec": {"urlSecretRef": {"name": "px"}, "test": {"intervalSeconds": 60}},
            "status": reported or {},
        }
    )


def test_one_that_was_never_tested_is_due() -> None:
    assert due(proxy(), last_test(proxy()), NOW)


@pytest.mark.parametrize(("age", "expected"), [(59, False), (60, True), (-5, True)])
def test_due_after_its_interval_and_when_the_clock_was_set_back(age: float, expected: bool) -> None:
    assert due(proxy(), LastTest(NOW - timedelta(seconds=age), 1), NOW) is expected


def test_due_when_its_spec_changed() -> None:
    assert due(proxy(generation=2), LastTest(NOW, 1), NOW)


def test_due_when_somebody_asks_anew() -> None:
    last = LastTest(NOW - timedelta(seconds=5), 1, asked="first")
    assert not due(proxy(testRequestedAt="first"), last, NOW)
    assert due(proxy(testRequestedAt="second"), last, NOW)
    assert not due(proxy(), last, NOW), "one that took the wish back"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("2026-11-27T09:59:59Z", True), ("2026-11-27T09:59:50Z", False), ("now", False), ("2026-11-27", False)],
)
def test_a_restarted_operator_tells_by_the_time_whether_a_wish_was_met(asked: str, expected: bool) -> None:
    last = LastTest(NOW - timedelta(seconds=5), 1, told=False)
    assert due(proxy(testRequestedAt=asked), last, NOW) is expected


def test_the_status_keeps_the_latency_and_dates_only_a_change() -> None:
    first = status(proxy(), PASSED, NOW)
    assert first["latencyMilliseconds"] == 12
    assert first["conditions"][0] == {
        "type": "Healthy",
        "status": "True",
        "reason": "TestPassed",
        "message": "answers",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-27T10:00:00Z",
    }
    later = NOW + timedelta(seconds=60)
    second = status(proxy(first), FAILED, later)
    assert (second["latencyMilliseconds"], second["lastCheck"]) == (12, "2026-11-27T10:01:00.000Z")
    assert second["conditions"][0]["lastTransitionTime"] == "2026-11-27T10:01:00Z"
    third = status(proxy(second), FAILED, later + timedelta(seconds=60))
    assert third["conditions"] == second["conditions"]
    assert last_test(proxy(third)) == LastTest(later + timedelta(seconds=60), 1, told=False)
    ProxyStatus.model_validate(third)


def test_an_event_for_each_change_of_the_reason() -> None:
    told = event(proxy(), PASSED)
    assert told is not None
    assert (told.type, told.reason) == ("Normal", "TestPassed")
    assert event(proxy(status(proxy(), PASSED, NOW)), PASSED) is None
    told = event(proxy(status(proxy(), PASSED, NOW)), FAILED)
    assert told is not None
    assert (told.type, told.reason) == ("Warning", "TestFailed")


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy:3128",
        " socks5://me:p%40ss@proxy:1080\n",
        "socks5h://proxy",
        "http://[2001:db8::1]",
        "http://me@proxy",
        "",
        "proxy:3128",
        "https://proxy",
        "http://me:hunter2@proxy:port",
        "http://hunter2@",
        "http://[hunter2",
    ],
)
def test_operator_and_bot_take_the_same_urls(url: str) -> None:
    try:
        expected: object = upstream.parse("tokyo", url)
    except upstream.UrlError as error:
        expected = str(error)
    try:
        found: object = upstream.parse("tokyo", normal(url))
    except UrlError as error:
        found = str(error)
    assert found == expected
    assert "hunter2" not in str(found)

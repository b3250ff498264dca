from btcwatcher_bot.proxies.health import PROBE_AFTER, PROBE_AT_MOST, Fault, Health, at_fault
from btcwatcher_bot.proxies.upstream import Upstream

A, B, C = (Upstream(name, "http", "host", 1, "", "") for name in "abc")


def test_the_order_of_preference_while_all_work() -> None:
    assert Health().order([B, A, C]) == [B, A, C]


def test_one_that_failed_comes_last_and_is_still_tried() -> None:
    health = Health()
    assert health.failed(A, 0.0), "news"
    assert not health.failed(A, 1.0), "none"
    assert health.order([A, B, C]) == [B, C, A]
    health.failed(B, 0.0)
    health.failed(C, 0.0)
    assert health.order([A, B, C]) == [A, B, C]


def test_one_that_works_again_is_preferred_again() -> None:
    health = Health()
    health.failed(A, 0.0)
    assert health.works(A), "news"
    assert not health.works(A), "none"
    assert health.order([A, B]) == [A, B]


def test_probes_come_less_often_and_never_stop() -> None:
    health = Health()
    health.failed(A, 0.0)
    assert health.due([A, B], PROBE_AFTER - 0.1) == []
    now, gaps = PROBE_AFTER, []
    for _ in range(6):
        assert health.due([A, B], now) == [A]
        health.failed(A, now)
        gap = 0.0
        while not health.due([A, B], now + gap):
            gap += 1.0
        gaps.append(gap)
        now += gap
    assert gaps == [10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    assert gaps[-1] == PROBE_AT_MOST


def test_many_connections_that_fail_together_are_one_failure() -> None:
    health = Health()
    for _ in range(20):
        health.failed(A, 0.0)
    assert health.due([A], PROBE_AFTER) == [A]


def test_one_whose_url_changed_starts_with_a_clean_record() -> None:
    health = Health()
    health.failed(A, 0.0)
    changed = Upstream("a", "http", "host", 2, "", "")
    assert health.order([changed, B]) == [changed, B]
    assert health.due([changed, B], 100.0) == [], "and the old one is forgotten"
    assert health.order([A, B]) == [A, B]


def test_who_is_to_blame() -> None:
    failures = [(A, Fault.DESTINATION), (B, Fault.TIMEOUT)]
    assert at_fault(failures, another_got_through=True) == failures
    assert at_fault(failures, another_got_through=False) == [(B, Fault.TIMEOUT)], "perhaps it is the exchange"

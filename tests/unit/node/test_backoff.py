"""Restart back-off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from btcwatcher_local.node.backoff import advanced, effective, restart_at, spoken

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_doubles_from_base_to_cap() -> None:
    held = None
    seconds = []
    for _ in range(7):
        held = advanced(held, NOW, 10, 300)
        seconds.append(held.seconds)
    assert seconds == [10, 20, 40, 80, 160, 300, 300]


def test_none_is_no_wait() -> None:
    assert restart_at(None, NOW) == NOW


def test_reset_after_a_good_run() -> None:
    held = advanced(None, NOW, 10, 300)
    assert effective(held, NOW + timedelta(seconds=599), 600) is held
    assert effective(held, NOW + timedelta(seconds=601), 600) is None


@pytest.mark.parametrize(("seconds", "words"), [(10, "10s"), (80, "1m20s"), (300, "5m0s"), (0.5, "500ms")])
def test_spoken_as_the_kubelet_does(seconds: float, words: str) -> None:
    assert spoken(seconds) == words

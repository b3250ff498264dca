"""What `btcwatcher-api check` makes of a Lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.aio.client import V1LeaseSpec

from btcwatcher_api.check import held

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def lease(age_seconds: int) -> V1LeaseSpec:
    renewed = NOW - timedelta(seconds=age_seconds)
    return V1LeaseSpec(holder_identity="a", renew_time=renewed, lease_duration_seconds=15)


@pytest.mark.parametrize(
    ("spec", "right", "words"),
    [
        (
            lease(14),
            True,
            "a",
        ),
        (lease(-9), True, "a"),
        (
            lease(31),
            False,
            "31 s",
        ),
        (V1LeaseSpec(holder_identity="", renew_time=NOW, lease_duration_seconds=15), False, "nobody"),
        (V1LeaseSpec(holder_identity="a"), False, "never"),
        (None, False, "nobody"),
    ],
)
def test_a_lease_is_held_while_it_is_renewed(spec: V1LeaseSpec | None, right: bool, words: str) -> None:
    is_right, said = held(spec, NOW)
    assert is_right is right
    assert words in said

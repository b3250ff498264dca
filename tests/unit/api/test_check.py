"""What `btcwatcher-api check` makes of a Lease."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from btcwatcher_api.check import held

if TYPE_CHECKING:
    from btcwatcher_api.cluster.core import Object

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def lease(age_seconds: int) -> Object:
    renewed = (NOW - timedelta(seconds=age_seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"holderIdentity": "a", "renewTime": renewed, "leaseDurationSeconds": 15}


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
        ({**lease(0), "holderIdentity": ""}, False, "nobody"),
        ({"holderIdentity": "a"}, False, "never"),
        ({}, False, "nobody"),
    ],
)
def test_a_lease_is_held_while_it_is_renewed(spec: Object, right: bool, words: str) -> None:
    is_right, said = held(spec, NOW)
    assert is_right is right
    assert words in said

"""Values that do not fit together are refused with a sentence that says what to do."""

from typing import Any

import pytest

from support import chart


def test_a_database_has_to_be_named() -> None:
    words = chart.refusal({}, database={})
    assert "name the Secret with Postgres' address in database.existingSecret.name" in words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"database": {"bundled": {"enabled": True}}}, "exclude each other"),
        ({"bots": {"gateway": {"name": "public"}, "baseDomain": "bots.example.com"}}, "go together"),
        ({"bots": {"gateway": {"name": "public", "namespace": "gateways"}}}, "needs bots.baseDomain"),
        ({"capacity": {"prometheusTokenSecret": {"name": "token"}}}, "needs capacity.prometheusUrl"),
        ({"bots": {"portRange": "9080-8081"}}, "8081-9080"),
        ({"api": {"retention": {"signals": 30}}}, "35"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: dict[str, Any], words: str) -> None:
    assert words in chart.refusal(values)

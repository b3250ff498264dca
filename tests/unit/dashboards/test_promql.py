"""The finder of names finds them all: the rules for dashboards rest on it."""

import pytest

from support.promql import Selector, grouped, selectors


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("up", ["up"]),
        ('sum by (a) (rate(x_total{b="c, d(e)"}[$__rate_interval])) / sum(y) > 0', ["x_total", "y"]),
        ("max by (n) (a) unless on (n) b or vector(0)", ["a", "b"]),
        ("time() - max(c) * on () group_left () (d - 1)", ["c", "d"]),
        ("60 * sum(increase(e_total[1h]))", ["e_total"]),
    ],
)
def test_metrics(expression: str, metrics: list[str]) -> None:
    assert [selector.metric for selector in selectors(expression)] == metrics


def test_what_stands_around_a_metric() -> None:
    (found,) = selectors('sum by (le) (rate(x_bucket{a=~"$b",c!="d"}[$__rate_interval]))')
    assert found == Selector("x_bucket", (("a", "=~", "$b"), ("c", "!=", "d")), "$__rate_interval", "rate")


def test_labels_that_are_grouped_by() -> None:
    assert grouped("sum by (a, b) (x) and on (c) y") == {"a", "b", "c"}

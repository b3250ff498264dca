"""Which parts of a role its writer does not have."""

from __future__ import annotations

import pytest

from btcwatcher_local.apiserver.access.escalation import described, uncovered
from btcwatcher_local.apiserver.access.rbac import Rule

PODS = Rule(("get", "list"), ("",), ("pods",))
ALL = Rule(("*",), ("*",), ("*",))


@pytest.mark.parametrize(
    ("held", "wanted", "missing"),
    [
        ([ALL], PODS, []),
        ([PODS], PODS, []),
        ([Rule(("get",), ("",), ("pods",)), Rule(("list",), ("",), ("*",))], PODS, []),
        ([PODS], Rule(("get",), ("",), ("pods",), ("mine",)), []),
        (
            [Rule(("get",), ("",), ("pods",), ("mine",))],
            Rule(("get",), ("",), ("pods",)),
            ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
        ),
        ([PODS], ALL, ['{APIGroups:["*"], Resources:["*"], Verbs:["*"]}']),
        ([Rule(("get",), ("",), ("*/log",))], Rule(("get",), ("",), ("pods/log",)), []),
        ([ALL], Rule(("get",), urls=("/metrics",)), ['{NonResourceURLs:["/metrics"], Verbs:["get"]}']),
        ([Rule(("get",), urls=("/m*",))], Rule(("get",), urls=("/metrics", "/m/*")), []),
        (
            [],
            Rule(("get", "list"), ("", "apps"), ("x",)),
            [
                '{APIGroups:[""], Resources:["x"], Verbs:["get" "list"]}',
                '{APIGroups:["apps"], Resources:["x"], Verbs:["get" "list"]}',
            ],
        ),
    ],
)
def test_what_is_missing(held: list[Rule], wanted: Rule, missing: list[str]) -> None:
    assert described(uncovered(held, [wanted])) == missing

"""Which rules an aggregated ClusterRole gets."""

from __future__ import annotations

from typing import Any

from btcwatcher_local.controllers.clusterroles import aggregated

PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
BOTS = {"apiGroups": ["btcwatcher.io"], "resources": ["strategies"], "verbs": ["get"]}
DESK = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}


def role(name: str, *rules: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules) or None}


def test_rules_of_all_that_are_found_each_once_by_name() -> None:
    view = {
        **role("view", DESK, view="yes"),
        "aggregationRule": {
            "clusterRoleSelectors": [
                {"matchLabels": {"view": "yes"}},
                {"matchExpressions": [{"key": "desk", "operator": "Exists"}]},
            ]
        },
    }
    roles = [role("z", BOTS, view="yes"), role("a", PODS, BOTS, view="yes"), role("d", DESK, desk=""), role("o", DESK)]
    # Its own rules are not among them, for it would never lose one.
    assert aggregated(view, [view, *roles]) == [PODS, BOTS, DESK]
    assert aggregated({**view, "aggregationRule": {}}, roles) == []

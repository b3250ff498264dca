"""What a user has once the chart is installed: its notes, and `helm test`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from support import chart
from support.chart import A_DATABASE, CHART, HELMS, NAMESPACE, RELEASE, merged, one, rendered


@cache
def _notes(values: str) -> str:
    """By helm 4: helm 3 needs a cluster for it."""
    command = ("install", RELEASE, str(CHART), "-n", NAMESPACE, "--dry-run=client", "--values", "-")
    return chart.helm(HELMS[0], *command, stdin=values).partition("\nNOTES:\n")[2]


def notes(values: dict[str, Any]) -> str:
    return _notes(json.dumps(values))


def test_the_notes_say_how_to_go_on() -> None:
    said = notes(dict(A_DATABASE))
    for word in (
        "helm test btcwatcher --namespace btcwatcher",
        "port-forward service/btcwatcher-api 8000",
        "/api/v1/auth/register",
        "get secret btcwatcher-keys --output 'go-template={{index .data \"read-token\" | base64decode}}'",
        "/api/v1/signals/",
        "kubectl get strategies",
        "8081-9080",
        "helm uninstall leaves the kinds and with them every Strategy, the bots' volumes, the Secret btcwatcher-keys,",
        "Nobody is told when something fails",
    ):
        assert word in said
    assert "bundled" not in said


def test_the_notes_warn_of_the_bundled_database() -> None:
    said = notes({"database": {"bundled": {"enabled": True}}})
    assert "WARNING: the bundled Postgres is for trying out. It has no replica and no backup" in said


def test_the_notes_follow_the_values() -> None:
    said = notes(
        merged(
            A_DATABASE,
            {
                "namespaces": ["desk"],
                "api": {"publicUrl": "https://btcwatcher.example.com", "registration": "closed"},
                "bots": {"portRange": "20000-20099", "baseDomain": "bots.example.com"},
                "keys": {"existingSecret": "ours"},
                "crds": {"keep": False},
            },
        )
    )
    assert "https://btcwatcher.example.com/docs" in said
    assert "port-forward" not in said
    assert "api.registration is closed" in said
    assert "Only Strategies in desk are run." in said
    assert "20000-20099" in said
    assert "https://<name>.<namespace>.bots.example.com" in said
    assert "get secret ours" in said
    assert "helm uninstall leaves the bots' volumes, and the database." in said


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({}, ["check", "--api=http://btcwatcher-api.btcwatcher.svc:8000"]),
        ({"api": {"host": "127.0.0.1", "port": 18000}}, ["check", "--api=http://127.0.0.1:18000"]),
        ({"api": {"host": "::1"}}, ["check", "--api=http://[::1]:8000"]),
    ],
)
def test_helm_test_asks_the_api_where_it_listens(values: dict[str, Any], arguments: list[str]) -> None:
    pod = one(rendered(values), "Pod", "btcwatcher-test-api")
    assert pod["spec"]["containers"][0]["args"] == arguments
    assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("values", "namespace"), [({}, "btcwatcher"), ({"namespaces": ["desk-a", "desk-b"]}, "desk-a")]
)
def test_helm_test_may_read_the_lease_and_nothing_else(values: dict[str, Any], namespace: str) -> None:
    objects = rendered(values)
    pod = one(objects, "Pod", "btcwatcher-test-operator")
    assert pod["spec"]["containers"][0]["args"] == ["check", f"--lease={namespace}/btcwatcher-operator"]
    (rule,) = one(objects, "Role", pod["spec"]["serviceAccountName"], namespace)["rules"]
    assert rule == {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["btcwatcher-operator"],
        "verbs": ["get"],
    }


def test_the_lease_is_the_operators() -> None:
    (operator,) = one(rendered(), "Deployment", "btcwatcher-operator")["spec"]["template"]["spec"]["containers"]
    assert chart.environment(operator)["BTCWATCHER_LEASE_NAME"] == "btcwatcher-operator"

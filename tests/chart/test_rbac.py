"""What each process may ask of Kubernetes: exactly this."""

from typing import Any

import pytest

from support import chart
from support.chart import Object, one
from support.chart_values import VARIANTS

READ = ["get", "list", "watch"]
CHILD = [*READ, "create", "patch", "delete"]
BTCW, CORE = "btcwatcher.io", ""

Rule = tuple[str, tuple[str, ...], tuple[str, ...]]


def rules(*items: tuple[str, list[str], list[str]]) -> set[Rule]:
    return {(group, tuple(sorted(resources)), tuple(sorted(verbs))) for group, resources, verbs in items}


IN_NAMESPACES = {
    "operator": rules(
        (BTCW, ["strategies", "proxies", "fleetswitches"], READ),
        (BTCW, ["strategies/status", "proxies/status", "fleetswitches/status"], ["patch"]),
        (BTCW, ["strategies/finalizers"], ["update"]),
        (CORE, ["services", "secrets"], CHILD),
        (CORE, ["serviceaccounts"], CHILD),
        (CORE, ["persistentvolumeclaims"], [*READ, "create", "patch"]),
        ("apps", ["statefulsets"], CHILD),
        ("batch", ["jobs"], CHILD),
        ("networking.k8s.io", ["ingresses", "networkpolicies"], CHILD),
        ("gateway.networking.k8s.io", ["httproutes"], CHILD),
        (CORE, ["pods", "configmaps"], READ),
        (CORE, ["events"], ["list", "create"]),
        ("coordination.k8s.io", ["leases"], ["list", "watch"]),
    ),
    "api": rules(
        (BTCW, ["strategies"], [*READ, "create", "update", "patch", "delete"]),
        (BTCW, ["notificationchannels"], [*READ, "create", "update", "delete"]),
        (BTCW, ["proxies"], ["get", "list", "create", "update", "patch", "delete"]),
        (BTCW, ["fleetswitches"], ["get", "list", "create", "delete"]),
        (CORE, ["configmaps"], ["get", "create", "patch"]),
        (CORE, ["pods/log"], ["get"]),
        (CORE, ["events"], ["list"]),
    ),
    "worker": rules(
        (BTCW, ["notificationchannels"], ["list", "watch"]),
        (BTCW, ["notificationchannels/status"], ["patch"]),
        (CORE, ["secrets", "configmaps"], ["get"]),
        (CORE, ["events"], ["create"]),
    ),
    "collector": rules(
        (BTCW, ["strategies", "notificationchannels", "fleetswitches"], ["list", "watch"]),
        (BTCW, ["fleetswitches/status"], ["patch"]),
    ),
    # Exchanges are of the whole cluster: it has no other way to see them.
    "market": set[Rule](),
}
MACHINES = rules((CORE, ["nodes", "pods"], ["list"]), (BTCW, ["fleetcapacities"], ["get"]))
NAMESPACES = rules((CORE, ["namespaces"], READ))
EXCHANGES = rules((BTCW, ["exchanges"], READ))
OF_THE_CLUSTER = {
    "operator": NAMESPACES
    | rules(
        (CORE, ["nodes"], ["list"]),
        ("storage.k8s.io", ["csinodes"], ["list"]),
        (BTCW, ["fleetcapacities"], ["get", "create"]),
        (BTCW, ["fleetcapacities/status", "clusterfleetswitches/status"], ["patch"]),
        (BTCW, ["clusterfleetswitches"], READ),
        (BTCW, ["exchanges/status"], ["patch"]),
    )
    | EXCHANGES,
    "api": MACHINES | rules((BTCW, ["clusterfleetswitches"], ["get", "list", "create", "delete"])),
    "worker": set(),
    "collector": MACHINES
    | rules((BTCW, ["clusterfleetswitches"], ["list", "watch"]), (BTCW, ["clusterfleetswitches/status"], ["patch"])),
    "market": EXCHANGES,
}


def said(role: Object) -> set[Rule]:
    """Its rules; those for named objects left out."""
    found = []
    for rule in role["rules"]:
        if "resourceNames" in rule:
            continue
        assert "nonResourceURLs" not in rule
        (group,) = rule["apiGroups"]
        found.append((group, rule["resources"], rule["verbs"]))
    return rules(*found)


def named(role: Object) -> list[tuple[list[str], list[str], list[str]]]:
    return [(r["resources"], r["resourceNames"], r["verbs"]) for r in role["rules"] if "resourceNames" in r]


def bound(objects: list[Object], account: str) -> dict[tuple[str, str, str], Object]:
    """The roles that a ServiceAccount has, by kind, namespace and name."""
    found = {}
    for item in objects:
        if item["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        if {"kind": "ServiceAccount", "name": account, "namespace": chart.NAMESPACE} in item["subjects"]:
            reference, namespace = item["roleRef"], item["metadata"].get("namespace")
            assert (reference["kind"] == "Role") is (item["kind"] == "RoleBinding")
            role = one(objects, reference["kind"], reference["name"], namespace)
            found[reference["kind"], namespace or "", reference["name"]] = role
    return found


@pytest.mark.parametrize("component", IN_NAMESPACES)
def test_of_the_whole_cluster_these_rules_and_no_others(component: str) -> None:
    roles = bound(chart.rendered(), f"btcwatcher-{component}")
    whole = roles.pop(("ClusterRole", "", f"btcwatcher-btcwatcher-{component}"))
    assert said(whole) == IN_NAMESPACES[component] | OF_THE_CLUSTER[component]
    assert named(whole) == []
    if component == "operator":
        lease = roles.pop(("Role", "btcwatcher", "btcwatcher-operator-lease"))
        assert said(lease) == rules(("coordination.k8s.io", ["leases"], ["create"]))
        assert named(lease) == [(["leases"], ["btcwatcher-operator"], ["get", "update"])]
    assert roles == {}


@pytest.mark.parametrize("component", IN_NAMESPACES)
def test_with_namespaces_the_rules_hold_in_these_alone(component: str) -> None:
    roles = bound(chart.rendered(VARIANTS["namespaced"]), f"trade-watch-{component}")
    if component == "market":
        assert said(roles.pop(("ClusterRole", "", "btcwatcher-trade-watch-market"))) == EXCHANGES
        assert roles == {}
        return
    for namespace in ("desk-a", "desk-b"):
        role = roles.pop(("Role", namespace, f"trade-watch-{component}"))
        assert said(role) == IN_NAMESPACES[component]
        assert named(role) == []
    if component == "operator":
        lease = roles.pop(("Role", "desk-a", "trade-watch-operator-lease"))
        assert named(lease) == [(["leases"], ["trade-watch-operator"], ["get", "update"])]
        # Where live trading is allowed is a label of a Namespace, and Exchanges are of the whole cluster.
        assert said(roles.pop(("ClusterRole", "", "btcwatcher-trade-watch-operator"))) == NAMESPACES | EXCHANGES
    if component == "api":
        own = roles.pop(("Role", "btcwatcher", "trade-watch-api-own"))
        assert said(own) == rules((CORE, ["configmaps"], ["create"]))
        assert named(own) == [(["configmaps"], ["btcwatcher-capacity"], ["get", "patch"])]
    assert roles == {}


def test_namespaced_without_any_cluster_wide_right() -> None:
    objects = chart.rendered(
        chart.merged(
            VARIANTS["namespaced"], {"rbac": {"liveNamespaces": False, "exchanges": False, "aggregate": False}}
        )
    )
    assert not [item for item in objects if item["kind"] == "ClusterRoleBinding"]


def test_the_api_has_no_right_on_secrets_and_none_but_the_operator_makes_pods() -> None:
    for variant in VARIANTS.values():
        objects = chart.rendered(variant, database={})
        for account in [item["metadata"]["name"] for item in objects if item["kind"] == "ServiceAccount"]:
            resources = {
                resource
                for role in bound(objects, account).values()
                for rule in role["rules"]
                for resource in rule["resources"]
            }
            if not account.endswith(("-operator", "-worker", "-make-keys")):
                assert "secrets" not in resources, account
            if not account.endswith("-operator"):
                assert not resources & {"statefulsets", "jobs", "deployments", "pods/exec"}, account


def test_no_rule_has_a_wildcard_and_none_gives_more_than_its_holder_has() -> None:
    for variant in VARIANTS.values():
        for item in chart.rendered(variant, database={}):
            for rule in item.get("rules", []) if item["kind"] in ("Role", "ClusterRole") else []:
                assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
                assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
                assert not any("rbac" in group for group in rule["apiGroups"])


def test_nothing_of_it_where_somebody_else_gives_the_rights() -> None:
    objects = chart.rendered({"rbac": {"create": False, "aggregate": False}})
    kinds: set[Any] = {item["kind"] for item in objects}
    assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount"}

"""The evaluator of RBAC: rules and a request in, a decision out."""

from __future__ import annotations

from typing import Any

import pytest

from btcwatcher_local.apiserver.access.attributes import Attributes, forbidden, of_request
from btcwatcher_local.apiserver.access.rbac import Decision, Policy, Rule
from btcwatcher_local.apiserver.access.user import ADMIN, ANONYMOUS, User, account_of

A = User("system:serviceaccount:trading:a", ("system:serviceaccounts", "system:authenticated"))
GROUP = "rbac.authorization.k8s.io"


def rule(verbs: str, resources: str = "", groups: str = "", *, names: str = "", urls: str = "") -> Rule:
    return Rule(tuple(verbs.split()), (groups,), tuple(resources.split()), tuple(names.split()), tuple(urls.split()))


def pods(verb: str, sub: str = "", *, name: str = "", group: str = "") -> Attributes:
    return Attributes(verb, group, "pods", sub, "trading", name)


@pytest.mark.parametrize(
    ("given", "wanted", "allowed"),
    [
        (rule("get list", "pods"), pods("list"), True),
        (rule("get list", "pods"), pods("watch"), False),
        (rule("*", "pods"), pods("deletecollection"), True),
        (rule("get", "pods"), pods("get", group="metrics.k8s.io"), False),
        (rule("get", "pods", "*"), pods("get", group="metrics.k8s.io"), True),
        (rule("get", "pods"), pods("get", "log"), False),
        (rule("get", "pods/log"), pods("get", "log"), True),
        (rule("get", "pods/log"), pods("get"), False),
        (rule("get", "*"), pods("get", "log"), True),
        (rule("get", "*/log"), pods("get", "log"), True),
        (rule("get", "*/log"), pods("get", "status"), False),
        (rule("get", "*/log"), pods("get"), False),
        (rule("get", "pods/*"), pods("get", "log"), False),
        (rule("get", "pods", names="mine"), pods("get", name="mine"), True),
        (rule("get", "pods", names="mine"), pods("get", name="other"), False),
        (rule("list", "pods", names="mine"), pods("list"), False),
        (rule("get", urls="/metrics"), Attributes("get", path="/metrics"), True),
        (rule("get", urls="/metrics"), Attributes("get", path="/metrics/x"), False),
        (rule("get", urls="/logs/*"), Attributes("get", path="/logs/x/y"), True),
        (rule("get", urls="*"), Attributes("get", path="/anything"), True),
        (rule("get", urls="*"), pods("get"), False),
        (rule("*", "*", "*"), Attributes("get", path="/metrics"), False),
    ],
)
def test_a_rule(given: Rule, wanted: Attributes, allowed: bool) -> None:
    assert given.allows(wanted) is allowed


@pytest.mark.parametrize(
    ("request_line", "wanted"),
    [
        ("GET /api/v1/pods", Attributes("list", "", "pods")),
        ("GET /api/v1/pods?watch=true", Attributes("watch", "", "pods")),
        ("HEAD /api/v1/namespaces/n/pods/p", Attributes("get", "", "pods", "", "n", "p")),
        ("GET /api/v1/namespaces/n/pods/p?watch=1", Attributes("get", "", "pods", "", "n", "p")),
        ("GET /api/v1/namespaces/n/pods/p/log", Attributes("get", "", "pods", "log", "n", "p")),
        ("GET /api/v1/namespaces", Attributes("list", "", "namespaces")),
        ("GET /api/v1/namespaces/n", Attributes("get", "", "namespaces", "", "n", "n")),
        ("PUT /api/v1/namespaces/n/finalize", Attributes("update", "", "namespaces", "finalize", "n", "n")),
        ("DELETE /apis/apps/v1/namespaces/n/deployments",
         Attributes("deletecollection", "apps", "deployments", "", "n")),
        ("DELETE /apis/apps/v1/namespaces/n/deployments/d", Attributes("delete", "apps", "deployments", "", "n", "d")),
        ("PATCH /apis/x.io/v1/things/t/status", Attributes("patch", "x.io", "things", "status", "", "t")),
        ("GET /api/v1/pods?fieldSelector=metadata.name=p", Attributes("list", "", "pods", "", "", "p")),
        ("GET /api/v1/pods?fieldSelector=spec.nodeName=x,metadata.name==p",
         Attributes("list", "", "pods", "", "", "p")),
        ("GET /api/v1/pods?fieldSelector=metadata.name!=p", Attributes("list", "", "pods")),
        ("POST /api/v1/namespaces/n/serviceaccounts/a/token",
         Attributes("create", "", "serviceaccounts", "token", "n", "a")),
        ("GET /api/v1", Attributes("get", path="/api/v1")),
        ("POST /apis/apps/v1", Attributes("post", path="/apis/apps/v1")),
        ("GET /", Attributes("get", path="/")),
    ],
)  # fmt: skip
def test_what_a_request_asks_for(request_line: str, wanted: Attributes) -> None:
    method, _, url = request_line.partition(" ")
    path, _, query = url.partition("?")
    options = dict([query.split("=", 1)]) if query else {}
    assert of_request(method, path, options) == wanted


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "rules": list(rules) or None}


def binding(name: str, kind: str, to: str, *subjects: dict[str, str], namespace: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": kind, "name": to},
        "subjects": list(subjects),
    }


READ_PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
ACCOUNT = {"kind": "ServiceAccount", "name": "a", "namespace": "trading"}


def test_a_policy_names_what_allowed() -> None:
    policy = Policy(
        [role("reader", READ_PODS)],
        [role("reader", READ_PODS, namespace="trading")],
        [binding("all", "ClusterRole", "reader", {"kind": "Group", "name": "desk"})],
        [binding("some", "Role", "reader", {"kind": "ServiceAccount", "name": "a"}, namespace="trading")],
    )
    allowed = policy.decide(A, pods("get"))
    text = 'RBAC: allowed by RoleBinding "some/trading" of Role "reader" to ServiceAccount "a/trading"'
    assert allowed == Decision(True, text)
    assert policy.decide(A, Attributes("get", "", "pods", "", "other")) == Decision(False)
    desk = User("jo", ("desk",))
    assert policy.decide(desk, pods("get")).reason == (
        'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "reader" to Group "desk"'
    )
    assert not policy.decide(User("system:serviceaccount:other:a"), pods("get")).allowed
    assert not policy.decide(ANONYMOUS, pods("get")).allowed


def test_a_binding_of_a_namespace_reaches_no_further_whatever_its_role() -> None:
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    policy = Policy(
        [role("all", everything)], [], [], [binding("b", "ClusterRole", "all", ACCOUNT, namespace="trading")]
    )
    assert policy.decide(A, pods("delete")).allowed
    assert not policy.decide(A, Attributes("get", "", "nodes")).allowed
    assert not policy.decide(A, Attributes("get", "", "pods", "", "other")).allowed


def test_roles_that_are_missing_are_named_once() -> None:
    policy = Policy(
        [],
        [],
        [binding("a", "ClusterRole", "gone", ACCOUNT), binding("b", "ClusterRole", "gone", ACCOUNT)],
        [binding("c", "Role", "gone", ACCOUNT, namespace="trading")],
    )
    cluster = f'clusterrole.{GROUP} "gone" not found'
    assert policy.decide(A, Attributes("get", "", "nodes")).reason == f"RBAC: {cluster}"
    assert policy.decide(A, pods("get")).reason == f'RBAC: [{cluster}, role.{GROUP} "gone" not found]'


def test_masters_need_no_role() -> None:
    assert Policy([], [], [], []).decide(ADMIN, pods("get")) == Decision(True)


def test_the_refusal_is_kubernetes_own_sentence() -> None:
    error = forbidden(A.name, pods("get", "log", name="p"), "RBAC: x")
    assert error.message == (
        f'pods "p" is forbidden: User "{A.name}" cannot get resource "pods/log" in API group "" '
        'in the namespace "trading": RBAC: x'
    )
    assert error.details == {"name": "p", "kind": "pods"}
    assert forbidden("u", Attributes("get", path="/x"), "").message == 'forbidden: User "u" cannot get path "/x"'


def test_the_account_of_a_user_name() -> None:
    assert account_of("system:serviceaccount:trading:a") == ("trading", "a")
    for name in ("trading:a", "system:serviceaccount:trading", "system:serviceaccount:a:b:c", "system:anonymous"):
        assert account_of(name) is None

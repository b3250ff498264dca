"""What roles and bindings allow, and in which words the rest is refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from btcwatcher_local.apiserver.access import defaults
from support import accounts
from support.accounts import RBAC, rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.accounts import Account
    from support.apiservers import ApiServer

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

REVIEWS = "/apis/authorization.k8s.io/v1"


@pytest.fixture
def account(api_server: ApiServer, namespace: str) -> Account:
    return accounts.make(api_server, namespace)


def eventually(check: Callable[[], bool]) -> bool:
    """A real server sees new roles through a cache that may lag a moment."""
    deadline = time.monotonic() + 10
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_without_a_role_nothing_is_allowed(account: Account) -> None:
    here = f"/api/v1/namespaces/{account.namespace}"
    who = f'User "{account.user}" cannot'
    where = f'in the namespace "{account.namespace}"'
    pods, no_name = f'resource "pods" in API group "" {where}', "pods is forbidden"
    cluster = "at the cluster scope"
    for method, path, message in (
        ("GET", f"{here}/pods", f"{no_name}: {who} list {pods}"),
        ("GET", f"{here}/pods?watch=1", f"{no_name}: {who} watch {pods}"),
        ("DELETE", f"{here}/pods", f"{no_name}: {who} deletecollection {pods}"),
        ("POST", f"{here}/pods", f"{no_name}: {who} create {pods}"),
        ("GET", f"{here}/pods/p", f'pods "p" is forbidden: {who} get {pods}'),
        ("GET", f"{here}/pods/p/log", f'pods "p" is forbidden: {who} get {pods.replace("pods", "pods/log")}'),
        ("GET", f"{here}/pods?fieldSelector=metadata.name%3Dp", f'pods "p" is forbidden: {who} list {pods}'),
        (
            "PATCH",
            f"/apis/apps/v1/namespaces/{account.namespace}/deployments/d/scale",
            f'deployments.apps "d" is forbidden: {who} patch resource "deployments/scale" in API group "apps" {where}',
        ),
        ("GET", "/api/v1/nodes", f'nodes is forbidden: {who} list resource "nodes" in API group "" {cluster}'),
        (
            "GET",
            here,
            f'namespaces "{account.namespace}" is forbidden: {who} get resource "namespaces" in API group "" {where}',
        ),
        (
            "GET",
            "/apis/none.io/v1/things",
            f'things.none.io is forbidden: {who} list resource "things" in API group "none.io" {cluster}',
        ),
        ("GET", "/metrics", f'forbidden: {who} get path "/metrics"'),
    ):
        answer = account.call(method, path)
        assert answer.status_code == 403, (path, answer.text)
        status = answer.json()
        assert status["message"] == message
        assert status["reason"] == "Forbidden"
    details = account.call("GET", f"/apis/apps/v1/namespaces/{account.namespace}/deployments/d").json()["details"]
    assert details == {"name": "d", "group": "apps", "kind": "deployments"}


def test_everybody_with_a_token_may_discover(account: Account) -> None:
    for path in ("/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v3", "/version", "/readyz"):
        assert account.call("GET", path).status_code == 200, path


def test_a_role_counts_in_its_namespace_only(api_server: ApiServer, account: Account) -> None:
    account.allow(rule("get list watch", "configmaps"), rule("create", "pods/eviction"))
    here = f"/api/v1/namespaces/{account.namespace}"
    assert eventually(lambda: account.may("GET", f"{here}/configmaps"))
    assert account.may("GET", f"{here}/configmaps/none")
    assert account.may("POST", f"{here}/pods/none/eviction", {"metadata": {"name": "none"}})
    assert not account.may("POST", f"{here}/configmaps", {"metadata": {"name": "x"}})
    assert not account.may("GET", f"{here}/pods/none")
    assert not account.may("GET", f"{here}/secrets")
    assert not account.may("GET", "/api/v1/namespaces/default/configmaps")
    assert not account.may("GET", "/api/v1/configmaps")


def test_a_cluster_role_bound_in_a_namespace(api_server: ApiServer, account: Account) -> None:
    name = f"{account.namespace}-reader"
    api_server.ok("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [rule("*", "*", "*")]})
    account.bind("ClusterRole", name)
    assert eventually(lambda: account.may("GET", f"/api/v1/namespaces/{account.namespace}/pods"))
    assert account.may("GET", f"/api/v1/namespaces/{account.namespace}")
    assert account.may("GET", f"/api/v1/namespaces/{account.namespace}/pods/none/log")
    assert not account.may("GET", "/api/v1/nodes")
    assert not account.may("GET", "/api/v1/namespaces/default/pods")
    assert not account.may("GET", "/metrics")


def test_a_cluster_role_bound_in_the_cluster(account: Account) -> None:
    account.allow(
        rule("get", "nodes pods */status"), {"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]}, cluster=True
    )
    assert eventually(lambda: account.may("GET", "/api/v1/nodes/none"))
    assert account.may("GET", "/api/v1/namespaces/default/pods/none")
    assert account.may("GET", "/api/v1/namespaces/default/services/none/status")
    assert account.may("GET", "/metrics")
    assert account.may("GET", "/logs/x")
    assert not account.may("POST", "/metrics")
    assert not account.may("GET", "/api/v1/namespaces/default/services/none")
    assert not account.may("GET", "/api/v1/namespaces/default/pods/none/log")
    assert not account.may("GET", "/api/v1/nodes")


def test_resource_names(account: Account) -> None:
    account.allow(rule("get list watch create", "secrets", resourceNames=["mine"]))
    here = f"/api/v1/namespaces/{account.namespace}/secrets"
    assert eventually(lambda: account.may("GET", f"{here}/mine"))
    assert account.may("GET", f"{here}?fieldSelector=metadata.name%3Dmine")
    assert not account.may("GET", f"{here}/other")
    assert not account.may("GET", here)
    # A name that a request carries in its body is not known to the rules.
    assert not account.may("POST", here, {"metadata": {"name": "mine"}})


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "Group", "name": "system:serviceaccounts:{namespace}"},
        {"kind": "User", "name": "system:serviceaccount:{namespace}:a"},
        {"kind": "ServiceAccount", "name": "a"},
    ],
)
def test_subjects(api_server: ApiServer, account: Account, subject: dict[str, str]) -> None:
    place = f"{RBAC}/namespaces/{account.namespace}"
    api_server.ok("POST", f"{place}/roles", {"metadata": {"name": "r"}, "rules": [rule("list", "pods")]})
    named = {**subject, "name": subject["name"].format(namespace=account.namespace)}
    made = api_server.ok(
        "POST",
        f"{place}/rolebindings",
        {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [named]},
    )
    assert made["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    given = "" if subject["kind"] == "ServiceAccount" else "rbac.authorization.k8s.io"
    assert made["subjects"][0].get("apiGroup", "") == given
    assert eventually(lambda: account.may("GET", f"/api/v1/namespaces/{account.namespace}/pods"))
    api_server.ok("DELETE", f"{place}/rolebindings/b")
    assert eventually(lambda: not account.may("GET", f"/api/v1/namespaces/{account.namespace}/pods"))


def test_an_apply_that_makes_something_needs_create(api_server: ApiServer, account: Account) -> None:
    account.allow(rule("patch", "configmaps"))
    path = f"/api/v1/namespaces/{account.namespace}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b"}}

    def apply() -> Any:
        return account.call("PATCH", f"{path}/x?fieldManager=t", body, content_type="application/apply-patch+yaml")

    told = (
        f'configmaps "x" is forbidden: User "{account.user}" cannot create resource "configmaps" in API group "" '
        f'in the namespace "{account.namespace}"'
    )
    assert eventually(lambda: bool(apply().json()["message"] == told))
    api_server.ok("POST", path, {"metadata": {"name": "x"}})
    assert apply().status_code == 200


def test_a_binding_to_a_role_that_is_not_there(account: Account) -> None:
    account.bind("Role", "none")
    path = f"/api/v1/namespaces/{account.namespace}/pods"
    told = 'RBAC: role.rbac.authorization.k8s.io "none" not found'
    assert eventually(lambda: account.call("GET", path).json()["message"].endswith(told))


def test_access_reviews(api_server: ApiServer, account: Account) -> None:
    account.allow(rule("get", "pods"), name="r")
    asked = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": account.namespace}}
    path = f"{REVIEWS}/selfsubjectaccessreviews"

    def status(spec: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = account.call("POST", path, {"spec": spec}).json()["status"]
        return found

    assert eventually(lambda: status(asked)["allowed"])
    assert status(asked)["reason"].startswith('RBAC: allowed by RoleBinding "b-')
    assert status(asked)["reason"].endswith(f'of Role "r" to ServiceAccount "a/{account.namespace}"')
    assert status({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}) == {"allowed": False}
    assert api_server.ok("POST", path, {"spec": asked})["status"] == {"allowed": True}

    other = f"{REVIEWS}/subjectaccessreviews"
    assert not account.may("POST", other, {"spec": {**asked, "user": account.user}})
    assert api_server.ok("POST", other, {"spec": {**asked, "user": account.user}})["status"]["allowed"] is True
    assert api_server.ok("POST", other, {"spec": {**asked, "user": "u"}})["status"] == {"allowed": False}
    local = f"{REVIEWS}/namespaces/{account.namespace}/localsubjectaccessreviews"
    assert api_server.ok("POST", local, {"spec": {**asked, "user": account.user}})["status"]["allowed"] is True
    message = api_server.refused(422, "POST", other, {"spec": {}})["message"]
    assert "exactly one of nonResourceAttributes or resourceAttributes must be specified" in message
    assert "spec.user" in message


def test_a_rules_review(account: Account) -> None:
    account.allow(rule("get", "pods", resourceNames=["p"]), rule("list", "secrets"))
    path = f"{REVIEWS}/selfsubjectrulesreviews"

    def rules() -> list[dict[str, Any]]:
        status = account.call("POST", path, {"spec": {"namespace": account.namespace}}).json()["status"]
        assert status["incomplete"] is False
        assert any("/apis/*" in found["nonResourceURLs"] for found in status["nonResourceRules"])
        found: list[dict[str, Any]] = status["resourceRules"]
        return found

    assert eventually(lambda: {"verbs": ["list"], "apiGroups": [""], "resources": ["secrets"]} in rules())
    assert {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"]} in rules()


def test_the_roles_that_every_cluster_has(api_server: ApiServer) -> None:
    for wanted in yaml.safe_load(defaults.FILE.read_text()):
        path = f"{RBAC}/{wanted['kind'].lower()}s/{wanted['metadata']['name']}"
        found = api_server.ok("GET", path)
        for part in ("aggregationRule", "roleRef", "subjects"):
            assert found.get(part) == wanted.get(part), path
        assert (found.get("rules") or []) == (wanted.get("rules") or []), path
        assert wanted["metadata"].get("labels", {}).items() <= found["metadata"]["labels"].items()
        assert found["metadata"]["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
        assert found["metadata"]["annotations"] == {"rbac.authorization.kubernetes.io/autoupdate": "true"}


def test_roles_that_say_nothing_are_refused(api_server: ApiServer, namespace: str) -> None:
    rules: list[dict[str, Any]] = [
        {"verbs": [], "resources": ["pods"]},
        {"verbs": ["get"], "apiGroups": [""], "nonResourceURLs": ["/x"]},
        {"verbs": ["get"], "nonResourceURLs": ["/x"]},
        {"verbs": ["get"]},
    ]
    body = {"metadata": {"name": "r"}, "rules": rules}
    message = api_server.refused(422, "POST", f"{RBAC}/namespaces/{namespace}/roles", body)["message"]
    assert message == (
        'Role.rbac.authorization.k8s.io "r" is invalid: ['
        "rules[0].verbs: Required value: verbs must contain at least one value, "
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group, "
        'rules[1].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs, '
        'rules[1].nonResourceURLs: Invalid value: ["/x"]: '
        "rules cannot apply to both regular resources and non-resource URLs, "
        'rules[2].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs, '
        "rules[3].apiGroups: Required value: resource rules must supply at least one api group, "
        "rules[3].resources: Required value: resource rules must supply at least one resource]"
    )
    status = api_server.refused(422, "POST", f"{RBAC}/clusterroles", body)
    assert [cause["field"] for cause in status["details"]["causes"]] == [
        "rules[0].verbs",
        "rules[0].apiGroups",
        "rules[1].nonResourceURLs",
        "rules[3].apiGroups",
        "rules[3].resources",
    ]


def test_bindings_that_bind_nothing_are_refused(api_server: ApiServer, namespace: str) -> None:
    path = f"{RBAC}/namespaces/{namespace}/rolebindings"
    subjects = [{"kind": "ServiceAccount", "name": ""}, {"kind": "User", "name": ""}, {"kind": "Bar", "name": "x"}]
    body = {"metadata": {"name": "b"}, "roleRef": {"kind": "Foo", "name": ""}, "subjects": subjects}
    message = api_server.refused(422, "POST", path, body)["message"]
    assert message == (
        'RoleBinding.rbac.authorization.k8s.io "b" is invalid: [roleRef.kind: Unsupported value: "Foo": supported '
        'values: "Role", "ClusterRole", roleRef.name: Required value, subjects[0].name: Required value, '
        'subjects[1].name: Required value, subjects[2].kind: Unsupported value: "Bar": supported values: '
        '"ServiceAccount", "User", "Group"]'
    )
    body = {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": []}
    api_server.ok("POST", path, body)
    status = api_server.refused(422, "PUT", f"{path}/b", {**body, "roleRef": {"kind": "Role", "name": "other"}})
    assert status["message"] == (
        'RoleBinding.rbac.authorization.k8s.io "b" is invalid: roleRef: Invalid value: '
        '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"other"}: cannot change roleRef'
    )
    whole = {
        "metadata": {"name": f"{namespace}-b"},
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "a"}],
    }
    status = api_server.refused(422, "POST", f"{RBAC}/clusterrolebindings", whole)
    assert status["details"]["causes"][0]["field"] == "subjects[0].namespace"


def test_nobody_gives_away_what_they_do_not_have(api_server: ApiServer, account: Account) -> None:
    account.allow(rule("create update patch", "roles rolebindings", "rbac.authorization.k8s.io"), rule("get", "pods"))
    place = f"{RBAC}/namespaces/{account.namespace}"
    role = {
        "metadata": {"name": "more"},
        "rules": [
            rule("get list", "pods secrets", resourceNames=["x"]),
            rule("create", "roles", "rbac.authorization.k8s.io"),
        ],
    }
    groups = f'"system:serviceaccounts" "system:serviceaccounts:{account.namespace}" "system:authenticated"'
    who = f'user "{account.user}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n'
    wanted = (
        f'roles.rbac.authorization.k8s.io "more" is forbidden: {who}'
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["x"], Verbs:["list"]}\n'
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["x"], Verbs:["get" "list"]}'
    )
    assert eventually(lambda: account.call("POST", f"{place}/roles", role).json()["message"] == wanted)
    held = {"metadata": {"name": "held"}, "rules": [rule("get", "pods")]}
    assert account.call("POST", f"{place}/roles", held).status_code == 201
    wider = {**held, "rules": [rule("get delete", "pods")]}
    refused = account.call("PUT", f"{place}/roles/held", wider)
    assert refused.status_code == 403
    assert refused.json()["message"].endswith('{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}')

    reference = {"kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [{"kind": "User", "name": "u"}]}
    refused = account.call("POST", f"{place}/rolebindings", binding)
    assert refused.json()["message"] == (
        f'rolebindings.rbac.authorization.k8s.io "b" is forbidden: {who}'
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}'
    )
    own = {**binding, "roleRef": {"kind": "Role", "name": "held"}}
    assert eventually(lambda: account.call("POST", f"{place}/rolebindings", own).status_code == 201)
    missing = {"metadata": {"name": "c"}, "roleRef": {"kind": "Role", "name": "none"}}
    assert account.call("POST", f"{place}/rolebindings", missing).status_code == 404


def test_who_may_bind_and_escalate_does(account: Account) -> None:
    group = "rbac.authorization.k8s.io"
    account.allow(
        rule("create", "roles rolebindings", group),
        rule("escalate", "roles", group),
        rule("bind", "clusterroles", group),
    )
    place = f"{RBAC}/namespaces/{account.namespace}"
    role = {"metadata": {"name": "more"}, "rules": [rule("*", "*", "*")]}
    assert eventually(lambda: account.call("POST", f"{place}/roles", role).status_code == 201)
    binding = {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "admin"}}
    assert account.call("POST", f"{place}/rolebindings", binding).status_code == 201
    other = {"metadata": {"name": "c"}, "roleRef": {"kind": "Role", "name": "more"}}
    assert account.call("POST", f"{place}/rolebindings", other).status_code == 403


def test_an_aggregated_role_may_gather_anything(account: Account) -> None:
    account.allow(rule("create", "clusterroles", "rbac.authorization.k8s.io"), cluster=True)
    selector = {"matchLabels": {"a": "b"}}
    role = {"metadata": {"name": f"{account.namespace}-all"}, "aggregationRule": {"clusterRoleSelectors": [selector]}}
    told = "must have cluster-admin privileges to use the aggregationRule"
    assert eventually(lambda: account.call("POST", f"{RBAC}/clusterroles", role).json()["message"].endswith(told))


def test_acting_as_somebody_else(api_server: ApiServer, account: Account) -> None:
    account.allow(rule("list", "pods"))
    path = f"/api/v1/namespaces/{account.namespace}/pods"
    assert eventually(lambda: api_server.call("GET", path, Impersonate_User=account.user).status_code == 200)
    status = api_server.refused(403, "GET", path, Impersonate_User="jo", Impersonate_Group="desk")
    assert status["message"].startswith('pods is forbidden: User "jo" cannot list resource "pods"')
    asked = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found = api_server.ok("POST", asked, {}, Impersonate_User="jo", Impersonate_Group="desk")["status"]["userInfo"]
    assert found == {"username": "jo", "groups": ["desk", "system:authenticated"]}
    found = api_server.ok("POST", asked, {}, Impersonate_User=account.user)["status"]["userInfo"]
    assert found["groups"] == [
        "system:serviceaccounts",
        f"system:serviceaccounts:{account.namespace}",
        "system:authenticated",
    ]
    assert account.call("GET", path, Impersonate_User="jo").status_code == 403

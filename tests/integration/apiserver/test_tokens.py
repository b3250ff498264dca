"""Tokens of ServiceAccounts: how they are asked for, whom they let in, and when they no longer do."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support import accounts

if TYPE_CHECKING:
    from support.apiservers import ApiServer

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
API = "https://kubernetes.default.svc"


def pod(server: ApiServer, namespace: str, name: str, account: str) -> dict[str, Any]:
    spec = {"serviceAccountName": account, "containers": [{"name": "c", "image": "x"}]}
    return server.ok("POST", f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": name}, "spec": spec})


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_a_token_says_whose_it_is_and_for_how_long(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    made = accounts.token_of(api_server, namespace, "a", expirationSeconds=1200)
    assert made["kind"] == "TokenRequest"
    assert made["spec"] == {"audiences": [API], "expirationSeconds": 1200, "boundObjectRef": None}
    assert made["metadata"]["name"] == "a"
    said = claims(made["status"]["token"])
    assert said["exp"] - said["iat"] == 1200
    assert made["status"]["expirationTimestamp"] == datetime.fromtimestamp(said["exp"], UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert abs(datetime.fromtimestamp(said["iat"], UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    del said["exp"], said["iat"], said["nbf"], said["jti"]
    assert said == {
        "aud": [API],
        "iss": API,
        "sub": account.user,
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": "a", "uid": account.uid}},
    }


def test_a_token_lets_its_account_in(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    answer = account.call("POST", SELF, {})
    assert answer.status_code == 201, answer.text
    found = answer.json()["status"]["userInfo"]
    assert found["username"] == account.user
    assert found["uid"] == account.uid
    assert found["groups"] == ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    assert list(found["extra"]) == ["authentication.kubernetes.io/credential-id"]


def test_a_token_review(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    held = pod(api_server, namespace, "p", "a")
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": held["metadata"]["uid"]}
    token = accounts.token_of(api_server, namespace, "a", boundObjectRef=reference)["status"]["token"]
    status = api_server.ok("POST", REVIEWS, {"spec": {"token": token}})["status"]
    assert status["authenticated"] is True
    assert status["audiences"] == [API]
    assert status["user"]["username"] == account.user
    extra = status["user"]["extra"]
    assert extra["authentication.kubernetes.io/credential-id"] == [f"JTI={claims(token)['jti']}"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert extra["authentication.kubernetes.io/pod-uid"] == [held["metadata"]["uid"]]
    other = api_server.ok("POST", REVIEWS, {"spec": {"token": token, "audiences": ["vault"]}})["status"]
    why = f'token audiences ["{API}"] is invalid for the target audiences ["vault"]'
    assert other == {"user": {}, "error": f"[invalid bearer token, {why}]"}
    unknown = api_server.ok("POST", REVIEWS, {"spec": {"token": "nobody's"}})["status"]
    assert unknown == {"user": {}, "error": "invalid bearer token"}


def test_a_token_for_somebody_else_lets_nobody_in_here(api_server: ApiServer, namespace: str) -> None:
    accounts.make(api_server, namespace)
    token = accounts.token_of(api_server, namespace, "a", audiences=["vault"])["status"]["token"]
    api_server.refused(401, "POST", SELF, {}, Authorization=f"Bearer {token}")
    status = api_server.ok("POST", REVIEWS, {"spec": {"token": token, "audiences": ["vault"]}})["status"]
    assert status["authenticated"] is True
    assert status["audiences"] == ["vault"]


def test_a_token_that_was_changed_is_no_good(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    head, body, signature = account.token.split(".")
    said = claims(account.token)
    said["sub"] = "system:serviceaccount:kube-system:admin"
    forged = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for token in (f"{head}.{forged}.{signature}", f"{unsigned}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA"):
        status = api_server.refused(401, "POST", SELF, {}, Authorization=f"Bearer {token}")
        assert status["reason"] == "Unauthorized"


def tokens(server: ApiServer, namespace: str, **spec: Any) -> list[str]:
    """Several, for a real server remembers for ten seconds of a token it has seen that it was good."""
    return [accounts.token_of(server, namespace, "a", **spec)["status"]["token"] for _ in range(10)]


def ended(server: ApiServer, some: list[str]) -> bool:
    """Whether these are refused: all by the embedded server, all but the first ones by a real one with its caches."""
    codes = [server.call("POST", SELF, {}, Authorization=f"Bearer {token}").status_code for token in some]
    return set(codes) == {401} if server.embedded else codes[-1] == 401


def test_a_token_ends_with_its_account(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    assert account.call("POST", SELF, {}).status_code == 201
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    some = tokens(api_server, namespace)
    api_server.ok("DELETE", f"{path}/a")
    assert ended(api_server, [account.token, *some])
    some = some[-1:]
    api_server.ok("POST", path, {"metadata": {"name": "a"}})
    assert ended(api_server, some)


def test_a_bound_token_ends_with_its_pod(api_server: ApiServer, namespace: str) -> None:
    account = accounts.make(api_server, namespace)
    pod(api_server, namespace, "p", "a")
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
    some = tokens(api_server, namespace, boundObjectRef=reference)
    assert api_server.call("POST", SELF, {}, Authorization=f"Bearer {some[0]}").status_code == 201
    api_server.ok("DELETE", f"/api/v1/namespaces/{namespace}/pods/p?gracePeriodSeconds=0")
    assert ended(api_server, some)
    review = api_server.ok("POST", REVIEWS, {"spec": {"token": some[-1]}})
    assert "authenticated" not in review["status"]
    assert account.call("POST", SELF, {}).status_code == 201


def test_requests_that_are_refused(api_server: ApiServer, namespace: str) -> None:
    accounts.make(api_server, namespace)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/a/token"
    pod(api_server, namespace, "other", "b")
    mine = pod(api_server, namespace, "mine", "a")

    def bound(**reference: str) -> dict[str, Any]:
        return {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", **reference}}}

    status = api_server.refused(422, "POST", path, {"spec": {"expirationSeconds": 10}})
    assert status["message"] == (
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: '
        "may not specify a duration less than 10 minutes"
    )
    status = api_server.refused(404, "POST", path.replace("/a/", "/none/"), {})
    assert status["message"] == 'serviceaccounts "none" not found'
    status = api_server.refused(404, "POST", path, bound(name="none"))
    assert status["message"] == 'pods "none" not found'
    status = api_server.refused(400, "POST", path, bound(name="other"))
    assert status["message"] == (
        'cannot bind token for serviceaccount "a" to pod running with different serviceaccount name.'
    )
    status = api_server.refused(400, "POST", path, bound(kind="ConfigMap", name="x"))
    assert status["message"] == "cannot bind token to object of type /v1, Kind=ConfigMap"
    uid = "not-" + mine["metadata"]["uid"]
    status = api_server.refused(409, "POST", path, bound(name="mine", uid=uid))
    assert status["message"] == (
        f'Operation cannot be fulfilled on Pod "mine": the UID in the bound object reference ({uid}) does not match '
        "the UID in record. The object might have been deleted and then recreated"
    )


def test_nobody_is_anonymous(api_server: ApiServer) -> None:
    status = api_server.refused(403, "GET", "/api/v1/pods", Authorization="")
    assert status["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'
    )
    status = api_server.refused(403, "GET", "/apis", Authorization="")
    assert status["message"] == 'forbidden: User "system:anonymous" cannot get path "/apis"'
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert api_server.call("GET", path, Authorization="").status_code == 200

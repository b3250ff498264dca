"""ServiceAccounts to test with: their tokens, and what they are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from support.apiservers import ApiServer

Object = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Account:
    """One account of a server, and a token of it."""

    server: ApiServer
    namespace: str
    name: str
    uid: str
    token: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def call(self, method: str, path: str, body: Any = None, **more: str) -> httpx.Response:
        return self.server.call(method, path, body, Authorization=f"Bearer {self.token}", **more)

    def may(self, method: str, path: str, body: Any = None) -> bool:
        """Whether it is let through to what it asks for (which need not be there)."""
        answer = self.call(method, path, body)
        assert answer.status_code != 401, answer.text
        return answer.status_code != 403

    def allow(self, *rules: Object, cluster: bool = False, name: str = "") -> None:
        """A role with these rules, bound to the account: in its namespace, or in the cluster."""
        place = RBAC if cluster else f"{RBAC}/namespaces/{self.namespace}"
        prefix, kind = ("cluster", "ClusterRole") if cluster else ("", "Role")
        called = name or f"{self.namespace}-{self.name}"
        self.server.ok("POST", f"{place}/{prefix}roles", {"metadata": {"name": called}, "rules": list(rules)})
        self.bind(kind, called, cluster=cluster)

    def bind(self, kind: str, role: str, *, cluster: bool = False) -> None:
        place = RBAC if cluster else f"{RBAC}/namespaces/{self.namespace}"
        binding = {
            "metadata": {"generateName": "b-"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}],
        }
        self.server.ok("POST", f"{place}/{'cluster' if cluster else ''}rolebindings", binding)


def make(server: ApiServer, namespace: str, name: str = "a") -> Account:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    made = server.ok("POST", path, {"metadata": {"name": name}})
    token = token_of(server, namespace, name)["status"]["token"]
    return Account(server, namespace, name, made["metadata"]["uid"], token)


def token_of(server: ApiServer, namespace: str, name: str, **spec: Any) -> Object:
    """A TokenRequest that was answered."""
    return server.ok("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {"spec": spec})


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> Object:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}

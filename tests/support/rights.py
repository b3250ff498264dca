"""What the chart lets each process do, in a cluster of the tests: whatever a process asks beyond that is refused."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from support import chart
from support.chart import NAMESPACE, RELEASE, Object

_PLACEHOLDER = "the-namespace"
_PLACES = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


def kubeconfig(admin: Path, component: str, namespace: str = "", lease: str = "") -> Path:
    """A kubeconfig of the process's ServiceAccount, beside the admin's.

    With `namespace` it has the rights of a release that looks after this one, otherwise those of one for all. `lease`:
    where the operator's Lease is, if not where the chart has it.
    """
    loaded = yaml.safe_load(admin.read_text())
    server, user = loaded["clusters"][0]["cluster"]["server"], loaded["users"][0]["user"]
    with httpx.Client(base_url=server, verify=False, timeout=30) as http:  # noqa: S501 - throwaway, on loopback
        http.headers["Authorization"] = f"Bearer {user['token']}"
        for name in (NAMESPACE, namespace):
            if name:
                answer = http.post("/api/v1/namespaces", json={"metadata": {"name": name}})
                assert answer.status_code in (201, 409), answer.text
        items = of(component, namespace)
        for item in items:
            if lease and item["metadata"]["name"].endswith("-lease"):
                item["metadata"]["namespace"] = lease
        for item in items:
            _apply(http, item)
        account = f"{RELEASE}-{component}"
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
        answer = http.post(path, json={"spec": {"expirationSeconds": 7200}})
        assert answer.status_code == 201, answer.text
        token = answer.json()["status"]["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        _wait_until_known(http, items)
    loaded["users"][0]["user"] = {"token": token}
    written = admin.with_name(f"{account}-{namespace}.kubeconfig")
    written.write_text(yaml.safe_dump(loaded))
    return written


def of(component: str, namespace: str = "") -> list[Object]:
    """The ServiceAccount of a process, its roles and their bindings."""
    every = chart.rendered({"namespaces": [_PLACEHOLDER]} if namespace else {})
    every = [item for item in every if item["kind"] in _PLACES]
    name = f"{RELEASE}-{component}"
    bindings = [item for item in every if any(one["name"] == name for one in item.get("subjects", []))]
    roles = {(item["roleRef"]["kind"], item["metadata"].get("namespace"), item["roleRef"]["name"]) for item in bindings}
    kept = [
        item
        for item in every
        if (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) in roles
        or (item["kind"] == "ServiceAccount" and item["metadata"]["name"] == name)
    ]
    found: list[Object] = json.loads(json.dumps(kept + bindings).replace(_PLACEHOLDER, namespace))
    return found


def _apply(http: httpx.Client, item: Object) -> None:
    place = _PLACES[item["kind"]].format(namespace=item["metadata"].get("namespace"))
    answer = http.patch(
        f"{place}/{item['metadata']['name']}",
        params={"fieldManager": "tests", "force": "true"},
        content=json.dumps(item),
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert answer.status_code in (200, 201), answer.text


def _wait_until_known(http: httpx.Client, items: list[Object]) -> None:
    """A real API server sees new roles through a cache: until one rule of each role holds."""
    deadline = time.monotonic() + 20
    for role in items:
        if role["kind"] not in ("Role", "ClusterRole"):
            continue
        rule = next(rule for rule in role["rules"] if "resourceNames" not in rule)
        resource, _, subresource = rule["resources"][0].partition("/")
        wanted = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource}
        wanted |= {"subresource": subresource, "namespace": role["metadata"].get("namespace", "")}
        asked: dict[str, Any] = {"spec": {"resourceAttributes": wanted}}
        while True:
            answer = http.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=asked)
            assert answer.status_code == 201, answer.text
            if answer.json()["status"]["allowed"]:
                break
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.02)

"""Pods with a ServiceAccount: its token in their files, a kubeconfig for their processes, and the roles that count."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import yaml

from btcwatcher_local.apiserver import serve
from btcwatcher_local.client import ApiError, resources, times
from btcwatcher_local.client.resources import CLUSTER_ROLES, CONFIG_MAPS, PODS, SERVICE_ACCOUNTS, Resource
from btcwatcher_local.node.tokens import TokenCache
from support.kubectl import Kubectl
from support.localcluster import LocalCluster, eventually, local_cluster, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from support.localcluster import Obj

pytestmark = pytest.mark.integration

LOOP = "while :; do sleep 0.1; done"
PLACE = "var/run/secrets/kubernetes.io/serviceaccount"
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")


@pytest_asyncio.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[LocalCluster]:
    """A whole cluster that gives pods their tokens, and new ones every second."""
    async with serve("127.0.0.1", 0, "t-of-the-cluster", account_admission=True) as serving:
        path = tmp_path / "kubeconfig"
        serving.write_kubeconfig(path)
        async with local_cluster(path, tmp_path) as cluster:
            await cluster.start_controllers()
            await cluster.start_node(replace(cluster.settings, renew_after=0.0003))
            yield cluster


async def test_a_pods_token(accounts: LocalCluster) -> None:
    """The default account, what is mounted, the kubeconfig, the role that it takes, and a token that is renewed."""
    pod = await accounts.create_pod("p", f'env; cat "{PLACE}/namespace"; {LOOP}')
    assert pod["spec"]["serviceAccountName"] == "default"
    assert pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] == f"/{PLACE}"
    await accounts.until("p", running)
    files = accounts.rootfs(pod) / PLACE
    assert (files / "namespace").read_text() == accounts.namespace
    assert (files / "ca.crt").read_text() == accounts.client.connection.authority
    logged = await accounts.until_logged("p")
    env = dict(line.split("=", 1) for line in logged.splitlines() if "=" in line)
    server = accounts.client.connection.server
    assert f"https://{env['KUBERNETES_SERVICE_HOST']}:{env['KUBERNETES_SERVICE_PORT']}" == server

    path = Path(env["KUBECONFIG"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(path.read_text())["contexts"][0]["context"]["namespace"] == accounts.namespace
    user = f"system:serviceaccount:{accounts.namespace}:default"
    kubectl = Kubectl(path)
    assert await whoami(kubectl) == user
    refused = await asyncio.to_thread(kubectl.run, "get", "pods")
    assert f'pods is forbidden: User "{user}" cannot list resource "pods"' in refused.stderr
    await accounts.create(
        ROLES, {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]}
    )
    subject = {"kind": "ServiceAccount", "name": "default"}
    binding = {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [subject]}
    await accounts.create(BINDINGS, binding)
    assert await asyncio.to_thread(kubectl, "get", "pods", "-o", "name") == "pod/p\n"

    before = (files / "token").read_text()
    await eventually(lambda: (files / "token").read_text() != before)
    assert await whoami(kubectl) == user


async def test_pods_that_want_no_token(accounts: LocalCluster) -> None:
    await accounts.create(SERVICE_ACCOUNTS, {"metadata": {"name": "bot"}, "automountServiceAccountToken": False})
    by_account = await accounts.create_pod("by-account", f"env; {LOOP}", serviceAccountName="bot")
    by_pod = await accounts.create_pod("by-pod", f"env; {LOOP}", automountServiceAccountToken=False)
    for pod in (by_account, by_pod):
        assert not pod["spec"].get("volumes")
        name = pod["metadata"]["name"]
        await accounts.until(name, running)
        logged = await accounts.until_logged(name)
        assert "KUBE" not in logged


async def test_a_container_with_a_kubeconfig_of_its_own_keeps_it(accounts: LocalCluster) -> None:
    await accounts.create_pod("p", f"env; {LOOP}", env=[{"name": "KUBECONFIG", "value": "mine"}])
    assert "KUBECONFIG=mine\n" in await accounts.until_logged("p")


async def test_what_the_controllers_make(accounts: LocalCluster) -> None:
    """The authority's ConfigMap is put back, and a role with the right label becomes a part of `view`."""
    name = "kube-root-ca.crt"
    await accounts.until(name, lambda found: bool(found["data"]["ca.crt"]), resource=CONFIG_MAPS)
    await accounts.client.patch(CONFIG_MAPS, accounts.namespace, name, {"data": {"ca.crt": "other"}})
    authority = accounts.client.connection.authority
    await accounts.until(name, lambda found: found["data"]["ca.crt"] == authority, resource=CONFIG_MAPS)
    await accounts.client.delete(CONFIG_MAPS, accounts.namespace, name)
    await accounts.until(name, lambda found: found["data"]["ca.crt"] == authority, resource=CONFIG_MAPS)

    rule = {"apiGroups": ["btcwatcher.io"], "resources": ["strategies"], "verbs": ["get"]}
    labels = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    await accounts.client.create(CLUSTER_ROLES, {"metadata": {"name": "more", "labels": labels}, "rules": [rule]})
    for role in ("view", "edit", "admin"):

        async def told(role: str = role) -> bool:
            return rule in ((await accounts.client.get(CLUSTER_ROLES, "", role)).get("rules") or [])

        await eventually(told)


async def test_a_token_is_kept_until_most_of_its_life_is_over(accounts: LocalCluster) -> None:
    pod = await accounts.create_pod("p", LOOP)
    uid = resources.uid(pod)
    now = begin = times.now()
    cache = TokenCache(accounts.client, 0.8, lambda: now)
    source: Obj = {"path": "token", "expirationSeconds": 3607}

    def due() -> datetime:
        found = cache.due(uid)
        assert found is not None
        return found

    first = await cache.get(pod, source)
    assert 0.78 * 3607 < (due() - begin).total_seconds() < 0.81 * 3607
    assert await cache.get(pod, source) == first
    now = due()
    second = await cache.get(pod, source)
    assert second != first
    # No more is given for a pod that is gone: what is held is used up to its end.
    await accounts.client.delete(PODS, accounts.namespace, "p", grace_seconds=0)
    await accounts.gone("p")
    now = due()
    assert await cache.get(pod, source) == second
    assert due() > now
    now = begin + timedelta(hours=3)
    with pytest.raises(ApiError, match="not found"):
        await cache.get(pod, source)
    cache.forget(uid)
    assert cache.due(uid) is None


async def whoami(kubectl: Kubectl) -> str:
    found = json.loads(await asyncio.to_thread(kubectl, "auth", "whoami", "-o", "json"))
    name: str = found["status"]["userInfo"]["username"]
    return name

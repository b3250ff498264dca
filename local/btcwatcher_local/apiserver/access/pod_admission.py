"""What a cluster's ServiceAccount admission does to a new pod: its account must be there, and its token is mounted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .. import errors, objects

if TYPE_CHECKING:
    from ..context import Api
    from ..objects import JsonObject
    from ..resources import Resource

DEFAULT = "default"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a folder
_PREFIX = "kube-api-access-"
# An hour and seven seconds: by these a real server knows tokens that were mounted by itself.
_SECONDS = 3607
# The account of a new namespace is made by a controller, which needs its time.
_WAIT_SECONDS = 2.0


async def default_account(api: Api, namespace: str) -> None:
    """Waits a little for the account that every namespace gets, as the admission of a real server does."""
    accounts = api.store.collection("", "serviceaccounts")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _WAIT_SECONDS
    while accounts.get(namespace, DEFAULT) is None and (left := deadline - loop.time()) > 0:
        await accounts.wait(left)


def admit(api: Api, resource: Resource, pod: JsonObject) -> None:
    """Completes the pod in place. Raises 403 when its account is not there."""
    spec, meta = pod["spec"], pod["metadata"]
    name = spec.get("serviceAccountName") or DEFAULT
    stored = api.store.collection("", "serviceaccounts").get(meta["namespace"], name)
    if stored is None:
        why = f'error looking up service account {meta["namespace"]}/{name}: serviceaccount "{name}" not found'
        raise errors.forbidden(resource, meta.get("name", ""), why)
    account = stored.obj
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    if wants_token(spec, account):
        mount_token(spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = objects.copy_of(account["imagePullSecrets"])


def wants_token(spec: JsonObject, account: JsonObject) -> bool:
    """The pod has the word, then its account."""
    for said in (spec.get("automountServiceAccountToken"), account.get("automountServiceAccountToken")):
        if said is not None:
            return bool(said)
    return True


def mount_token(spec: JsonObject) -> None:
    """A projected volume with token, authority and namespace, in every container that has nothing at its place."""
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    without = [c for c in containers if all(m["mountPath"] != TOKEN_PATH for m in c.get("volumeMounts") or [])]
    if not without:
        return
    named = [v["name"] for v in spec.get("volumes") or [] if v["name"].startswith(_PREFIX)]
    name = named[0] if named else _PREFIX + objects.random_suffix()
    for container in without:
        mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    if not named:
        spec["volumes"] = [*(spec.get("volumes") or []), _volume(name)]


def _volume(name: str) -> JsonObject:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": _SECONDS, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
            ],
            "defaultMode": 0o644,
        },
    }

"""How the processes of a container reach the API server: a kubeconfig that names the token mounted into it.

A plain process has no /var/run/secrets/... of its own, where clients would look for the token.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

from btcwatcher_local.node.atomic import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from btcwatcher_local.client.config import Connection
    from btcwatcher_local.client.resources import Obj

_USUAL_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # where it is mounted by itself


def token_of(pod: Obj, container: Obj) -> tuple[str, str] | None:
    """The volume, and the path in it, of the token for the API server that the container mounts; None without one.

    The volume at the usual place comes first; a token for another audience is none for the API server.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    mounts = container.get("volumeMounts") or []
    for mount in sorted(mounts, key=lambda mount: mount["mountPath"] != _USUAL_PATH):
        projected = volumes.get(mount["name"], {}).get("projected") or {}
        for source in projected.get("sources") or []:
            token = source.get("serviceAccountToken")
            if token and not token.get("audience"):
                return mount["name"], token["path"]
    return None


def environment(pod: Obj, container: Obj, volumes: Mapping[str, Path], folder: Path, api: Connection) -> dict[str, str]:
    """What a container that mounts a token is told of the API server; its kubeconfig is written into `folder`."""
    found = token_of(pod, container)
    if found is None or found[0] not in volumes:
        return {}
    file = folder / "kubeconfig"
    token_file = (volumes[found[0]] / found[1]).absolute()
    write_private(file, yaml.safe_dump(kubeconfig(api, str(token_file), pod["metadata"]["namespace"]), sort_keys=False))
    server = urlsplit(api.server)
    port = server.port or (443 if server.scheme == "https" else 80)
    return {
        "KUBECONFIG": str(file.absolute()),
        "KUBERNETES_SERVICE_HOST": server.hostname or "",
        "KUBERNETES_SERVICE_PORT": str(port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(port),
    }


def kubeconfig(api: Connection, token_file: str, namespace: str) -> Obj:
    cluster: Obj = {"server": api.server}
    if api.insecure:
        cluster["insecure-skip-tls-verify"] = True
    elif api.authority:
        cluster["certificate-authority-data"] = base64.b64encode(api.authority.encode()).decode()
    name = "pod"
    context = {"cluster": name, "user": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"tokenFile": token_file}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }

"""The Node object: what this machine has, and the words in which a node says that it is well."""

from __future__ import annotations

import os
import platform
import shutil
from typing import TYPE_CHECKING

from btcwatcher_local.client import times

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from btcwatcher_local.client.resources import Obj
    from btcwatcher_local.node.settings import NodeSettings

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
VERSION = "v1.36.0+btcwatcher"


def capacity(root: Path, max_pods: int) -> dict[str, str]:
    """cpu in cores, memory in Ki and disk in Ki of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": f"{shutil.disk_usage(root).total // 1024}Ki",
        "pods": str(max_pods),
    }


def node_object(settings: NodeSettings) -> Obj:
    """Metadata and spec to register with."""
    machine = platform.machine()
    labels = {
        "kubernetes.io/hostname": settings.node_name,
        "kubernetes.io/os": platform.system().lower(),
        "kubernetes.io/arch": _ARCHITECTURES.get(machine, machine),
        **settings.labels,
    }
    return {"metadata": {"name": settings.node_name, "labels": labels}, "spec": {}}


def node_status(settings: NodeSettings, port: int, since: datetime, now: datetime, *, ready: bool) -> Obj:
    """The status of a node whose log endpoint listens on `port` and that is well (or going down) `since`."""
    sizes = capacity(settings.root, settings.max_pods)
    heard, changed = times.rfc3339(now), times.rfc3339(since)
    conditions = [
        {
            "type": kind,
            "status": "False",
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": heard,
            "lastTransitionTime": changed,
        }
        for kind, reason, message in (
            ("MemoryPressure", "KubeletHasSufficientMemory", "memory is not watched on a local node"),
            ("DiskPressure", "KubeletHasNoDiskPressure", "disk space is not watched on a local node"),
            ("PIDPressure", "KubeletHasSufficientPID", "processes are not counted on a local node"),
        )
    ]
    conditions.append(
        {
            "type": "Ready",
            "status": "True" if ready else "False",
            "reason": "KubeletReady" if ready else "NodeShutdown",
            "message": "pods run as processes of this machine" if ready else "the node agent is shutting down",
            "lastHeartbeatTime": heard,
            "lastTransitionTime": changed,
        }
    )
    machine = platform.machine()
    return {
        "capacity": sizes,
        "allocatable": sizes,
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": settings.host_ip},
            {"type": "Hostname", "address": settings.node_name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "bootID": "",
            "containerRuntimeVersion": "local-processes://1",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": "",
            "operatingSystem": platform.system().lower(),
            "osImage": platform.platform(terse=True),
            "systemUUID": "",
        },
    }

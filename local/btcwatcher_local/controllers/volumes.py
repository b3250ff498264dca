"""PersistentVolumeClaims bound to folders of this machine, whatever their StorageClass says.

A folder is removed with its claim when the reclaim policy is Delete, and only after no pod uses the claim. Sizes
are promises: nothing keeps a pod from writing more.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import NORMAL
from btcwatcher_local.client.quantity import parse_quantity
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import PODS, PVCS, PVS, STORAGE_CLASSES, Key, Obj

if TYPE_CHECKING:
    from collections.abc import Iterable

    from btcwatcher_local.controllers.context import Context

log = structlog.get_logger(__name__)

PROVISIONER = "btcwatcher.io/local-folder"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"


def claims_used(pod: Obj) -> set[str]:
    """Names of the claims a pod keeps in use: it is on a node and not over."""
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return set()
    return {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or []
        if "persistentVolumeClaim" in volume
    }


def in_use(claim: Obj, pods: Iterable[Obj]) -> bool:
    return any(resources.name(claim) in claims_used(pod) for pod in pods)


def requested(claim: Obj) -> str:
    """The size asked for, as written."""
    found = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    return str(found or "1Gi")


def volume_for(claim: Obj, folders: Path, reclaim: str) -> Obj:
    """The PersistentVolume made for a claim: a folder whose name tells a person whose it is."""
    name = f"pvc-{resources.uid(claim)}"
    folder = folders / f"{name}_{resources.namespace(claim)}_{resources.name(claim)}"
    spec: Obj = {
        "capacity": {"storage": requested(claim)},
        "accessModes": claim["spec"].get("accessModes") or ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": reclaim,
        "hostPath": {"path": str(folder), "type": "DirectoryOrCreate"},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": resources.namespace(claim),
            "name": resources.name(claim),
            "uid": resources.uid(claim),
        },
    }
    if storage_class := claim["spec"].get("storageClassName"):
        spec["storageClassName"] = storage_class
    if mode := claim["spec"].get("volumeMode"):
        spec["volumeMode"] = mode
    return {
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": spec,
    }


def grown(claim: Obj) -> bool:
    """Whether a bound claim asks for more than its status promises."""
    has = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    return parse_quantity(requested(claim)) > parse_quantity(has)


class VolumeController:
    """Binds, resizes and reclaims."""

    def __init__(self, context: Context, folders: Path) -> None:
        self._client = context.client
        self._recorder = context.recorder.named("persistentvolume-controller")
        self._folders = folders.absolute()
        self._claims = context.informer(PVCS)
        self._volumes = context.informer(PVS)
        self._pods = context.informer(PODS)
        self._users = self._pods.index(lambda pod: [(resources.namespace(pod), name) for name in claims_used(pod)])
        self._classes = context.informer(STORAGE_CLASSES)
        self._claim_queue: WorkQueue[Key] = WorkQueue("claim", self.reconcile_claim)
        self._volume_queue: WorkQueue[str] = WorkQueue("volume", self.reconcile_volume, workers=2)
        self._claims.listen(self._on_claim)
        self._volumes.listen(self._on_volume)
        self._pods.listen(self._on_pod)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claim_queue.run())
            group.create_task(self._volume_queue.run())

    def _on_claim(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._claim_queue.add(resources.key(new))
        elif old is not None and (volume := old["spec"].get("volumeName")):
            self._volume_queue.add(volume)

    def _on_volume(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._volume_queue.add(resources.name(new))

    def _on_pod(self, old: Obj | None, new: Obj | None) -> None:
        """A claim may be free once a pod that used it is gone or over."""
        if old is not None:
            for name in claims_used(old) - (claims_used(new) if new is not None else set()):
                self._claim_queue.add((resources.namespace(old), name))

    async def reconcile_claim(self, key: Key) -> float | None:
        claim = self._claims.get(*key)
        if claim is None:
            return None
        finalizers = resources.meta(claim).get("finalizers") or []
        if resources.deleting(claim):
            if CLAIM_PROTECTION in finalizers and not self._users.get(key):
                await self._unprotect(claim)
            return None
        if CLAIM_PROTECTION not in finalizers:
            claim = await self._client.patch(
                PVCS,
                *key,
                {
                    "metadata": {
                        "resourceVersion": claim["metadata"]["resourceVersion"],
                        "finalizers": [*finalizers, CLAIM_PROTECTION],
                    }
                },
            )
        if (claim.get("status") or {}).get("phase") == "Bound":
            if grown(claim):
                await self._resize(claim)
            return None
        await self._bind(claim)
        return None

    async def _unprotect(self, claim: Obj) -> None:
        """Let a deleted claim go, after a live look at the pods: the cache may not know the newest."""
        pods, _ = await self._client.list(PODS, resources.namespace(claim))
        if in_use(claim, pods):
            return
        metadata = claim["metadata"]
        rest = [item for item in metadata["finalizers"] if item != CLAIM_PROTECTION]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": rest}}
        await self._client.patch(PVCS, *resources.key(claim), patch)

    async def _bind(self, claim: Obj) -> None:
        key = resources.key(claim)
        name = claim["spec"].get("volumeName")
        if name:
            volume = await self._client.get_or_none(PVS, "", name)
            if volume is None:
                return
            ref = volume["spec"].get("claimRef") or {}
            if ref.get("uid", resources.uid(claim)) != resources.uid(claim):
                return  # somebody else's: the claim stays Pending
            if ref.get("uid") is None:
                wanted = volume_for(claim, self._folders, "Retain")["spec"]["claimRef"]
                volume = await self._client.patch(PVS, "", name, {"spec": {"claimRef": wanted}})
        else:
            volume = await self._provision(claim)
            name = resources.name(volume)
            patch = {
                "metadata": {
                    "resourceVersion": claim["metadata"]["resourceVersion"],
                    "annotations": {
                        "pv.kubernetes.io/bind-completed": "yes",
                        "pv.kubernetes.io/bound-by-controller": "yes",
                    },
                },
                "spec": {"volumeName": name},
            }
            claim = await self._client.patch(PVCS, *key, patch)
            text = f"Successfully provisioned volume {name}"
            self._recorder.emit(claim, PVCS, NORMAL, "ProvisioningSucceeded", text)
        status = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        await self._client.patch(PVS, "", name, {"status": {"phase": "Bound"}}, subresource="status")
        written = await self._client.patch(PVCS, *key, {"status": status}, subresource="status")
        self._claims.note(written)

    async def _provision(self, claim: Obj) -> Obj:
        storage_class = self._classes.get("", claim["spec"].get("storageClassName") or "") or {}
        wanted = volume_for(claim, self._folders, str(storage_class.get("reclaimPolicy") or "Delete"))
        Path(wanted["spec"]["hostPath"]["path"]).mkdir(parents=True, exist_ok=True)
        try:
            return await self._client.create(PVS, wanted)
        except ApiError as error:
            if not error.already_exists:
                raise
            return await self._client.get(PVS, "", resources.name(wanted))

    async def _resize(self, claim: Obj) -> None:
        size = {"storage": requested(claim)}
        await self._client.patch(PVS, "", claim["spec"]["volumeName"], {"spec": {"capacity": size}})
        patch = {"status": {"capacity": size}}
        await self._client.patch(PVCS, *resources.key(claim), patch, subresource="status")

    async def reconcile_volume(self, name: str) -> float | None:
        volume = self._volumes.get("", name)
        if volume is None:
            return None
        ref = volume["spec"].get("claimRef")
        if not ref or not ref.get("uid"):
            if (volume.get("status") or {}).get("phase") != "Available" and not resources.deleting(volume):
                patch = {"status": {"phase": "Available"}}
                await self._client.patch(PVS, "", name, patch, subresource="status")
            return None
        # A live look, for what follows may remove data.
        claim = await self._client.get_or_none(PVCS, ref["namespace"], ref["name"])
        if claim is not None and resources.uid(claim) == ref["uid"]:
            return None
        await self._reclaim(volume)
        return None

    async def _reclaim(self, volume: Obj) -> None:
        metadata, name = volume["metadata"], resources.name(volume)
        ours = (metadata.get("annotations") or {}).get(PROVISIONED_BY) == PROVISIONER
        removed = False
        if ours and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            folder = Path(volume["spec"]["hostPath"]["path"])
            if folder.parent == self._folders:  # never anything but a folder of our own making
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            if not resources.deleting(volume):
                await self._client.delete(PVS, "", name, uid=resources.uid(volume))
            removed = True
        elif (volume.get("status") or {}).get("phase") != "Released":
            patch = {"status": {"phase": "Released"}}
            await self._client.patch(PVS, "", name, patch, subresource="status")
        if not (removed or resources.deleting(volume)):
            return
        current = await self._client.get_or_none(PVS, "", name)
        if current is not None and VOLUME_PROTECTION in (current["metadata"].get("finalizers") or []):
            rest = [item for item in current["metadata"]["finalizers"] if item != VOLUME_PROTECTION]
            await self._client.patch(PVS, "", name, {"metadata": {"finalizers": rest}})

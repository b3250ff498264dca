"""A pod's volumes as folders on this machine.

emptyDir is a plain folder whatever its medium: memory-backed ones are private (0700) but do reach the disk.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from btcwatcher_local.client.resources import Obj, meta
from btcwatcher_local.node.atomic import Payload, write_files
from btcwatcher_local.node.env import (
    ConfigError,
    Lookup,
    config_map_data,
    field_value,
    resource_value,
    secret_data,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class VolumeError(Exception):
    """A volume cannot be made (yet); the text is for the FailedMount Event."""


class VolumeLookup(Lookup, Protocol):
    async def claim(self, namespace: str, name: str) -> Obj | None: ...

    async def persistent_volume(self, name: str) -> Obj | None: ...

    async def service_account_token(self, pod: Obj, source: Obj) -> str: ...


async def prepare(pod: Obj, base: Path, lookup: VolumeLookup, facts: Mapping[str, str]) -> dict[str, Path]:
    """Make every volume of the pod (again: files that did not change stay) and say where each lies.

    Raises VolumeError, naming the volume.
    """
    found = {}
    for volume in pod["spec"].get("volumes") or []:
        name = volume["name"]
        try:
            found[name] = await _prepare(pod, volume, base / name, lookup, facts)
        except (VolumeError, ConfigError) as error:
            raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error
        except OSError as error:
            raise VolumeError(f'MountVolume.SetUp failed for volume "{name}" : {error.strerror}') from error
    return found


async def _prepare(pod: Obj, volume: Obj, folder: Path, lookup: VolumeLookup, facts: Mapping[str, str]) -> Path:
    namespace = meta(pod)["namespace"]
    if (claim := volume.get("persistentVolumeClaim")) is not None:
        return await _claim_folder(namespace, claim["claimName"], lookup)
    if (host := volume.get("hostPath")) is not None:
        path = Path(host["path"])
        if host.get("type") == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        return path
    if "emptyDir" in volume:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    if (projected := volume.get("projected")) is not None:
        files = {}
        for source in projected.get("sources") or []:
            files.update(await _source(pod, source, projected.get("defaultMode", 0o644), lookup, facts))
    elif (secret := volume.get("secret")) is not None:
        shaped = {"secret": {**secret, "name": secret["secretName"]}}
        files = await _source(pod, shaped, secret.get("defaultMode", 0o644), lookup, facts)
    elif (config_map := volume.get("configMap")) is not None:
        files = await _source(pod, {"configMap": config_map}, config_map.get("defaultMode", 0o644), lookup, facts)
    elif (downward := volume.get("downwardAPI")) is not None:
        files = await _source(pod, {"downwardAPI": downward}, downward.get("defaultMode", 0o644), lookup, facts)
    else:
        kinds = ", ".join(sorted(set(volume) - {"name"})) or "none"
        raise VolumeError(f"volumes of this kind are not supported on a local node: {kinds}")
    write_files(folder, files)
    return folder


async def _claim_folder(namespace: str, name: str, lookup: VolumeLookup) -> Path:
    claim = await lookup.claim(namespace, name)
    if claim is None:
        raise VolumeError(f'persistentvolumeclaim "{name}" not found')
    volume_name = (claim.get("spec") or {}).get("volumeName")
    if not volume_name or (claim.get("status") or {}).get("phase") != "Bound":
        raise VolumeError(f'persistentvolumeclaim "{name}" is not bound')
    volume = await lookup.persistent_volume(volume_name)
    if volume is None:
        raise VolumeError(f'persistentvolume "{volume_name}" not found')
    spec = volume["spec"]
    path = (spec.get("hostPath") or spec.get("local") or {}).get("path")
    if not path:
        raise VolumeError(f'persistentvolume "{volume_name}" is neither a hostPath nor a local volume')
    Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


async def _source(
    pod: Obj, source: Obj, default_mode: int, lookup: VolumeLookup, facts: Mapping[str, str]
) -> dict[str, Payload]:
    namespace = meta(pod)["namespace"]
    if (secret := source.get("secret")) is not None:
        found = await lookup.secret(namespace, secret["name"])
        return _files("secret", secret, secret_data(found) if found else None, default_mode)
    if (config_map := source.get("configMap")) is not None:
        found = await lookup.config_map(namespace, config_map["name"])
        return _files("configmap", config_map, config_map_data(found) if found else None, default_mode)
    if (downward := source.get("downwardAPI")) is not None:
        files = {}
        for item in downward.get("items") or []:
            if ref := item.get("fieldRef"):
                text = field_value(pod, ref["fieldPath"], facts)
            else:
                text = resource_value(pod, {}, item["resourceFieldRef"], facts)
            files[item["path"]] = Payload(text.encode(), item.get("mode") or default_mode)
        return files
    if (token := source.get("serviceAccountToken")) is not None:
        text = await lookup.service_account_token(pod, token)
        return {token["path"]: Payload(text.encode(), 0o600)}
    raise VolumeError("projected source of an unknown kind")


def _files(kind: str, source: Obj, data: Mapping[str, bytes] | None, default_mode: int) -> dict[str, Payload]:
    if data is None:
        if source.get("optional"):
            return {}
        raise VolumeError(f'{kind} "{source["name"]}" not found')
    items = source.get("items")
    if not items:
        return {key: Payload(content, default_mode) for key, content in data.items()}
    files = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            raise VolumeError(f"references non-existent {kind} key: {item['key']}")
        files[item["path"]] = Payload(data[item["key"]], item.get("mode") or default_mode)
    return files

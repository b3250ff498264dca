"""A container's environment from its spec: literals, Secrets, ConfigMaps, fields of the pod."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

from btcwatcher_local.client.quantity import parse_quantity
from btcwatcher_local.client.resources import Obj, meta
from btcwatcher_local.node.expand import expand

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConfigError(Exception):
    """The container cannot be configured; the text is the kubelet's message for it."""


class Lookup(Protocol):
    """Reads what a pod refers to. None: there is no such object."""

    async def secret(self, namespace: str, name: str) -> Obj | None: ...

    async def config_map(self, namespace: str, name: str) -> Obj | None: ...


_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")
_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


def secret_data(secret: Obj) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in (secret.get("data") or {}).items()}


def config_map_data(config_map: Obj) -> dict[str, bytes]:
    text = {key: value.encode() for key, value in (config_map.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (config_map.get("binaryData") or {}).items()}
    return text | binary


async def container_env(
    pod: Obj, container: Obj, image_env: Mapping[str, str], lookup: Lookup, facts: Mapping[str, str]
) -> dict[str, str]:
    """The environment the container asks for, in the kubelet's order: image, envFrom, env.

    `facts` are `status.podIP`, `status.hostIP` and the allocatable `limits.*` for resourceFieldRef. Raises ConfigError.
    """
    namespace = meta(pod)["namespace"]
    env = dict(image_env)
    for source in container.get("envFrom") or []:
        env.update(await _from_source(namespace, source, lookup))
    for entry in container.get("env") or []:
        value = await _value(pod, container, entry, env, lookup, facts)
        if value is not None:
            env[entry["name"]] = value
    return env


async def _from_source(namespace: str, source: Obj, lookup: Lookup) -> dict[str, str]:
    if ref := source.get("secretRef"):
        found = await lookup.secret(namespace, ref["name"])
        data = secret_data(found) if found else None
        kind = "secret"
    elif ref := source.get("configMapRef"):
        found = await lookup.config_map(namespace, ref["name"])
        data = config_map_data(found) if found else None
        kind = "configmap"
    else:
        return {}
    if data is None:
        if ref.get("optional"):
            return {}
        raise ConfigError(f'{kind} "{ref["name"]}" not found')
    prefix = source.get("prefix") or ""
    return {prefix + key: value.decode(errors="replace") for key, value in data.items() if _NAME.match(prefix + key)}


async def _value(
    pod: Obj,
    container: Obj,
    entry: Obj,
    env: Mapping[str, str],
    lookup: Lookup,
    facts: Mapping[str, str],
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(str(entry.get("value") or ""), env)
    namespace = meta(pod)["namespace"]
    if ref := source.get("secretKeyRef"):
        found = await lookup.secret(namespace, ref["name"])
        return _key(namespace, "secret", "Secret", ref, secret_data(found) if found else None)
    if ref := source.get("configMapKeyRef"):
        found = await lookup.config_map(namespace, ref["name"])
        return _key(namespace, "configmap", "ConfigMap", ref, config_map_data(found) if found else None)
    if ref := source.get("fieldRef"):
        return field_value(pod, ref["fieldPath"], facts)
    if ref := source.get("resourceFieldRef"):
        return resource_value(pod, container, ref, facts)
    return None


def _key(namespace: str, plural: str, kind: str, ref: Obj, data: Mapping[str, bytes] | None) -> str | None:
    if data is None:
        if ref.get("optional"):
            return None
        raise ConfigError(f'{plural} "{ref["name"]}" not found')
    if ref["key"] not in data:
        if ref.get("optional"):
            return None
        raise ConfigError(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref['name']}")
    return data[ref["key"]].decode(errors="replace")


def field_value(pod: Obj, path: str, facts: Mapping[str, str]) -> str:
    """The downward API's string fields. Raises ConfigError for a path that is none of them."""
    metadata, spec = meta(pod), pod.get("spec") or {}
    if subscript := _SUBSCRIPT.match(path):
        return str((metadata.get(subscript[1]) or {}).get(subscript[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        found = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(found.items()))
    simple: dict[str, Any] = {
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace"),
        "metadata.uid": metadata.get("uid"),
        "spec.nodeName": spec.get("nodeName"),
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.podIP": facts.get("status.podIP"),
        "status.podIPs": facts.get("status.podIP"),
        "status.hostIP": facts.get("status.hostIP"),
        "status.hostIPs": facts.get("status.hostIP"),
    }
    if path not in simple:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return str(simple[path] or "")


def resource_value(pod: Obj, container: Obj, ref: Obj, facts: Mapping[str, str]) -> str:
    """`limits.cpu`, `requests.memory`, ... divided by the divisor and rounded up, as the kubelet does."""
    named = ref.get("containerName")
    if named:
        found = [item for item in pod["spec"]["containers"] if item["name"] == named]
        if not found:
            raise ConfigError(f"container {named} not found")
        container = found[0]
    section, _, resource = str(ref["resource"]).partition(".")
    held = (container.get("resources") or {}).get(section) or {}
    amount = held.get(resource)
    if amount is None and section == "limits":
        amount = facts.get(f"limits.{resource}")  # an unlimited container may use the whole node
    divisor = parse_quantity(ref.get("divisor") or "1") or 1
    return str(math.ceil(parse_quantity(amount) / divisor))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

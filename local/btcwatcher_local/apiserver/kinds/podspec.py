"""PodSpec, in pods and in the templates of workloads: defaults that clients rely on, and what must be there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import errors
from ..names import LABEL_WORDS

if TYPE_CHECKING:
    from ..errors import Cause
    from ..objects import JsonObject

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ENV = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_POLICIES = ("Always", "OnFailure", "Never")


def default_spec(spec: JsonObject) -> None:
    """In place."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        _default_container(container)
    for volume in spec.get("volumes") or []:
        _default_volume(volume)


def _default_container(container: JsonObject) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    if "imagePullPolicy" not in container:
        tag = str(container.get("image", "")).rpartition("/")[2].partition("@")[0].partition(":")[2]
        container["imagePullPolicy"] = "Always" if tag in ("", "latest") else "IfNotPresent"
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    resources = container["resources"]
    for name, value in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, value)
    for kind in _PROBES:
        probe = container.get(kind)
        if probe is not None:
            _default_probe(probe)
    for item in container.get("env") or []:
        field = (item.get("valueFrom") or {}).get("fieldRef")
        if field is not None:
            field.setdefault("apiVersion", "v1")


def _default_probe(probe: JsonObject) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        if not probe.get(name):
            probe[name] = value
    http = probe.get("httpGet")
    if http is not None:
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")


def _default_volume(volume: JsonObject) -> None:
    for kind in ("secret", "configMap", "projected", "downwardAPI"):
        source = volume.get(kind)
        if source is not None:
            source.setdefault("defaultMode", 420)
    for projected in (volume.get("projected") or {}).get("sources") or []:
        if (token := projected.get("serviceAccountToken")) is not None:
            token.setdefault("expirationSeconds", 3600)
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}


def causes(spec: Any, path: str, *, policies: tuple[str, ...] = _POLICIES) -> list[Cause]:
    """Field errors of a PodSpec."""
    if not isinstance(spec, dict):
        return [errors.required(path)]
    containers = spec.get("containers") or []
    found: list[Cause] = [] if containers else [errors.required(f"{path}.containers")]
    names: set[str] = set()
    volumes = {v.get("name") for v in spec.get("volumes") or []}
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            found += _container(container, f"{path}.{field}[{index}]", names, volumes)
    found += _volumes(spec.get("volumes") or [], f"{path}.volumes")
    policy = spec.get("restartPolicy")
    if policy not in policies:
        found.append(errors.not_supported(f"{path}.restartPolicy", policy, policies))
    return found


def _volumes(volumes: list[JsonObject], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        found += _name(volume.get("name"), f"{at}.name", seen)
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            found.append(errors.forbidden_value(f"{at}.{sources[1]}", "may not specify more than 1 volume type"))
    return found


def _name(name: Any, path: str, seen: set[str]) -> list[Cause]:
    if not name:
        return [errors.required(path)]
    found: list[Cause] = []
    if not _LABEL.fullmatch(name):
        found.append(errors.invalid_value(path, name, LABEL_WORDS))
    if len(name) > 63:
        found.append(errors.invalid_value(path, name, "must be no more than 63 bytes"))
    if name in seen:
        found.append(errors.duplicate_value(path, name))
    seen.add(name)
    return found


def _container(container: JsonObject, path: str, names: set[str], volumes: set[Any]) -> list[Cause]:
    found = _name(container.get("name"), f"{path}.name", names)
    if not container.get("image"):
        found.append(errors.required(f"{path}.image"))
    for index, port in enumerate(container.get("ports") or []):
        found += port_causes(port.get("containerPort"), f"{path}.ports[{index}].containerPort")
    for index, item in enumerate(container.get("env") or []):
        at = f"{path}.env[{index}]"
        if not item.get("name"):
            found.append(errors.required(f"{at}.name"))
        elif not _ENV.fullmatch(item["name"]):
            found.append(
                errors.invalid_value(f"{at}.name", item["name"], "a valid environment variable name is needed")
            )
        if item.get("value") and item.get("valueFrom"):
            detail = "may not be specified when `value` is not empty"
            found.append(errors.invalid_value(f"{at}.valueFrom", "", detail))
    mounted: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or []):
        at = f"{path}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            found.append(errors.Cause("FieldValueNotFound", f'Not found: "{mount.get("name", "")}"', f"{at}.name"))
        if not mount.get("mountPath"):
            found.append(errors.required(f"{at}.mountPath"))
        elif mount["mountPath"] in mounted:
            found.append(errors.invalid_value(f"{at}.mountPath", mount["mountPath"], "must be unique"))
        mounted.add(mount.get("mountPath", ""))
    return found


def port_causes(port: Any, path: str) -> list[Cause]:
    if not port:
        return [errors.required(path)]
    if not 0 < int(port) < 65536:
        return [errors.invalid_value(path, port, "must be between 1 and 65535, inclusive")]
    return []

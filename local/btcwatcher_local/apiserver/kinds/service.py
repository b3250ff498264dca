"""Service: addresses from a range of its own, ports with their defaults."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .. import errors
from .builtin import BuiltinBehaviour
from .podspec import port_causes

if TYPE_CHECKING:
    from ..context import Api
    from ..errors import Cause
    from ..objects import JsonObject
    from ..resources import Resource

_RANGE = ipaddress.ip_network("10.96.0.0/16")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_FIRST_NODE_PORT = 30000


class ServiceBehaviour(BuiltinBehaviour):
    def default(self, obj: JsonObject) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("type", "ClusterIP")
        for port in spec.get("ports") or []:
            port.setdefault("protocol", "TCP")
            if port.get("targetPort") in (None, 0, ""):
                port["targetPort"] = port.get("port", 0)
        if spec["type"] != "ExternalName":
            spec.setdefault("internalTrafficPolicy", "Cluster")
        if spec["type"] in ("NodePort", "LoadBalancer"):
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if spec["type"] == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)

    def prepare_create(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        obj["status"] = {"loadBalancer": {}}
        self._allocate(api, resource, obj)

    def prepare_update(self, api: Api, resource: Resource, obj: JsonObject, old: JsonObject) -> None:
        super().prepare_update(api, resource, obj, old)
        spec, before = obj["spec"], old["spec"]
        if spec.get("type") != "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if not spec.get(name) and before.get(name):
                    spec[name] = before[name]
        if spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
        known = {p.get("name", ""): p.get("nodePort") for p in before.get("ports") or []}
        for port in spec.get("ports") or []:
            if not port.get("nodePort") and known.get(port.get("name", "")) and spec["type"] != "ClusterIP":
                port["nodePort"] = known[port.get("name", "")]
        self._allocate(api, resource, obj)

    def _allocate(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        spec = obj["spec"]
        if spec["type"] == "ExternalName":
            return
        taken = api.allocated("clusterIP")
        if not spec.get("clusterIP"):
            spec["clusterIP"] = _free_address(taken)
        if spec["clusterIP"] != "None":
            taken[spec["clusterIP"]] = obj["metadata"].get("uid", "")
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if spec["type"] in ("NodePort", "LoadBalancer"):
            ports = api.allocated("nodePort")
            for port in spec.get("ports") or []:
                if not port.get("nodePort"):
                    number = _FIRST_NODE_PORT
                    while str(number) in ports:
                        number += 1
                    port["nodePort"] = number
                ports[str(port["nodePort"])] = obj["metadata"].get("uid", "")

    def removed(self, api: Api, resource: Resource, obj: JsonObject) -> None:
        spec = obj.get("spec") or {}
        api.allocated("clusterIP").pop(spec.get("clusterIP", ""), None)
        for port in spec.get("ports") or []:
            api.allocated("nodePort").pop(str(port.get("nodePort", "")), None)

    def validate(self, obj: JsonObject, old: JsonObject | None, *, status_only: bool = False) -> list[Cause]:
        if status_only:
            return []
        spec = obj["spec"]
        found: list[Cause] = []
        if spec["type"] not in _TYPES:
            found.append(errors.not_supported("spec.type", spec["type"], _TYPES))
        if spec["type"] == "ExternalName":
            return found if spec.get("externalName") else [*found, errors.required("spec.externalName")]
        ports = spec.get("ports") or []
        if not ports and spec.get("clusterIP") != "None":
            found.append(errors.required("spec.ports"))
        found += _port_causes(ports)
        if old is not None and old["spec"].get("clusterIP") and old["spec"]["type"] != "ExternalName":
            given = spec.get("clusterIPs") or [spec.get("clusterIP")]
            if given != old["spec"].get("clusterIPs"):
                found.append(errors.invalid_value("spec.clusterIPs[0]", given, "may not change once set"))
        return found


def _port_causes(ports: list[Any]) -> list[Cause]:
    found: list[Cause] = []
    names: set[str] = set()
    numbers: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            found.append(errors.required(f"{at}.name"))
        elif name and name in names:
            found.append(errors.duplicate_value(f"{at}.name", name))
        names.add(name)
        found += port_causes(port.get("port"), f"{at}.port")
        pair = (port.get("port"), port.get("protocol"))
        if pair in numbers:
            found.append(errors.duplicate_value(at, {"protocol": pair[1], "port": pair[0]}))
        numbers.add(pair)
    return found


def _free_address(taken: dict[str, str]) -> str:
    """The next address after the highest one handed out, round the range."""
    count = _RANGE.num_addresses
    start = int(taken.get("", "0"))
    for offset in range(1, count - 1):
        number = 1 + (start + offset) % (count - 2)
        address = str(_RANGE[number])
        if address not in taken:
            taken[""] = str(number)
            return address
    raise errors.internal("no free cluster IP is left")

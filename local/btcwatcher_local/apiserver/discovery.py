"""Discovery documents, one by one (legacy) and all at once (apidiscovery.k8s.io/v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .resources import SUBRESOURCES

if TYPE_CHECKING:
    from .objects import JsonObject
    from .registry import Registry
    from .resources import Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
AGGREGATED_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


def api_versions(address: str) -> JsonObject:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(registry: Registry) -> JsonObject:
    groups = [api_group(name, versions, nested=True) for name, versions in registry.groups().items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(name: str, versions: list[str], *, nested: bool = False) -> JsonObject:
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    head: JsonObject = {} if nested else {"kind": "APIGroup", "apiVersion": "v1"}
    return {**head, "name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(registry: Registry, group: str, version: str) -> JsonObject:
    entries: list[JsonObject] = []
    for resource in registry.of(group, version):
        entries.append(_entry(resource))
        entries.extend(_subresource_entry(resource, sub) for sub in resource.subresources)
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries
    }  # fmt: skip


def _entry(resource: Resource) -> JsonObject:
    entry: JsonObject = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if "list" in resource.verbs:
        entry["storageVersionHash"] = "memory"
    return entry


def _subresource(resource: Resource, sub: str) -> tuple[str, str, str, tuple[str, ...]]:
    return SUBRESOURCES.get(sub, (resource.kind, resource.group, resource.version, ("get", "patch", "update")))


def _subresource_entry(resource: Resource, sub: str) -> JsonObject:
    kind, group, version, verbs = _subresource(resource, sub)
    entry: JsonObject = {
        "name": f"{resource.plural}/{sub}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": list(verbs),
    }
    if (group, version) != (resource.group, resource.version):
        entry["group"] = group
        entry["version"] = version
    return entry


def aggregated(registry: Registry, *, core: bool, version: str) -> JsonObject:
    """APIGroupDiscoveryList of /api (the core group) or /apis (all others)."""
    groups = {"": ["v1"]} if core else registry.groups()
    items = []
    for name, versions in groups.items():
        listed = [
            {"version": v, "resources": [_aggregated_entry(r) for r in registry.of(name, v)], "freshness": "Current"}
            for v in versions
        ]
        meta: dict[str, Any] = {"creationTimestamp": None}
        if name:
            meta["name"] = name
        items.append({"metadata": meta, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _aggregated_entry(resource: Resource) -> JsonObject:
    entry: JsonObject = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subresources = []
    for sub in resource.subresources:
        kind, group, version, verbs = _subresource(resource, sub)
        subresources.append(
            {
                "subresource": sub,
                "responseKind": {"group": group, "version": version, "kind": kind},
                "verbs": list(verbs),
            }
        )
    if subresources:
        entry["subresources"] = subresources
    return entry

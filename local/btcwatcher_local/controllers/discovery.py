"""Which kinds an API server serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.resources import Resource

if TYPE_CHECKING:
    from btcwatcher_local.client.http import Client

_NEEDED = {"list", "watch", "delete"}


async def discover(client: Client) -> list[Resource]:
    """Every kind that can be listed, watched and deleted, in its preferred version. A broken group is left out."""
    found = _resources("", "v1", await client.request("GET", "/api/v1"))
    groups = await client.request("GET", "/apis")
    for group in groups.get("groups") or []:
        seen: set[str] = set()
        preferred = group["preferredVersion"]["version"]
        versions = sorted((item["version"] for item in group["versions"]), key=lambda version: version != preferred)
        for version in versions:
            try:
                listed = await client.request("GET", f"/apis/{group['name']}/{version}")
            except ApiError:
                continue  # an aggregated API that is down must not stop the rest
            fresh = [item for item in _resources(group["name"], version, listed) if item.plural not in seen]
            seen |= {item.plural for item in fresh}
            found += fresh
    return found


def _resources(group: str, version: str, listed: dict[str, object]) -> list[Resource]:
    entries = listed.get("resources")
    return [
        Resource(group, version, item["name"], item["kind"], bool(item["namespaced"]))
        for item in (entries if isinstance(entries, list) else [])
        if "/" not in item["name"] and set(item.get("verbs") or []) >= _NEEDED
    ]

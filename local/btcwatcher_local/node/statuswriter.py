"""Writes a pod's status when it differs from what the object shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from btcwatcher_local.client import resources
from btcwatcher_local.client.errors import ApiError

if TYPE_CHECKING:
    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.resources import Obj


class StatusWriter:
    """One per pod. The uid goes along, so that a new pod of the same name never gets the old one's status."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def write(self, pod: Obj, wanted: Obj) -> Obj | None:
        """The pod as written, or None when nothing differed or the pod is gone."""
        if same(wanted, pod.get("status") or {}):
            return None
        patch = {"metadata": {"uid": resources.uid(pod)}, "status": wanted}
        try:
            return await self._client.patch(resources.PODS, *resources.key(pod), patch, subresource="status")
        except ApiError as error:
            if error.not_found or error.conflict:
                return None
            raise


def same(wanted: Any, held: Any) -> bool:
    """Whether everything wanted is there already; null and missing are one, extra fields do not count."""
    if wanted is None or wanted == {}:
        return held in (None, {}, [])
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(same(value, held.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(held, list)
            and len(wanted) == len(held)
            and all(same(left, right) for left, right in zip(wanted, held, strict=True))
        )
    return bool(wanted == held)

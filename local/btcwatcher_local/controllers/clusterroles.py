"""Aggregated ClusterRoles: their rules are those of the roles that their selectors find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from btcwatcher_local.client import resources
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import CLUSTER_ROLES, Obj

if TYPE_CHECKING:
    from collections.abc import Iterable

    from btcwatcher_local.controllers.context import Context


class ClusterRoleAggregation:
    """One key per aggregated role; a change of any role is a change for all of them."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._roles = context.informer(CLUSTER_ROLES)
        self._queue: WorkQueue[str] = WorkQueue("cluster role", self.reconcile, workers=1)
        self._roles.listen(self._on_role)

    async def run(self) -> None:
        await self._queue.run()

    def _on_role(self, old: Obj | None, new: Obj | None) -> None:
        for role in self._roles.items():
            if role.get("aggregationRule"):
                self._queue.add(resources.name(role))

    async def reconcile(self, name: str) -> float | None:
        role = self._roles.get("", name)
        if role is None or not role.get("aggregationRule"):
            return None
        wanted = aggregated(role, self._roles.items())
        if wanted != (role.get("rules") or []):
            await self._client.patch(CLUSTER_ROLES, "", name, {"rules": wanted})
        return None


def aggregated(role: Obj, roles: Iterable[Obj]) -> list[dict[str, Any]]:
    """The rules of all other roles that a selector of the role finds, by selector and name, each once."""
    others = sorted((other for other in roles if resources.name(other) != resources.name(role)), key=resources.name)
    rules: list[dict[str, Any]] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or []:
        for other in others:
            if resources.selector_matches(selector, resources.labels(other)):
                rules += [rule for rule in other.get("rules") or [] if rule not in rules]
    return rules

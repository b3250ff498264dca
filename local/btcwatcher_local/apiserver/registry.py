"""Which resources are served now: the builtin table and what CustomResourceDefinitions add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .resources import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .resources import Resource


class Registry:
    """Lookup by (group, version, plural); `generation` counts changes so that documents can be cached."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self.generation = 0
        for resource in BUILTINS:
            self._by_path[resource.group, resource.version, resource.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def all(self) -> list[Resource]:
        return list(self._by_path.values())

    def groups(self) -> dict[str, list[str]]:
        """Served versions of each group, the preferred one first; the core group is not among them."""
        out: dict[str, list[str]] = {}
        for resource in self._by_path.values():
            if resource.group:
                versions = out.setdefault(resource.group, [])
                if resource.version not in versions:
                    versions.append(resource.version)
        for versions in out.values():
            versions.sort(key=version_priority)
        return out

    def of(self, group: str, version: str) -> list[Resource]:
        return [r for r in self._by_path.values() if (r.group, r.version) == (group, version)]

    def custom(self, group: str, plural: str) -> list[Resource]:
        """The versions a CRD brought."""
        return [r for r in self._by_path.values() if r.crd and (r.group, r.plural) == (group, plural)]

    def replace_custom(self, group: str, plural: str, resources: Iterable[Resource]) -> None:
        """Serves these versions of a custom resource from now on, and no others."""
        for old in self.custom(group, plural):
            del self._by_path[old.group, old.version, old.plural]
        for resource in resources:
            self._by_path[resource.group, resource.version, resource.plural] = resource
        self.generation += 1


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Sort key: v2 before v1 before v1beta2 before v1beta1 before v1alpha1 before anything else."""
    import re

    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not found:
        return (3, 0, 0, version)
    major, stage, minor = found.groups()
    rank = {None: 0, "beta": 1, "alpha": 2}[stage]
    return (rank, -int(major), -int(minor or 0), version)

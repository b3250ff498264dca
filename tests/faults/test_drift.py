"""Every owned field of every child edited by hand: put back, with one write. Objects of others: left alone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import children, render_revision
from btcwatcher_operator.drift import ANNOTATION_APPLIED, stamped
from support.kubectl import until
from support.world import KINDS, quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.world import World

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

Object = dict[str, Any]
Path = tuple[str | int, ...]

CHILDREN = ("StatefulSet", "Service", "Ingress", "Secret", "PersistentVolumeClaim")

EVERYTHING = {
    "podTemplate": {"labels": {"team": "desk"}, "annotations": {"note": "hello"}, "nodeSelector": {"disk": "ssd"}},
    "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}},
}
"""What a spec can say that shows in the children."""

LEAST = {"StatefulSet": 50, "Service": 8, "Ingress": 8, "Secret": 5, "PersistentVolumeClaim": 3}
"""How many fields of a child there are at least that can be edited at all: the API server refuses the others."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that holds a plain value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def owned(child: Object) -> Iterator[tuple[Path, Any]]:
    for path, value in leaves({key: value for key, value in child.items() if key not in ("apiVersion", "kind")}):
        # Who it is, and whose: a child with another owner is not ours any more, and goes with that owner.
        if path[:2] in (("metadata", "name"), ("metadata", "namespace")):
            continue
        if path[:2] == ("metadata", "ownerReferences") and path[-1] not in ("controller", "blockOwnerDeletion"):
            continue
        # A claim can grow, but never shrink again; and without an owner it is ours by these labels alone.
        if child["kind"] == "PersistentVolumeClaim" and (
            path[0] == "spec" or path[-1] in (names.LABEL_MANAGED_BY, names.LABEL_STRATEGY)
        ):
            continue
        yield path, value


def other(path: Path, value: Any) -> Any:
    """Another value of the same type; valid wherever that can be told from the path."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if path[0] in ("data", "stringData"):
        return base64.b64encode(b"nonsense").decode()
    if any(part in ("requests", "limits", "sizeLimit") for part in path):
        return f"1{value}"
    return f"{value}x"


def pointer(path: Path) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def in_live(path: Path, desired: Any, live: Any) -> Path:
    """The path in the live object: a list that is merged by key keeps what an earlier edit made of an entry."""
    found: list[str | int] = []
    for part in path:
        desired = desired[part]
        if isinstance(part, int) and isinstance(desired, dict):
            key = next(
                (one for one in ("port", "containerPort", "mountPath", "topologyKey", "name") if one in desired), None
            )
            if key is not None:
                part = next(at for at, item in enumerate(live) if item.get(key) == desired[key])
        live = live[part]
        found.append(part)
    return tuple(found)


def where(world: World, child: Object) -> str:
    group, plural = KINDS[child["kind"]]
    return f"/{group}/namespaces/{world.namespace}/{plural}/{child['metadata']['name']}"


def wanted(world: World, name: str) -> list[Object]:
    found = world.strategy(name)
    assert found is not None
    strategy = Strategy.model_validate(found)
    port = strategy.status.port
    assert port is not None
    return [stamped(child) for child in children(strategy, world.platform, port,
            render_revision(strategy, world.platform, port, None))]  # fmt: skip


def edits(world: World, child: Object) -> list[Path]:
    """Each owned field that the API server lets a hand change by itself."""
    possible = []
    for path, value in owned(child):
        operation = edit(path, path, value)
        answer = world.server.call(
            "PATCH", f"{where(world, child)}?dryRun=All", [operation], content_type="application/json-patch+json"
        )
        if answer.status_code < 300:
            possible.append(path)
    return possible


def edit(path: Path, where: Path, value: Any) -> Object:
    """The JSON patch operation that gives the field at `path` another value; it lies at `where` by now."""
    return {"op": "replace", "path": pointer(where), "value": other(path, value)}


def section(path: Path) -> Path:
    """What is edited together: labels, annotations, a part of the spec, a container."""
    return path[:2]


def value_at(path: Path, value: Any) -> Any:
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize("kind", CHILDREN)
@pytest.mark.parametrize("one_by_one", [False, pytest.param(True, marks=pytest.mark.full)])
def test_every_owned_field_is_put_back_with_one_write(
    settled: World, new_name: Callable[[], str], kind: str, one_by_one: bool
) -> None:
    name = new_name()
    settled.make(name, **EVERYTHING)
    settled.converged(name)
    edited = 0
    for child in wanted(settled, name):
        if child["kind"] != kind:
            continue
        groups: dict[Path, list[Path]] = {}
        for path in edits(settled, child):
            groups.setdefault(path if one_by_one else section(path), []).append(path)
            edited += 1
        for group, paths in groups.items():
            live = settled.server.ok("GET", where(settled, child))
            operations = [edit(path, in_live(path, child, live), value_at(path, child)) for path in paths]
            settled.proxy.forget()
            settled.server.ok("PATCH", where(settled, child), operations, content_type="application/json-patch+json")
            until(lambda: settled.writes(name), f"something is written after {group} of {kind} was edited", 30)
            settled.converged(name)
            touched = {path[-1] for path in paths if "annotations" in path}
            labels = {path[-1] for path in paths if "labels" in path}
            # Without its label a child is out of sight: making it is refused before it is applied. Without the hash of
            # what was applied nobody knows whether a field is wanted no longer: it is handed over first.
            # A port with another number stays beside ours and has its name: an apply is refused, the list overwritten.
            beside = {path[-1] for path in paths if "ports" in path} & {"port", "containerPort", "protocol"}
            costs_two = names.LABEL_MANAGED_BY in labels or ANNOTATION_APPLIED in touched or bool(beside)
            quiet(lambda: [one.word for one in settled.writes(name)], 2 if costs_two else 1)
    assert edited >= LEAST[kind]


@pytest.mark.parametrize("kind", CHILDREN)
def test_an_object_of_somebody_else_is_not_taken_over(settled: World, new_name: Callable[[], str], kind: str) -> None:
    name = new_name()
    settled.make(name)
    settled.converged(name)
    (child, *_) = [child for child in wanted(settled, name) if child["kind"] == kind]
    # The same under another name's Strategy: as a user had it before.
    theirs = new_name()
    metadata = {"name": child["metadata"]["name"].replace(name, theirs), "namespace": settled.namespace}
    spec = {key: value for key, value in child.items() if key not in ("metadata", "apiVersion", "kind")}
    foreign = {**spec, "apiVersion": child["apiVersion"], "kind": kind, "metadata": metadata}
    group, plural = KINDS[kind]
    path = f"/{group}/namespaces/{settled.namespace}/{plural}"
    made = settled.server.ok("POST", path, foreign)
    settled.make(theirs)

    def told() -> bool:
        conditions = (settled.strategy(theirs) or {}).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["reason"] == "ForeignObject" for one in conditions)

    until(told, "ForeignObject", 30)
    now = settled.server.ok("GET", f"{path}/{metadata['name']}")
    assert now["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert ANNOTATION_APPLIED not in now["metadata"].get("annotations", {})
    # Once it is out of the way all goes on.
    settled.server.ok("DELETE", f"{path}/{metadata['name']}")

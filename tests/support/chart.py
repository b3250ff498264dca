"""The chart as helm renders it: one `helm template` for each set of values and each helm, however many tests ask."""

import functools
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "helm" / "btc-watcher"
RELEASE = NAMESPACE = "btcwatcher"
HELMS = (4, 3)
Object = dict[str, Any]
Values = Mapping[str, Any]

A_DATABASE: Values = {"database": {"existingSecret": {"name": "btcwatcher-database"}}}
"""The least that has to be said."""

KNOWN = (
    "monitoring.coreos.com/v1/ServiceMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "gateway.networking.k8s.io/v1/HTTPRoute",
)
"""Kinds of others that a cluster may have."""


class HelmError(AssertionError):
    """helm's words."""


def helm(version: int, *arguments: str, stdin: str = "", timeout: float = 240) -> str:
    """helm's output. Raises HelmError."""
    command = [str(REPOSITORY / ".tools" / "helm" / f"helm-{version}"), *arguments]
    done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise HelmError(done.stderr)
    return done.stdout


def merged(*several: Values) -> dict[str, Any]:
    """Later ones win; maps are merged, as helm does it."""
    result: dict[str, Any] = {}
    for values in several:
        for key, value in values.items():
            before = result.get(key)
            both = isinstance(value, Mapping) and isinstance(before, Mapping)
            result[key] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


@functools.cache
def text(version: int, values: str, knows: tuple[str, ...] = ()) -> str:
    """What helm prints; `values` as JSON, `knows`: kinds that the cluster has beside its own."""
    known = [f"--api-versions={kind}" for kind in knows]
    return helm(version, "template", RELEASE, str(CHART), "-n", NAMESPACE, "--values", "-", *known, stdin=values)


@functools.cache
def _objects(version: int, values: str, knows: tuple[str, ...]) -> tuple[Object, ...]:
    loaded = yaml.load_all(text(version, values, knows), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(item for item in loaded if item)


def rendered(
    values: Values | None = None,
    *,
    version: int = HELMS[0],
    database: Values = A_DATABASE,
    knows: tuple[str, ...] = KNOWN,
) -> list[Object]:
    """All objects, hooks too. Not to be changed: others get the same. Raises HelmError."""
    return list(_objects(version, json.dumps(merged(database, values or {}), sort_keys=True), knows))


def refusal(
    values: Values, *, version: int = HELMS[0], database: Values = A_DATABASE, knows: tuple[str, ...] = KNOWN
) -> str:
    """The words with which the values are refused."""
    try:
        rendered(values, version=version, database=database, knows=knows)
    except HelmError as error:
        return str(error)
    raise AssertionError(f"they were taken: {values}")


def one(objects: Iterable[Object], kind: str, name: str, namespace: str | None = None) -> Object:
    """The only object of that kind and name."""
    found = [
        item
        for item in objects
        if item["kind"] == kind
        and item["metadata"]["name"] == name
        and (namespace is None or item["metadata"].get("namespace") == namespace)
    ]
    assert len(found) == 1, f"{len(found)} of {kind} {name}: {sorted(identity(item) for item in objects)}"
    return found[0]


def identity(item: Object) -> tuple[str, str, str]:
    return item["kind"], item["metadata"].get("namespace") or "", item["metadata"]["name"]


def pods(objects: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """The pod template of each object that has one, by what it is called."""
    for item in objects:
        template = item if item["kind"] == "Pod" else item.get("spec", {}).get("template")
        if isinstance(template, dict) and "spec" in template:
            yield f"{item['kind']}/{item['metadata']['name']}", template


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Object) -> dict[str, Any]:
    """Name -> value, or where it comes from."""
    variables = container.get("env", [])
    found = {item["name"]: item.get("value", item.get("valueFrom")) for item in variables}
    assert len(found) == len(variables), "a variable is there twice"
    return found

"""Whether a live object still is what we applied. Pure; decides without asking the API server."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from btcwatcher_operator.children.canonical import short_hash
from btcwatcher_operator.resources import Object

ANNOTATION_APPLIED: Final = "btcwatcher.io/applied"
"""On every child: the hash of what was applied, so that a field we no longer want is noticed too."""

# Lists that the API server merges by key (listType=map): others may add entries of their own.
_LIST_KEYS: Final = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "ownerReferences": ("uid",),
    "imagePullSecrets": ("name",),
    "ports": ("port", "containerPort"),
    "topologySpreadConstraints": ("topologyKey",),
}

_QUANTITY: Final = re.compile(r"^([+-]?[0-9.]+)([numkMGTPE]|[KMGTPE]i)?$")
_SUFFIX: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(10**3),
    "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip


def stamped(desired: Object) -> Object:
    """The object with the hash of its own content as an annotation."""
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), ANNOTATION_APPLIED: short_hash(desired)}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def applied_hash(child: Object) -> str:
    """The hash that `stamped` gave the child; empty where somebody took it away."""
    annotation: str = child["metadata"].get("annotations", {}).get(ANNOTATION_APPLIED, "")
    return annotation


def differences(desired: Any, live: Any, path: str = "") -> Iterator[str]:
    """Paths at which the live object lacks or contradicts what is desired. What is not desired is not looked at."""
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            yield path
            return
        for key, value in desired.items():
            if key in live:
                found = live[key]
                # Most of most objects is equal, which is told without looking at each value here.
                if value != found:
                    yield from differences(value, found, f"{path}.{key}")
            elif value not in ({}, []):  # the API server drops empty values
                yield f"{path}.{key}"
    elif isinstance(desired, (list, tuple)):
        yield from _list_differences(desired, live, path)
    elif not _same(desired, live, path):
        yield path


def _list_differences(desired: Sequence[Any], live: Any, path: str) -> Iterator[str]:
    if not isinstance(live, (list, tuple)):
        yield path
        return
    keys = _LIST_KEYS.get(path.rpartition(".")[2])
    if keys is None or not all(isinstance(item, dict) for item in desired):
        if len(desired) != len(live):
            yield path
            return
        for index, (wanted, found) in enumerate(zip(desired, live, strict=True)):
            yield from differences(wanted, found, f"{path}[{index}]")
        return
    by_key = {_identity(item, keys): item for item in live}
    for item in desired:
        identity = _identity(item, keys)
        if identity in by_key:
            yield from differences(item, by_key[identity], f"{path}[{identity}]")
        else:
            yield f"{path}[{identity}]"


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(item[key]) for key in keys if key in item), "")


def _same(desired: Any, live: Any, path: str) -> bool:
    if desired == live:
        return True
    # The API server writes quantities its own way: 1000m comes back as 1.
    if ".resources." in path or path.endswith(".sizeLimit"):
        wanted, found = _quantity(desired), _quantity(live)
        return wanted is not None and wanted == found
    return False


def _quantity(value: Any) -> Decimal | None:
    match = _QUANTITY.match(str(value))
    return Decimal(match[1]) * _SUFFIX[match[2] or ""] if match else None

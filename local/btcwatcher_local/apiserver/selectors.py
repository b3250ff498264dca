"""Label and field selectors as predicates on objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .objects import JsonObject
    from .resources import Resource

    Predicate = Callable[[JsonObject], bool]

_SET = re.compile(r"^\s*([^\s!=(),]+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUALITY = re.compile(r"^\s*([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=(),]+)\s*$")
_COMPARE = re.compile(r"^\s*([^\s!=(),<>]+)\s*([<>])\s*(-?\d+)\s*$")

_COMMON_FIELDS = ("metadata.name", "metadata.namespace")
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    ("", "Event"): (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ),
    ("events.k8s.io", "Event"): (
        "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
        "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type",
    ),
    ("", "Secret"): ("type",),
    ("", "Namespace"): ("status.phase",),
    ("", "Node"): ("spec.unschedulable",),
    ("", "Service"): ("spec.clusterIP", "spec.type"),
    ("apps", "ReplicaSet"): ("status.replicas",),
    ("batch", "Job"): ("status.successful",),
}  # fmt: skip

# Objects are stored in the form of the core group, whoever asks.
_STORED_AS = {
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
}


def _split(text: str) -> list[str]:
    """Parts between commas that lie outside of parentheses."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def label_selector(text: str) -> Predicate | None:
    """The predicate of a labelSelector parameter, None when it selects everything; 400 when it is malformed."""
    if not text.strip():
        return None
    tests = [_label_requirement(part) for part in _split(text)]

    def matches(obj: JsonObject) -> bool:
        labels = obj.get("metadata", {}).get("labels") or {}
        return all(test(labels) for test in tests)

    return matches


def _label_requirement(part: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.match(part):
        key, operator, listed = found.groups()
        values = {v.strip() for v in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: key not in labels or labels[key] not in values
    if found := _EQUALITY.match(part):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _COMPARE.match(part):
        key, operator, bound = found.groups()
        return _compare(key, operator, int(bound))
    if found := _EXISTS.match(part):
        absent, key = found.groups()
        if absent:
            return lambda labels: key not in labels
        return lambda labels: key in labels
    raise errors.bad_request(f"unable to parse requirement: found '{part}', expected: a label selector")


def _compare(key: str, operator: str, bound: int) -> Callable[[dict[str, str]], bool]:
    def test(labels: dict[str, str]) -> bool:
        try:
            value = int(labels[key])
        except (KeyError, ValueError):
            return False
        return value > bound if operator == ">" else value < bound

    return test


def field_selector(resource: Resource, text: str) -> Predicate | None:
    """The predicate of a fieldSelector parameter; 400 for a field that this kind does not offer."""
    if not text.strip():
        return None
    allowed = _COMMON_FIELDS + _FIELDS.get((resource.group, resource.kind), ())
    custom: tuple[str, ...] = ()
    if resource.crd:
        custom = tuple(path.lstrip(".") for path in resource.crd.selectable_fields)
    terms: list[tuple[str, bool, str]] = []
    for part in text.split(","):
        found = re.match(r"^\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*$", part)
        if not found:
            raise errors.bad_request(f"invalid field selector: invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = found.groups()
        if path not in allowed and path not in custom:
            if resource.crd:
                raise errors.bad_request(f"field label not supported: {path}")
            raise errors.bad_request(
                f'Unable to find "{resource.group_version}, Resource={resource.plural}" that match label selector'
                f' "", field selector "{text}": field label not supported: {path}'
            )
        terms.append((_stored_path(resource, path), operator != "!=", value))
    return _field_predicate(terms)


def _stored_path(resource: Resource, path: str) -> str:
    if resource.group == "events.k8s.io":
        head, _, rest = path.partition(".")
        head = _STORED_AS.get(head, head)
        return f"{head}.{rest}" if rest else head
    return path


def _field_predicate(terms: list[tuple[str, bool, str]]) -> Predicate:
    split = [(path.split("."), wanted, value) for path, wanted, value in terms]

    def matches(obj: JsonObject) -> bool:
        return all((field_text(obj, path) == value) == wanted for path, wanted, value in split)

    return matches


def field_text(obj: JsonObject, path: Iterable[str]) -> str:
    """A field as field selectors compare it: text, empty when absent."""
    value: object = obj
    for part in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(part)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # `source` of an Event selects by its component
        return str(value.get("component", ""))
    return str(value)

"""The rules of a schema: compiled when the CRD comes, evaluated on every write that touches what they look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..apply.typed import TypeProblemError, item_key
from ..errors import Cause, show_value
from ..schema.validate import below
from .engine import CelError, Expression, compile_expression, uses_old
from .values import to_cel

if TYPE_CHECKING:
    from ..objects import JsonObject
    from ..schema.node import Node

_MISSING = object()
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of x-kubernetes-validations."""

    test: Expression
    transition: bool
    message: str
    message_expression: Expression | None
    reason: str
    field_path: str


def rules_of(node: Node) -> list[Rule]:
    """The compiled rules of a node; remembered on it. Raises CelError."""
    known = node.__dict__.get("_rules")
    if known is None:
        known = [_rule(raw) for raw in node.raw.get("x-kubernetes-validations") or ()]
        node.__dict__["_rules"] = known
    found: list[Rule] = known
    return found


def _rule(raw: JsonObject) -> Rule:
    text = raw["rule"]
    optional_old = bool(raw.get("optionalOldSelf"))
    expression = raw.get("messageExpression")
    return Rule(
        test=compile_expression(text, "BOOL", optional_old),
        transition=uses_old(text),
        message=(raw.get("message") or "").strip() or f"failed rule: {text.strip()}",
        message_expression=compile_expression(expression, "STRING", optional_old) if expression else None,
        reason=raw.get("reason") or "FieldValueInvalid",
        field_path=raw.get("fieldPath") or "",
    )


def has_rules(node: Node) -> bool:
    """Whether there is a rule at a node or below it; remembered."""
    known = node.__dict__.get("_has_rules")
    if known is None:
        children = list(node.properties.values()) if not node.__dict__.get("_metadata") else []
        if node.additional is not None:
            children.append(node.additional)
        if "items" in node.raw:
            children.append(node.items)
        known = bool(node.raw.get("x-kubernetes-validations")) or any(map(has_rules, children))
        node.__dict__["_has_rules"] = known
    return bool(known)


def check_rules(value: Any, old: Any, node: Node, *, creating: bool, path: str = "") -> list[Cause]:
    """Every rule that does not hold, for an object and what it was before; with a path, for a part of one."""
    if path:
        return _check(value, _MISSING if creating else old, node, path)
    return _check(_root(value), _MISSING if creating else _root(old), node, "")


def _root(obj: Any) -> Any:
    """A whole object as rules see it: of the metadata only the names."""
    meta = obj.get("metadata") or {}
    return {**obj, "metadata": {k: meta[k] for k in ("name", "generateName") if k in meta}}


def _check(value: Any, old: Any, node: Node, path: str) -> list[Cause]:
    if value is None or (old is not _MISSING and value == old) or not has_rules(node):
        return []  # what did not change is not held against a writer
    causes = [cause for rule in rules_of(node) if (cause := _evaluate(rule, value, old, node, path))]
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name, child in value.items():
            declared = node.properties.get(name) or node.additional
            if declared is not None and (path or name != "metadata"):
                causes += _check(child, before.get(name, _MISSING), declared, below(path, name))
    elif isinstance(value, list):
        before_items = _correlated(old, node)
        for index, item in enumerate(value):
            earlier = before_items.get(_key(item, node), _MISSING) if before_items else _MISSING
            causes += _check(item, earlier, node.items, f"{path}[{index}]")
    return causes


def _key(item: Any, node: Node) -> str:
    try:
        return item_key(item, node)
    except TypeProblemError:
        return ""


def _correlated(old: Any, node: Node) -> dict[str, Any]:
    if not isinstance(old, list) or node.list_type != "map":
        return {}
    return {_key(item, node): item for item in old}


def _evaluate(rule: Rule, value: Any, old: Any, node: Node, path: str) -> Cause | None:
    has_old = old is not _MISSING and old is not None
    if rule.transition and not has_old and not rule.test.optional_old:
        return None
    now = to_cel(value, node)
    before = to_cel(old, node) if has_old else None
    try:
        if rule.test.value(now, before, has_old=has_old):
            return None
        message = _message(rule, now, before, has_old=has_old)
    except CelError as error:
        message = f"{error} evaluating rule: {rule.message}"
    at = path + "".join(f".{a or b}" for a, b in _STEP.findall(rule.field_path))
    return _cause(rule.reason, at.lstrip(".") or "<nil>", value if not rule.field_path else {}, message)


def _message(rule: Rule, now: Any, before: Any, *, has_old: bool) -> str:
    if rule.message_expression is None:
        return rule.message
    try:
        text = str(rule.message_expression.value(now, before, has_old=has_old)).strip()
    except CelError:
        return rule.message
    return text if text and "\n" not in text else rule.message


def _cause(reason: str, path: str, value: Any, message: str) -> Cause:
    shown = "" if isinstance(value, (dict, list)) else f"{show_value(value)}: "
    match reason:
        case "FieldValueForbidden":
            return Cause(reason, f"Forbidden: {message}", path)
        case "FieldValueRequired":
            return Cause(reason, f"Required value: {message}", path)
        case "FieldValueDuplicate":
            return Cause(reason, f"Duplicate value: {shown.removesuffix(': ')}", path)
        case _:
            return Cause("FieldValueInvalid", f"Invalid value: {shown}{message}", path)


def compile_causes(node: Node, path: str) -> list[Cause]:
    """Field errors of a CRD for the rules that cannot be compiled here: they are refused, never ignored."""
    causes = []
    for index, raw in enumerate(node.raw.get("x-kubernetes-validations") or ()):
        at = f"{path}.x-kubernetes-validations[{index}]"
        try:
            _rule(raw)
        except CelError as error:
            detail = f"compilation failed: {error}"
            causes.append(
                Cause("FieldValueInvalid", f"Invalid value: {show_value(raw.get('rule'))}: {detail}", f"{at}.rule")
            )
    for name, child in node.properties.items():
        causes += compile_causes(child, f"{path}.properties[{name}]")
    if node.additional is not None and isinstance(node.raw.get("additionalProperties"), dict):
        causes += compile_causes(node.additional, f"{path}.additionalProperties")
    if isinstance(node.raw.get("items"), dict):
        causes += compile_causes(node.items, f"{path}.items")
    return causes

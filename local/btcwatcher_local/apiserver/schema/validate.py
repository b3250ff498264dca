"""Field errors of a custom object against its structural schema, in the real server's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import Cause, duplicate_value, invalid_value, not_supported, required
from ..objects import encode
from .formats import FORMATS, INTEGER_RANGES
from .patterns import compiled

if TYPE_CHECKING:
    from .node import Node

_NONE = object()

# After one of these the object's shape is not known well enough for rules to be evaluated.
BLOCKING = frozenset(
    {"FieldValueTypeInvalid", "FieldValueRequired", "FieldValueNotSupported", "FieldValueTooLong", "FieldValueTooMany"}
)
NOT_CHECKED = Cause(
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
    "<nil>",
)


def type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]


def _is(value: Any, wanted: str) -> bool:
    if wanted == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    if wanted == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type_name(value) == wanted


def _wrong_type(value: Any, wanted: str, path: str) -> Cause:
    given = "float64" if isinstance(value, float) and wanted in INTEGER_RANGES else type_name(value)
    return Cause(
        "FieldValueTypeInvalid", f'Invalid value: "{given}": {path} in body must be of type {wanted}: "{given}"', path
    )


def below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def check(value: Any, node: Node, path: str = "", old: Any = _NONE) -> list[Cause]:
    """Every violation at this place and below it; what is as it was in `old` is not held against a writer."""
    if old is not _NONE and old is not None and old == value:
        return []
    if value is None:
        return [] if node.nullable or not node.types else [_wrong_type(value, node.types[0], path)]
    if node.int_or_string:
        if not (_is(value, "integer") or isinstance(value, str)):
            return [_wrong_type(value, "integer,string", path)]
    elif node.types and not any(_is(value, wanted) for wanted in node.types):
        causes = [_wrong_type(value, _type_words(value, node), path)]
        return causes + _enum(value, node, path)
    causes = _enum(value, node, path)
    if isinstance(value, str):
        causes += _string(value, node, path)
    elif isinstance(value, dict):
        causes += _object(value, node, path, old if isinstance(old, dict) else {})
    elif isinstance(value, list):
        causes += _array(value, node, path)
    elif not isinstance(value, bool):
        causes += _number(value, node, path)
    return causes + _combined(value, node, path)


def _type_words(value: Any, node: Node) -> str:
    format_: str = node.raw.get("format", "")
    return format_ if format_ in INTEGER_RANGES and isinstance(value, float) else ",".join(node.types)


def _enum(value: Any, node: Node, path: str) -> list[Cause]:
    allowed = node.raw.get("enum")
    if allowed is None or any(value == a and type(value) is type(a) for a in allowed):
        return []
    return [not_supported(path, value, allowed)]


def _string(value: str, node: Node, path: str) -> list[Cause]:
    raw, causes = node.raw, []
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        causes.append(Cause("FieldValueTooLong", f"Too long: may not be more than {raw['maxLength']} bytes", path))
    if "minLength" in raw and len(value) < raw["minLength"]:
        detail = f"{path} in body should be at least {raw['minLength']} chars long"
        causes.append(invalid_value(path, value, detail))
    pattern = raw.get("pattern")
    if pattern and not compiled(pattern).search(value):
        causes.append(invalid_value(path, value, f"{path} in body should match '{pattern}'"))
    test = FORMATS.get(raw.get("format", ""))
    if test is not None and not test(value):
        message = f'Invalid value: "{value}": {path} in body must be of type {raw["format"]}: "{value}"'
        causes.append(Cause("FieldValueTypeInvalid", message, path))
    return causes


def _number(value: float, node: Node, path: str) -> list[Cause]:
    raw, causes = node.raw, []
    limit = INTEGER_RANGES.get(raw.get("format", ""))
    if limit is not None and not -limit <= value < limit:
        words = (
            f"Checked value must be of type {node.types[0] if node.types else 'integer'} with format {raw['format']}"
        )
        causes.append(Cause("FieldValueInvalid", f'Invalid value: "": {words} in {path}', "<nil>"))
    if "minimum" in raw:
        low = raw["minimum"]
        if raw.get("exclusiveMinimum"):
            if value <= low:
                causes.append(invalid_value(path, value, f"{path} in body should be greater than {low}"))
        elif value < low:
            causes.append(invalid_value(path, value, f"{path} in body should be greater than or equal to {low}"))
    if "maximum" in raw:
        high = raw["maximum"]
        if raw.get("exclusiveMaximum"):
            if value >= high:
                causes.append(invalid_value(path, value, f"{path} in body should be less than {high}"))
        elif value > high:
            causes.append(invalid_value(path, value, f"{path} in body should be less than or equal to {high}"))
    factor = raw.get("multipleOf")
    if factor and abs(value / factor - round(value / factor)) > 1e-9:
        causes.append(invalid_value(path, value, f"{path} in body should be a multiple of {factor}"))
    return causes


def _too_many(count: int, limit: int, path: str) -> Cause:
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", path)


def _object(value: dict[str, Any], node: Node, path: str, old: dict[str, Any]) -> list[Cause]:
    raw = node.raw
    causes = [required(below(path, name)) for name in raw.get("required") or () if name not in value]
    if "maxProperties" in raw and len(value) > raw["maxProperties"]:
        causes.append(_too_many(len(value), raw["maxProperties"], path))
    if "minProperties" in raw and len(value) < raw["minProperties"]:
        detail = f"{path} in body should have at least {raw['minProperties']} properties"
        causes.append(invalid_value(path, len(value), detail))
    for name, child in value.items():
        if not path and name == "metadata":
            continue  # checked as every kind's metadata is
        declared = node.properties.get(name) or node.additional
        if declared is not None:
            causes += check(child, declared, below(path, name), old.get(name, _NONE))
    return causes


def _array(value: list[Any], node: Node, path: str) -> list[Cause]:
    raw, causes = node.raw, []
    if "maxItems" in raw and len(value) > raw["maxItems"]:
        causes.append(_too_many(len(value), raw["maxItems"], path))
    if "minItems" in raw and len(value) < raw["minItems"]:
        detail = f"{path} in body should have at least {raw['minItems']} items"
        causes.append(invalid_value(path, len(value), detail))
    if "items" in raw:
        for index, item in enumerate(value):
            causes += check(item, node.items, f"{path}[{index}]")
    return causes + _duplicates(value, node, path)


def _duplicates(value: list[Any], node: Node, path: str) -> list[Cause]:
    if node.list_type == "atomic" and not node.raw.get("uniqueItems"):
        return []
    causes, seen = [], set()
    for index, item in enumerate(value):
        shown: Any = item
        if node.list_type == "map":
            if not isinstance(item, dict):
                continue
            shown = {
                key: item.get(key, _default(node, key)) for key in node.map_keys if key in item or _default(node, key)
            }
        mark = encode(shown)
        if mark in seen:
            causes.append(duplicate_value(f"{path}[{index}]", shown))
        seen.add(mark)
    return causes


def _default(node: Node, key: str) -> Any:
    declared = node.items.field(key)
    return declared.raw.get("default") if declared else None


def _combined(value: Any, node: Node, path: str) -> list[Cause]:
    """allOf, anyOf, oneOf and not: value validation only, as structural schemas demand."""
    raw = node.raw
    causes: list[Cause] = []
    for index, _ in enumerate(raw.get("allOf") or ()):
        causes += check(value, node.alternatives("allOf")[index], path)
    if raw.get("anyOf") and not any(not check(value, n, path) for n in node.alternatives("anyOf")):
        causes.append(_no_alternative(path, "must validate at least one schema (anyOf)"))
    if raw.get("oneOf"):
        valid = sum(not check(value, n, path) for n in node.alternatives("oneOf"))
        if valid != 1:
            found = f"Found {valid} valid alternatives" if valid else "Found none valid"
            causes.append(_no_alternative(path, f"must validate one and only one schema (oneOf). {found}"))
    if isinstance(raw.get("not"), dict) and not check(value, node.alternatives("not")[0], path):
        causes.append(_no_alternative(path, "must not validate the schema (not)"))
    return causes


def _no_alternative(path: str, words: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": "{path}" {words}', "<nil>")

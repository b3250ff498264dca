"""RFC 6902."""

from __future__ import annotations

from typing import Any

from .. import errors
from ..objects import copy_of

_MAX_OPERATIONS = 10_000


def apply(document: Any, operations: Any) -> Any:
    """The document after all operations. The one given is changed in place where it can be.

    422 when an operation does not fit the document (a failed `test` included), 400 when the patch is malformed.
    """
    if not isinstance(operations, list):
        raise errors.bad_request("error decoding patch: a JSON patch is a list of operations")
    if len(operations) > _MAX_OPERATIONS:
        raise errors.bad_request(f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}")
    for operation in operations:
        document = _step(document, operation)
    return document


def _step(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise errors.bad_request("error decoding patch: an operation needs op and path")
    kind = operation.get("op")
    path = _pointer(operation["path"])
    match kind:
        case "add":
            return _add(document, path, copy_of(_value(operation)))
        case "replace":
            if not path:
                return copy_of(_value(operation))
            _look(document, path, "replace")
            return _set(document, path, copy_of(_value(operation)))
        case "remove":
            _take(document, path, "remove")
            return document
        case "test":
            found = _look(document, path, "test", missing_ok=True)
            if not _same(found, operation.get("value")):
                raise errors.unprocessable()
            return document
        case "move":
            source = _pointer(_from(operation))
            value = _look(document, source, "move")
            _take(document, source, "move")
            return _add(document, path, value)
        case "copy":
            return _add(document, path, copy_of(_look(document, _pointer(_from(operation)), "copy")))
        case _:
            raise errors.bad_request(f"error decoding patch: unexpected operation {kind!r}")


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise errors.bad_request(f"error decoding patch: {operation['op']} operation without value")
    return operation["value"]


def _from(operation: dict[str, Any]) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise errors.bad_request(f"error decoding patch: {operation['op']} operation without from")
    return source


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(v, right[k]) for k, v in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _pointer(text: str) -> list[str]:
    if text == "":
        return []
    if not text.startswith("/"):
        raise errors.bad_request(f"error decoding patch: path {text!r} does not begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _index(items: list[Any], part: str, operation: str, path: list[str]) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise errors.unprocessable()
    return int(part)


def _look(document: Any, path: list[str], operation: str, *, missing_ok: bool = False) -> Any:
    value = document
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif missing_ok:
            return None
        else:
            raise errors.unprocessable()
    return value


def _set(document: Any, path: list[str], value: Any) -> Any:
    parent = _look(document, path[:-1], "replace")
    if isinstance(parent, list):
        parent[_index(parent, path[-1], "replace", path)] = value
    else:
        parent[path[-1]] = value
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _look(document, path[:-1], "add")
    last = path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        if last == "-":
            parent.append(value)
        elif last.isdigit() and int(last) <= len(parent):
            parent.insert(int(last), value)
        else:
            raise errors.unprocessable()
    else:
        raise errors.unprocessable()
    return document


def _take(document: Any, path: list[str], operation: str) -> None:
    _look(document, path, operation)
    parent = _look(document, path[:-1], operation)
    if isinstance(parent, list):
        del parent[_index(parent, path[-1], operation, path)]
    elif path:
        del parent[path[-1]]
    else:
        raise errors.unprocessable()

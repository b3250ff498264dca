"""Errors in the words and shape of a Kubernetes API server (metav1.Status)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .objects import JsonObject
    from .resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of details.causes: a field error."""

    reason: str
    message: str
    field: str = ""

    def as_json(self) -> JsonObject:
        out = {"reason": self.reason, "message": self.message}
        if self.field:
            out["field"] = self.field
        return out

    def text(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(slots=True)
class StatusError(Exception):
    """An answer that is not the object asked for; becomes a Status body."""

    code: int
    reason: str
    message: str
    details: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        Exception.__init__(self, self.message)

    def body(self) -> JsonObject:
        out: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if self.details:
            out["details"] = self.details
        out["code"] = self.code
        return out


def _about(resource: Resource, name: str, **more: Any) -> JsonObject:
    details: JsonObject = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    details.update(more)
    return details


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    more = {"causes": [c.as_json() for c in causes]} if causes else {}
    return StatusError(
        403,
        "Forbidden",
        f'{resource.qualified} "{name}" is forbidden: {why}',
        _about(resource, name, **more),
    )


def not_found(resource: Resource, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{resource.qualified} "{name}" not found', _about(resource, name))


def no_such_resource() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed(resource: Resource | None = None, verb: str = "") -> StatusError:
    message = "the server does not allow this method on the requested resource"
    details = _about(resource, "") if resource else {}
    return StatusError(405, "MethodNotAllowed", message, details)


def not_acceptable(media_types: Sequence[str]) -> StatusError:
    accepted = ", ".join(media_types)
    return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {accepted}")


def already_exists(resource: Resource, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _about(resource, name))


def conflict(resource: Resource, name: str, why: str) -> StatusError:
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        _about(resource, name),
    )


def stale(resource: Resource, name: str) -> StatusError:
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def apply_conflict(message: str, causes: Sequence[Cause]) -> StatusError:
    return StatusError(409, "Conflict", message, {"causes": [c.as_json() for c in causes]})


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def too_large(limit: int) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}", {})


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    listed = ", ".join(accepted)
    return StatusError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {listed}",
    )


def unprocessable() -> StatusError:
    """A patch that cannot be applied to the object as it is; the real server says no more either."""
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request")


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422 with every field error, worded as apimachinery's NewInvalid does."""
    qualified = f"{kind}.{group}" if group else kind
    texts = list(dict.fromkeys(c.text() for c in causes))
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details: JsonObject = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = kind
    details["causes"] = [c.as_json() for c in causes]
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {joined}', details)


def internal(message: str) -> StatusError:
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def not_implemented(message: str) -> StatusError:
    return StatusError(501, "NotImplemented", message)


def show_value(value: Any) -> str:
    """A value as Go's field errors print it: strings quoted, the rest as JSON."""
    from .objects import encode

    if value is None:
        return "null"
    text = encode(value).decode()
    return text if len(text) < 500 else text[:500] + "..."


def required(path: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", "Required value" + (f": {detail}" if detail else ""), path)


def invalid_value(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {show_value(value)}: {detail}", path)


def forbidden_value(path: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", path)


def duplicate_value(path: str, value: Any) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {show_value(value)}", path)


def not_supported(path: str, value: Any, supported: Sequence[Any]) -> Cause:
    listed = ", ".join(show_value(v) for v in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {show_value(value)}: supported values: {listed}", path)

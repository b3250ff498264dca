"""What a request would do, in the terms that rules are written in (apiserver's RequestInfo)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_TRUE = ("1", "true", "t")


@dataclass(frozen=True, slots=True)
class Attributes:
    """One verb on a resource, or on a path when `path` is given."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def combined(self) -> str:
        """resource/subresource, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def of_request(method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Whether anything is served there does not matter: who may not ask is not told."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, rest = "", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, rest = parts[1], parts[3:]
    else:
        return Attributes(method.lower(), path=path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource, *_ = [*rest, "", ""]
    verb = _VERBS.get(method, "")
    if not name and verb == "get":
        verb = "watch" if query.get("watch", "").lower() in _TRUE else "list"
        name = _selected_name(query.get("fieldSelector", ""))
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Attributes(verb, group, resource, subresource, namespace, name)


def _selected_name(selector: str) -> str:
    """The one name that a field selector leaves: a rule with resourceNames allows that list too."""
    for part in selector.split(","):
        key, equals, value = part.partition("=")
        if equals and key.strip() == "metadata.name":
            return value.removeprefix("=").strip()
    return ""


def forbidden(user: str, wanted: Attributes, reason: str) -> errors.StatusError:
    """403 in the words of a real server."""
    if wanted.path:
        text = f'User "{user}" cannot {wanted.verb} path "{wanted.path}"'
    else:
        where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
        group = f'in API group "{wanted.group}"'
        text = f'User "{user}" cannot {wanted.verb} resource "{wanted.combined}" {group} {where}'
    if reason:
        text += f": {reason}"
    if wanted.path:
        return errors.StatusError(403, "Forbidden", f"forbidden: {text}")
    qualified = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    named = f'{qualified} "{wanted.name}"' if wanted.name else qualified
    details = {"name": wanted.name, "group": wanted.group, "kind": wanted.resource}
    return errors.StatusError(
        403, "Forbidden", f"{named} is forbidden: {text}", {key: value for key, value in details.items() if value}
    )

"""What a request asks for: its path taken apart, its options read, its Accept header weighed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .access.user import User

_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class ApiPath:
    """/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}, parts missing as ""."""

    group: str
    version: str
    namespace: str
    plural: str
    name: str
    subresource: str


def parse_path(path: str) -> ApiPath | None:
    """None when the path is none of a resource."""
    parts = [p for p in path.split("/") if p]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and not (not group and rest[2] in _NAMESPACE_SUBRESOURCES):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        return None
    rest = [*rest, "", ""]
    return ApiPath(group, version, namespace, rest[0], rest[1], rest[2])


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Query parameters of create, update and patch."""

    dry_run: bool = False
    field_manager: str = "unknown"
    field_validation: str = "Warn"
    force: bool = False
    field_manager_given: bool = False
    # who writes; None: the system itself
    by: User | None = None
    # filled while the request is handled; go out as Warning headers
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Query parameters of list and watch."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    watch: bool = False
    bookmarks: bool = False
    send_initial_events: bool | None = None
    timeout: float | None = None


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() in ("1", "true", "t")


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def read_options(query: Mapping[str, str]) -> ReadOptions:
    initial = query.get("sendInitialEvents")
    return ReadOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_number(query, "limit") or 0,
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        resource_version_match=query.get("resourceVersionMatch", ""),
        watch=_flag(query, "watch"),
        bookmarks=_flag(query, "allowWatchBookmarks"),
        send_initial_events=None if initial is None else _flag(query, "sendInitialEvents"),
        timeout=_number(query, "timeoutSeconds"),
    )


def write_options(query: Mapping[str, str], user_agent: str, by: User | None = None) -> WriteOptions:
    """Raises 400 for values that the real server refuses."""
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise errors.bad_request(f'Invalid value: "{dry_run}": dryRun supports only All')
    validation = query.get("fieldValidation", "") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise errors.bad_request(f'fieldValidation: Unsupported value: "{validation}"')
    manager = query.get("fieldManager", "")
    if len(manager) > 128:
        raise errors.bad_request("fieldManager: Too long: may not be more than 128 bytes")
    return WriteOptions(
        dry_run=dry_run == "All",
        field_manager=manager or user_agent.split("/", 1)[0][:128] or "unknown",
        field_validation=validation,
        force=_flag(query, "force"),
        field_manager_given=bool(manager),
        by=by,
    )


@dataclass(frozen=True, slots=True)
class View:
    """In what form objects go out: as they are, as a Table, or as metadata only."""

    form: str = ""  # "", "Table" or "PartialObjectMetadata"
    version: str = "v1"
    include: str = "Metadata"  # how much of each object a Table's row carries


def negotiate(accept: str, include: str = "") -> View:
    """The first of the accepted media types that can be served; 406 when there is none."""
    if not accept:
        return View()
    for part in accept.split(","):
        pieces = [p.strip() for p in part.split(";")]
        if pieces[0] not in ("application/json", "*/*", "application/*"):
            continue
        parameters = dict(p.split("=", 1) for p in pieces[1:] if "=" in p)
        form = parameters.get("as", "")
        if not form:
            return View()
        if parameters.get("g") != "meta.k8s.io" or parameters.get("v") not in ("v1", "v1beta1"):
            continue
        if form == "Table":
            return View("Table", parameters["v"], include or "Metadata")
        if form in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return View("PartialObjectMetadata", parameters["v"])
    raise errors.not_acceptable(["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"])

"""A change in the cluster by REST: bound to the version that was read (ETag, If-Match), and recorded."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final, Protocol

from fastapi import Header, Request, Response

from btcwatcher_api import logs
from btcwatcher_api.accounts import audit
from btcwatcher_api.accounts.roles import Identity
from btcwatcher_api.cluster.client import CustomResources, Object
from btcwatcher_api.cluster.places import check_served
from btcwatcher_api.problems import Problem, request_id
from btcwatcher_crds.names import API_VERSION

_ATTEMPTS: Final = 3


class New(Protocol):
    """The body of a request that makes an object."""

    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def spec(self) -> Mapping[str, Any]: ...
    @property
    def labels(self) -> Mapping[str, str] | None: ...
    @property
    def annotations(self) -> Mapping[str, str] | None: ...


_log = logs.get("btcwatcher_api.changes")

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of what was read; * changes whatever is there", max_length=80, examples=['"4711"']),
]


def put_etag(response: Response, item: Mapping[str, Any]) -> None:
    """The answer's ETag is the object's resource version."""
    response.headers["ETag"] = f'"{item["metadata"]["resourceVersion"]}"'


def wanted_version(if_match: str) -> str | None:
    """The resource version in an If-Match header; None for any. Raises Problem 422."""
    value = if_match.strip()
    if value == "*":
        return None
    if len(value) < 3 or not (value.startswith('"') and value.endswith('"')) or '"' in value[1:-1]:
        raise Problem(422, 'if-match: one ETag in quotes, such as "4711", or *', [("if-match", "is not one ETag")])
    return value[1:-1]


def check_version(current: Mapping[str, Any], wanted: str | None) -> None:
    """Raises Problem 412 unless the object still has the version."""
    if wanted is not None and current["metadata"]["resourceVersion"] != wanted:
        raise Problem(412, f"the {current.get('kind', 'object')} has changed since it was read: read it again")


async def create(
    request: Request, response: Response, resources: CustomResources, by: Identity, kind: str, body: New, prefix: str
) -> Object:
    """Make an object of this kind, with its row in the audit log; the answer says where it is (below `prefix`).

    Raises Problem.
    """
    check_served(request, body.namespace)
    metadata = {
        "namespace": body.namespace,
        "name": body.name,
        "labels": body.labels or {},
        "annotations": body.annotations or {},
    }
    manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": body.spec}
    identifier = f"{body.namespace}.{body.name}"
    async with audited(request, by, f"{kind.lower()}.create", identifier):
        made = await resources.create(body.namespace, manifest)
    response.headers["Location"] = f"{prefix}/{identifier}"
    put_etag(response, made)
    return made


async def replace(
    resources: CustomResources, place: tuple[str, str], if_match: str | None, body: Mapping[str, Any]
) -> Object:
    """Give an object the spec of `body`, and its labels and annotations where they are given.

    Raises Problem 428 without If-Match, so that nobody undoes a change that he has not seen, and 412 when it changed.
    """
    if if_match is None:
        raise Problem(428, "send the ETag of what was read as If-Match (or * to replace whatever is there)")
    wanted = wanted_version(if_match)
    for attempt in range(_ATTEMPTS):
        current = await resources.get(*place)
        check_version(current, wanted)
        try:
            return await resources.replace(*place, _changed(current, body))
        except Problem as problem:
            # The operator may have written the status in between: look again whether anything else changed.
            if problem.status != 409 or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def delete(resources: CustomResources, place: tuple[str, str], if_match: str | None) -> None:
    """With If-Match only that version. Raises Problem 412 when it changed."""
    wanted = wanted_version(if_match) if if_match is not None else None
    if wanted is not None:
        check_version(await resources.get(*place), wanted)
    await resources.delete(*place, wanted)


@contextlib.asynccontextmanager
async def audited(request: Request, by: Identity, action: str, subject: str, **detail: Any) -> AsyncIterator[None]:
    """Around a change in the cluster: its row in the audit log, which is there if, and only if, the change was made.

    Without the database nothing is changed, for nobody could say afterwards who did it.
    """
    identity = request_id(request.scope)
    async with request.app.state.changing.begin() as connection:
        await audit.record(connection, actor=by.name, action=action, subject=subject, request_id=identity, **detail)
        yield
    _log.info(action, subject=subject, by=by.name, request_id=identity)


def _changed(current: Mapping[str, Any], body: Mapping[str, Any]) -> Object:
    metadata = {name: value for name, value in current["metadata"].items() if name != "managedFields"}
    for name in ("labels", "annotations"):
        if body.get(name) is not None:
            metadata[name] = body[name]
    return {
        "apiVersion": current["apiVersion"],
        "kind": current["kind"],
        "metadata": metadata,
        "spec": body["spec"],
    }

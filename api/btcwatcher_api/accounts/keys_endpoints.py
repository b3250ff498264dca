"""`/api/v1/auth/keys`: API keys for machines."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from btcwatcher_api.access import Admin, admin
from btcwatcher_api.accounts.endpoints import accounts_of
from btcwatcher_api.accounts.keys import NAME_PATTERN, Keys
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.problems import request_id, responses

router = APIRouter(
    prefix="/api/v1/auth/keys",
    tags=["auth"],
    dependencies=[Depends(admin)],
    responses=responses(401, 403, 422, 500, 503),
)


async def _keys(request: Request) -> Keys:
    return (await accounts_of(request)).keys


Service = Annotated[Keys, Depends(_keys)]


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN, examples=["grafana"])]
    """What the machine is called in the audit log, as `key:<name>`."""
    role: Role = Role.VIEWER
    """What it may do."""
    expires_in_days: Annotated[int | None, Field(ge=1, le=3650)] = None
    """Null: until it is revoked."""


class KeyAnswer(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: UUID
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """Right to a minute; null when it was never used."""


class MadeKey(KeyAnswer):
    """A new key with its secret, which is not shown again."""

    key: Annotated[str, Field(examples=["btcw_..."])]
    """Send it as `Authorization: Bearer ...`."""


class KeyList(BaseModel):
    """The keys that are not revoked, by name."""

    items: list[KeyAnswer]


@router.post("", operation_id="createKey", status_code=201, summary="Make an API key", responses=responses(409, 413))
async def create_key(request: Request, response: Response, keys: Service, by: Admin, body: NewKey) -> MadeKey:
    """The answer is the only one that ever holds the secret."""
    lifetime = timedelta(days=body.expires_in_days) if body.expires_in_days is not None else None
    key, secret = await keys.create(by, body.name, body.role, lifetime, request_id(request.scope))
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(**KeyAnswer.model_validate(key).model_dump(), key=secret)


@router.get("", operation_id="listKeys", summary="List API keys")
async def list_keys(keys: Service) -> KeyList:
    return KeyList(items=[KeyAnswer.model_validate(key) for key in await keys.all()])


@router.delete(
    "/{key_id}", operation_id="revokeKey", status_code=204, summary="Revoke an API key", responses=responses(404)
)
async def revoke_key(request: Request, keys: Service, by: Admin, key_id: UUID) -> None:
    """It is refused from the next request on."""
    await keys.revoke(by, key_id, request_id(request.scope))

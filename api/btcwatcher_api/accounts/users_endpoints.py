"""`/api/v1/auth/users`: other people's accounts, for admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from btcwatcher_api.access import Admin, admin
from btcwatcher_api.accounts.administration import Administration
from btcwatcher_api.accounts.endpoints import accounts_of
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.accounts.schemas import USERNAME_PATTERN, NewPassword, UserAnswer
from btcwatcher_api.problems import request_id, responses

router = APIRouter(
    prefix="/api/v1/auth/users",
    tags=["auth"],
    dependencies=[Depends(admin)],
    responses=responses(401, 403, 422, 500, 503),
)


async def _administration(request: Request) -> Administration:
    return (await accounts_of(request)).administration


Service = Annotated[Administration, Depends(_administration)]
Username = Annotated[
    str, StringConstraints(to_lower=True, pattern=USERNAME_PATTERN), Path(description="A user's name", examples=["ada"])
]


class UserPage(BaseModel):
    """Users by name."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[UserAnswer]
    next: str | None
    """`after` of the next page; null on the last."""


class UserChange(BaseModel):
    """What should be different; null or left out stays."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    role: Role | None = None
    active: bool | None = None
    """False: no more sign-ins, and those there are end."""


class PasswordReset(BaseModel):
    """A new password for somebody who forgot his."""

    model_config = ConfigDict(extra="forbid")

    new_password: NewPassword


@router.get("", operation_id="listUsers", summary="List users")
async def list_users(
    users: Service,
    after: Annotated[str | None, Query(max_length=64, pattern=USERNAME_PATTERN, description="`next`")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> UserPage:
    found = await users.users(after, limit + 1)
    page = [UserAnswer.model_validate(user) for user in found[:limit]]
    return UserPage(items=page, next=page[-1].username if len(found) > limit else None)


@router.get("/{username}", operation_id="getUser", summary="One user", responses=responses(404))
async def get_user(users: Service, username: Username) -> UserAnswer:
    return UserAnswer.model_validate(await users.user(username))


@router.patch(
    "/{username}",
    operation_id="changeUser",
    summary="Give a user another role, or deactivate him",
    responses=responses(404, 409, 413),
)
async def change_user(request: Request, users: Service, by: Admin, username: Username, body: UserChange) -> UserAnswer:
    """An access token that is out already is good until it expires, in BTCWATCHER_ACCESS_TOKEN_MINUTES."""
    changed = await users.change(by, username, body.role, body.active, request_id(request.scope))
    return UserAnswer.model_validate(changed)


@router.put(
    "/{username}/password",
    operation_id="resetPassword",
    status_code=204,
    summary="Give a user a new password; his sign-ins end",
    responses=responses(404, 409, 413),
)
async def reset_password(request: Request, users: Service, by: Admin, username: Username, body: PasswordReset) -> None:
    await users.set_password(by, username, body.new_password.get_secret_value(), request_id(request.scope))

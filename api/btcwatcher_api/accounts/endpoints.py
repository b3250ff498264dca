"""`/api/v1/auth/...`"""

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import from_json

from btcwatcher_api.access import Credentials, Viewer, identify
from btcwatcher_api.accounts.schemas import (
    PasswordChange,
    PasswordGrant,
    RefreshGrant,
    Registration,
    Tokens,
    UserAnswer,
)
from btcwatcher_api.accounts.service import Accounts
from btcwatcher_api.problems import Problem, request_id, responses
from btcwatcher_api.settings import variable

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], responses=responses(401, 403, 413, 422, 429, 500, 503))

_FORM: Final = "application/x-www-form-urlencoded"
_GRANT_SCHEMA: Final[dict[str, Any]] = {
    "schema": {"oneOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (PasswordGrant, RefreshGrant)]}
}


async def accounts_of(request: Request) -> Accounts:
    """Raises Problem 503 where accounts are off."""
    accounts: Accounts | None = request.app.state.accounts
    if accounts is None:
        raise Problem(503, f"there are no accounts here: {variable('accounts')} is false")
    return accounts


Service = Annotated[Accounts, Depends(accounts_of)]


@router.post(
    "/register",
    operation_id="register",
    status_code=201,
    summary="Make an account: the first user is an admin, others are viewers unless an admin gives a role",
    responses=responses(409),
)
async def register(request: Request, accounts: Service, credentials: Credentials, body: Registration) -> UserAnswer:
    """Who may is BTCWATCHER_REGISTRATION: `first` (the first user only), `open`, or `closed`; an admin always may."""
    by = await identify(request, credentials) if credentials is not None else None
    user = await accounts.register(
        by, body.username, body.password.get_secret_value(), body.role, request_id(request.scope)
    )
    return UserAnswer.model_validate(user)


@router.post(
    "/token",
    operation_id="issueToken",
    summary="Sign in with a password, or go on with a refresh token",
    responses=responses(400),
    openapi_extra={
        # The form is left out: makers of clients stumble over a body with two media types.
        "requestBody": {"required": True, "content": {"application/json": _GRANT_SCHEMA}}
    },
)
async def token(request: Request, response: Response, accounts: Service) -> Tokens:
    """As JSON, or as a form with the same fields, as OAuth 2 has it.

    A refresh token that is used a second time ends its whole sign-in.
    """
    grant = await _grant(request)
    response.headers["Cache-Control"] = "no-store"
    identity = request_id(request.scope)
    if isinstance(grant, RefreshGrant):
        return await accounts.refresh(grant.refresh_token, identity)
    return await accounts.sign_in(grant.username, grant.password.get_secret_value(), address_of(request), identity)


@router.get("/me", operation_id="getMe", summary="Whose token this is")
async def me(accounts: Service, identity: Viewer) -> UserAnswer:
    return UserAnswer.model_validate(await accounts.user(identity))


@router.put(
    "/me/password",
    operation_id="changePassword",
    status_code=204,
    summary="Change one's own password; every other sign-in ends",
    responses=responses(409),
)
async def change_password(request: Request, accounts: Service, identity: Viewer, body: PasswordChange) -> None:
    """Refresh tokens end at once; an access token that is out already is good until it expires."""
    await accounts.change_password(
        identity,
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
        request_id(request.scope),
    )


def address_of(request: Request) -> str | None:
    peer = request.client.host if request.client else ""
    """The caller's, None where it cannot be known."""
    address: str | None = request.app.state.trusted_proxies.client(peer, request.headers.getlist("x-forwarded-for"))
    return address


async def _grant(request: Request) -> PasswordGrant | RefreshGrant:
    raw = await request.body()
    media = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    try:
        if media == _FORM:
            # What a standard client sends along and nobody here needs is left out, as is an empty value.
            pairs = parse_qsl(raw.decode(), max_num_fields=20)
            given: Any = {name: value for name, value in pairs if name not in ("scope", "client_id", "client_secret")}
        else:
            given = from_json(raw)
    except ValueError:
        raise Problem(400, f"the body is neither JSON nor {_FORM}") from None
    kind = RefreshGrant if isinstance(given, dict) and given.get("grant_type") == "refresh_token" else PasswordGrant
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None

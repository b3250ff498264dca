"""What the auth endpoints take and answer."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from btcwatcher_api.accounts.passwords import MAX_LENGTH, MIN_LENGTH
from btcwatcher_api.accounts.roles import Role


def _storable(password: SecretStr) -> SecretStr:
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("must be text that can be written as UTF-8") from None
    return password


USERNAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$"
Username = Annotated[
    str,
    StringConstraints(to_lower=True, pattern=USERNAME_PATTERN),
    Field(description="2 to 64 letters, digits and ._@+-; upper and lower case are the same", examples=["ada"]),
]
NewPassword = Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH), AfterValidator(_storable)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=MAX_LENGTH), AfterValidator(_storable)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Registration(_Input):
    """A new user."""

    username: Username
    password: NewPassword
    role: Role | None = None
    """Only an admin gives a role; the first user is an admin, others are viewers."""


class PasswordChange(_Input):
    """A new password, and the old one as proof."""

    current_password: Password
    new_password: NewPassword


class PasswordGrant(_Input):
    """Sign in."""

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Password


class RefreshGrant(_Input):
    """Go on with a sign-in."""

    grant_type: Literal["refresh_token"]
    refresh_token: Annotated[str, Field(min_length=1, max_length=256)]


class Tokens(BaseModel):
    """After OAuth 2."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str
    """Good for one use: every answer brings the next one."""


class UserAnswer(BaseModel):
    """One user."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: UUID
    username: str
    role: Role
    active: bool
    """Whether he may sign in."""
    created_at: datetime
    password_changed_at: datetime

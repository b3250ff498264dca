"""Access tokens (short JWTs that are believed without a look into the database) and refresh tokens (random, kept
hashed, each good for one use)."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from btcwatcher_api.accounts.roles import Identity, Role

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "btcwatcher"
_AUDIENCE: Final = "btcwatcher-api"
SCREEN_PREFIX: Final = "screen."
"""Begins the tokens of sign-ins at the fleet screen: a browser's session there is good nowhere else."""
_CLAIMS: Final = ("exp", "iat", "iss", "aud", "sub", "name", "role")


class Signer:
    """Makes and checks access tokens. `lifetime` is also how long a role that was taken away still counts."""

    def __init__(self, key: bytes, lifetime: timedelta) -> None:
        self._key = key
        self.lifetime = lifetime

    def access_token(self, user_id: UUID, name: str, role: Role) -> str:
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": str(user_id),
            "name": name,
            "role": role.value,
            "iat": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def identity(self, token: str) -> Identity | None:
        """Whose token this is; None when it is forged, expired or no access token at all."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                options={"require": list(_CLAIMS)},
            )
            return Identity(str(claims["name"]), Role(claims["role"]), UUID(claims["sub"]))
        except (jwt.PyJWTError, ValueError):
            return None


def new_refresh_token(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def secret_hash(token: str) -> bytes:
    """How a refresh token or API key is kept. It has 256 random bits: nothing to guess, and a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()

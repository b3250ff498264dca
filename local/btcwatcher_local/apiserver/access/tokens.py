"""ServiceAccount tokens: JWTs that this server signs, and knows again while it runs."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .user import account_name

if TYPE_CHECKING:
    from collections.abc import Sequence

ISSUER = "https://kubernetes.default.svc"
_ALGORITHM = "ES256"
_PRIVATE = "kubernetes.io"
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Named:
    """An object a token is bound to."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; times are seconds since the epoch."""

    namespace: str
    account: Named
    audiences: tuple[str, ...]
    issued: int
    expires: int
    identity: str
    # the object (kind, name and uid) with which the token ends: a Pod, Secret or Node
    bound_kind: str = ""
    bound: Named | None = None
    # the node of the pod, known when the token was made for a pod that had one
    node: Named | None = None


class TokenKey:
    """Signs and verifies; made anew with each server, as the accounts are."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._public = self._private.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._id = hashlib.sha256(der).hexdigest()[:32]
        # A signature is checked once: the same token comes with every request.
        self._known: dict[str, Claims] = {}

    def sign(self, claims: Claims) -> str:
        private: dict[str, Any] = {
            "namespace": claims.namespace,
            "serviceaccount": {"name": claims.account.name, "uid": claims.account.uid},
        }
        if claims.bound is not None:
            private[claims.bound_kind.lower()] = {"name": claims.bound.name, "uid": claims.bound.uid}
        if claims.node is not None:
            private["node"] = {"name": claims.node.name, "uid": claims.node.uid}
        body = {
            "aud": list(claims.audiences),
            "exp": claims.expires,
            "iat": claims.issued,
            "iss": ISSUER,
            "jti": claims.identity,
            _PRIVATE: private,
            "nbf": claims.issued,
            "sub": account_name(claims.namespace, claims.account.name),
        }
        return jwt.encode(body, self._private, _ALGORITHM, headers={"kid": self._id})

    def verify(self, token: str, now: float) -> Claims | None:
        """What a token of ours says, None when it is none of ours or its time is over."""
        claims = self._known.get(token)
        if claims is None:
            claims = self._read(token)
            if claims is None:
                return None
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[token] = claims
        return claims if claims.issued <= now + 1 and now < claims.expires else None

    def _read(self, token: str) -> Claims | None:
        try:
            # Times and audiences are judged at each use, by the caller's clock.
            body = jwt.decode(
                token,
                self._public,
                [_ALGORITHM],
                issuer=ISSUER,
                options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
        private = body[_PRIVATE]
        kinds = [kind for kind in ("Pod", "Secret", "Node") if kind.lower() in private]
        bound_kind = kinds[0] if kinds else ""
        node = private.get("node")
        return Claims(
            private["namespace"],
            Named(**private["serviceaccount"]),
            tuple(body["aud"]),
            body["iat"],
            body["exp"],
            body["jti"],
            bound_kind,
            Named(**private[bound_kind.lower()]) if bound_kind else None,
            Named(**node) if node and bound_kind != "Node" else None,
        )


def new_claims(
    namespace: str,
    account: Named,
    audiences: Sequence[str],
    now: float,
    seconds: int,
    *,
    bound_kind: str = "",
    bound: Named | None = None,
    node: Named | None = None,
) -> Claims:
    issued = int(now)
    return Claims(
        namespace,
        account,
        tuple(audiences),
        issued,
        issued + seconds,
        str(uuid.uuid4()),
        bound_kind,
        bound,
        node,
    )

"""Signing and knowing again the tokens of ServiceAccounts."""

from __future__ import annotations

from dataclasses import replace

import jwt

from btcwatcher_local.apiserver.access.tokens import ISSUER, Named, TokenKey, new_claims

NOW = 1_800_000_000.0
KEY = TokenKey()
CLAIMS = new_claims("trading", Named("a", "uid-a"), [ISSUER], NOW, 600)


def test_a_token_is_known_again_until_its_time_is_over() -> None:
    token = KEY.sign(CLAIMS)
    assert KEY.verify(token, NOW) == CLAIMS
    assert KEY.verify(token, NOW + 599) == CLAIMS
    assert KEY.verify(token, NOW + 600) is None
    assert KEY.verify(token, NOW - 60) is None


def test_what_it_is_bound_to_comes_back() -> None:
    bound = replace(CLAIMS, bound_kind="Pod", bound=Named("p", "uid-p"), node=Named("n", "uid-n"))
    assert KEY.verify(KEY.sign(bound), NOW) == bound
    secret = replace(CLAIMS, bound_kind="Secret", bound=Named("s", "uid-s"))
    assert KEY.verify(KEY.sign(secret), NOW) == secret


def test_what_another_signed_is_not_taken() -> None:
    assert KEY.verify(TokenKey().sign(CLAIMS), NOW) is None
    body = jwt.decode(KEY.sign(CLAIMS), options={"verify_signature": False})
    assert KEY.verify(jwt.encode(body, "", "none"), NOW) is None
    assert KEY.verify(jwt.encode(body, "x" * 32, "HS256"), NOW) is None
    for broken in ("", "a.b.c", "no token at all"):
        assert KEY.verify(broken, NOW) is None

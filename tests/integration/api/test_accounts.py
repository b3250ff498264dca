"""Registering, signing in, going on with refresh tokens, changing a password; and what the audit log says of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest

from support import api
from support.api import Api

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
AUTH = "/api/v1/auth"


@pytest.fixture
def empty(postgres_url: str) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, api_keys, audit_log")
    return postgres_url


@pytest.fixture
async def served(empty: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with api.running(empty, tmp_path, **api.signing_key(tmp_path)) as running:
        yield running


async def register(served: Api, name: str = "ada", token: str | None = None, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"username": name, "password": PASSWORD, **more}
    return await served.http.post(f"{AUTH}/register", json=body, headers=headers)


async def sign_in(served: Api, name: str = "ada", password: str = PASSWORD) -> Any:
    return await served.http.post(f"{AUTH}/token", data={"username": name, "password": password})


async def refresh(served: Api, token: str) -> Any:
    return await served.http.post(f"{AUTH}/token", json={"grant_type": "refresh_token", "refresh_token": token})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def audit(url: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT actor, action, subject FROM audit_log ORDER BY id").fetchall()


async def test_the_first_user_is_an_admin_and_then_registration_ends(served: Api, empty: str) -> None:
    answer = await register(served, "Ada")
    assert answer.status_code == 201
    assert (answer.json()["username"], answer.json()["role"]) == ("ada", "admin")
    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text
    refused = await register(served, "bob")
    assert refused.status_code == 403
    assert "ask an admin" in refused.json()["detail"]
    token = (await sign_in(served)).json()["access_token"]
    assert (await register(served, "bob", token, role="trader")).json()["role"] == "trader"
    assert (await register(served, "cleo", token)).json()["role"] == "viewer"
    assert (await register(served, "bob", token)).status_code == 409
    assert audit(empty) == [
        ("ada", "user.register", "ada"),
        ("ada", "user.sign_in", "ada"),
        ("ada", "user.register", "bob"),
        ("ada", "user.register", "cleo"),
    ]


async def test_of_many_who_register_at_once_one_is_first(served: Api) -> None:
    answers = await asyncio.gather(*(register(served, f"user{number}") for number in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403, 403]


async def test_open_registration_makes_viewers(empty: str, tmp_path: Path) -> None:
    async with api.running(empty, tmp_path, **api.signing_key(tmp_path), registration="open") as served:
        assert (await register(served, "ada")).json()["role"] == "admin"
        assert (await register(served, "bob")).json()["role"] == "viewer"
        assert (await register(served, "cleo", role="admin")).status_code == 403


async def test_closed_registration_takes_not_even_the_first(empty: str, tmp_path: Path) -> None:
    async with api.running(empty, tmp_path, **api.signing_key(tmp_path), registration="closed") as served:
        assert (await register(served)).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "ada", "password": "short"}, "password"),
        ({"username": "a b", "password": PASSWORD}, "username"),
        ({"username": "ada"}, "password"),
        ({"username": "ada", "password": PASSWORD, "role": "root"}, "role"),
        ({"username": "ada", "password": PASSWORD, "admin": True}, "admin"),
    ],
)
async def test_bad_input_is_named_and_not_repeated(served: Api, body: dict[str, Any], field: str) -> None:
    answer = await served.http.post(f"{AUTH}/register", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert PASSWORD not in answer.text


async def test_a_token_reads_and_says_who_one_is(served: Api) -> None:
    await register(served)
    answer = await sign_in(served, "ADA")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 600)
    me = await served.http.get(f"{AUTH}/me", headers=bearer(tokens["access_token"]))
    assert (me.json()["username"], me.json()["role"]) == ("ada", "admin")
    assert (await served.http.get("/api/v1/signals/", headers=bearer(tokens["access_token"]))).status_code == 200
    # A refresh token is no access token.
    assert (await served.http.get(f"{AUTH}/me", headers=bearer(tokens["refresh_token"]))).status_code == 401


async def test_unknown_user_and_wrong_password_are_alike_in_words_and_time(served: Api) -> None:
    await register(served)
    await sign_in(served, "nobody", "x")  # the first one makes the hash that stands in for nobody's
    took: dict[str, list[float]] = {"ada": [], "nobody": []}
    said = set()
    for _ in range(6):
        for name, times in took.items():
            begin = time.perf_counter()
            answer = await sign_in(served, name, "not the password")
            times.append(time.perf_counter() - begin)
            document = answer.json()
            document.pop("request_id")
            said.add((answer.status_code, str(document), answer.headers["www-authenticate"]))
    assert len(said) == 1
    assert said.pop()[0] == 401
    # Without the stand-in the ratio is far above ten.
    assert 1 / 3 < median(took["ada"]) / median(took["nobody"]) < 3


async def test_guessing_is_held_back_for_known_and_unknown_names_alike(served: Api) -> None:
    await register(served)
    for name in ("ada", "nobody"):
        codes = [(await sign_in(served, name, "guess")).status_code for _ in range(11)]
        assert codes == [401] * 10 + [429]
        answer = await sign_in(served, name)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 300


async def test_a_refresh_token_is_good_once_and_reuse_ends_the_sign_in(served: Api, empty: str) -> None:
    await register(served)
    first = (await sign_in(served)).json()["refresh_token"]
    other = (await sign_in(served)).json()["refresh_token"]
    second = (await refresh(served, first)).json()["refresh_token"]
    assert len({first, second, other}) == 3
    assert (await refresh(served, first)).status_code == 401
    assert (await refresh(served, second)).status_code == 401
    assert (await refresh(served, other)).status_code == 200
    assert [action for _, action, _ in audit(empty)].count("token.reuse") == 1
    with psycopg.connect(empty) as connection:
        kept = connection.execute("SELECT token_hash FROM refresh_tokens").fetchall()
    assert all(first.encode() not in bytes(row[0]) for row in kept)


async def test_of_two_who_refresh_at_once_not_both_go_on(served: Api) -> None:
    await register(served)
    token = (await sign_in(served)).json()["refresh_token"]
    answers = await asyncio.gather(refresh(served, token), refresh(served, token))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    following = next(answer.json()["refresh_token"] for answer in answers if answer.status_code == 200)
    assert (await refresh(served, following)).status_code == 401


async def test_an_expired_refresh_token_is_refused(served: Api, empty: str) -> None:
    await register(served)
    token = (await sign_in(served)).json()["refresh_token"]
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE refresh_tokens SET expires_at = now() - interval '1 second'")
    assert (await refresh(served, token)).status_code == 401
    assert (await refresh(served, "made-up")).status_code == 401


async def test_a_changed_password_ends_every_sign_in(served: Api, empty: str) -> None:
    await register(served)
    tokens = (await sign_in(served)).json()
    headers = bearer(tokens["access_token"])
    body = {"current_password": "wrong", "new_password": "another long password"}
    assert (await served.http.put(f"{AUTH}/me/password", json=body, headers=headers)).status_code == 403
    body["current_password"] = PASSWORD
    assert (await served.http.put(f"{AUTH}/me/password", json=body, headers=headers)).status_code == 204
    assert (await refresh(served, tokens["refresh_token"])).status_code == 401
    assert (await sign_in(served)).status_code == 401
    assert (await sign_in(served, password="another long password")).status_code == 200
    assert ("ada", "user.password", "ada") in audit(empty)


async def test_what_is_no_sign_in_is_said(served: Api) -> None:
    for content, media, code in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"username=ada", "application/x-www-form-urlencoded", 422),
        (b'{"grant_type":"refresh_token"}', "application/json", 422),
        (b'{"username":"a\\u0000","password":"x"}', "application/json", 401),
        (b'{"username":"ada","password":"' + b"x" * 1024 * 1024 + b'"}', "application/json", 413),
    ):
        answer = await served.http.post(f"{AUTH}/token", content=content, headers={"Content-Type": media})
        assert answer.status_code == code, (content[:40], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_without_accounts_all_else_accounts_works(empty: str, tmp_path: Path) -> None:
    async with api.running(empty, tmp_path) as served:
        for answer in (await register(served), await sign_in(served), await served.read(f"{AUTH}/me")):
            assert answer.status_code == 503
            assert "BTCWATCHER_ACCOUNTS is false" in answer.json()["detail"]
        assert await served.history() == []


async def test_the_read_token_is_no_user(served: Api) -> None:
    assert (await served.read(f"{AUTH}/me")).status_code == 403
    assert await served.history() == []

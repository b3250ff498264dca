"""The page's sign-in: its cookie, who may change what, what ends it, and what is said while the database is away."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from btcwatcher_local.postgres import EmbeddedPostgres
from support import api
from support.api import Api
from support.postgres import migrated

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
OWN = {"Origin": "http://api.test"}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = migrated(tmp_path_factory.mktemp("postgres"), tmp_path_factory)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
async def served(postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with psycopg.connect(postgres.url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, audit_log")
    async with api.running(postgres.url, tmp_path, **api.signing_key(tmp_path)) as running:
        running.http.headers["Accept-Language"] = "en"
        yield running


async def post(served: Api, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    return await served.http.post(path, data=fields, headers=OWN if headers is None else headers)


async def first(served: Api, **headers: str) -> httpx.Response:
    return await post(served, "/first-account", OWN | headers, username="Ada", password=PASSWORD)


async def test_the_first_account_signs_in_and_out(served: Api) -> None:
    away = await served.http.get("/")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in")
    assert "Make the first account" in (await served.http.get("/sign-in")).text
    short = await post(served, "/first-account", username="ada", password="short")
    assert short.status_code == 422
    assert "at least 12 characters" in short.text
    made = await first(served)
    assert (made.status_code, made.headers["location"]) == (303, "/")
    cookie = made.headers["set-cookie"].lower()
    assert cookie.startswith("btcwatcher_session=")
    for part in ("httponly", "samesite=strict", "path=/", "max-age=1209600"):
        assert part in cookie
    assert "; secure" not in cookie
    page = await served.http.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    again = await post(served, "/first-account", username="eve", password=PASSWORD)
    assert again.status_code == 403
    assert "closed since the first user" in again.text
    token = served.http.cookies["btcwatcher_session"]
    assert (await post(served, "/sign-out")).headers["location"] == "/sign-in"
    # Not only forgotten by the browser: a copy is good for nothing.
    kept = await served.http.get("/", headers={"Cookie": f"btcwatcher_session={token}"})
    assert kept.status_code == 303


async def test_behind_https_the_cookie_belongs_to_this_host_alone(served: Api) -> None:
    cookie = (await first(served, **{"X-Forwarded-Proto": "https"})).headers["set-cookie"]
    assert cookie.startswith("__Host-btcwatcher_session=")
    assert "; secure" in cookie.lower()
    assert "domain" not in cookie.lower()


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(served: Api) -> None:
    await first(served)
    served.http.cookies.clear()
    wrong = await post(served, "/sign-in", username="ada", password="wrong")
    unknown = await post(served, "/sign-in", username="bob", password="wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace('value="ada"', "") == unknown.text.replace('value="bob"', "")
    assert "set-cookie" not in wrong.headers
    assert "Make the first account" not in wrong.text
    onward = await served.http.get("/signals?level=Strong")
    assert onward.headers["location"] == "/sign-in?next=/signals%3Flevel%3DStrong"
    right = await post(served, "/sign-in", username="ada", password=PASSWORD, next="//evil.example")
    assert right.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://bot.test"}, {"Origin": "null"}, {**OWN, "Sec-Fetch-Site": "same-site"}],
)
async def test_no_other_page_can_change_anything(served: Api, headers: dict[str, str]) -> None:
    await first(served)
    for path in ("/strategies/trading.ema-cross/suspend", "/sign-out", "/sign-in", "/preferences", "/first-account"):
        refused = await post(served, path, headers, username="ada", password=PASSWORD)
        assert refused.status_code == 403, path
        assert "another page" in refused.text
    assert (await served.http.get("/")).status_code == 200


async def test_a_sign_in_ends_with_the_password_and_with_the_user(served: Api, postgres: EmbeddedPostgres) -> None:
    await first(served)
    token = (await served.http.post("/api/v1/auth/token", json={"username": "ada", "password": PASSWORD})).json()
    changed = await served.http.put(
        "/api/v1/auth/me/password",
        json={"current_password": PASSWORD, "new_password": PASSWORD + "!"},
        headers={"Authorization": f"Bearer {token['access_token']}"},
    )
    assert changed.status_code == 204
    assert (await served.http.get("/")).status_code == 303
    assert (await post(served, "/sign-in", username="ada", password=PASSWORD + "!")).status_code == 303
    assert (await served.http.get("/")).status_code == 200
    with psycopg.connect(postgres.url) as connection:
        connection.execute("UPDATE users SET deactivated_at = now()")
    assert (await served.http.get("/")).status_code == 303


async def test_a_sign_in_that_is_used_goes_on(served: Api, postgres: EmbeddedPostgres) -> None:
    await first(served)
    assert "set-cookie" not in (await served.http.get("/")).headers
    with psycopg.connect(postgres.url) as connection:
        connection.execute("UPDATE refresh_tokens SET expires_at = now() + interval '6 days'")
    assert "max-age=1209600" in (await served.http.get("/")).headers["set-cookie"].lower()
    assert "set-cookie" not in (await served.http.get("/")).headers


async def test_the_api_does_not_take_the_cookie(served: Api) -> None:
    await first(served)
    assert (await served.http.get("/api/v1/strategies/")).status_code == 401


async def test_without_accounts_it_says_so(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    async with api.running(postgres.url, tmp_path) as running:
        answer = await running.http.get("/", headers={"Accept-Language": "zh"})
        assert answer.status_code == 503
        assert "BTCWATCHER_ACCOUNTS is false" in answer.text
        assert 'lang="zh-CN"' in answer.text


async def test_while_the_database_is_away_it_says_so(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    async with api.running(nowhere, tmp_path, **api.signing_key(tmp_path)) as running:
        running.http.cookies["btcwatcher_session"] = "anything"
        answer = await running.http.get("/")
        assert answer.status_code == 503
        assert "the database does not answer" in answer.text
        assert 'http-equiv="refresh"' in answer.text
        assert "Traceback" not in answer.text
        said = await running.http.get("/signed-in", headers={"Accept": "text/plain"})
        assert (said.status_code, said.text) == (503, "the database does not answer")

"""What protects the API and the people who use it: errors, headers, CORS, limits, and no secret in any answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import FastAPI

from btcwatcher_api import middleware
from btcwatcher_api.accounts.roles import Role
from support import api
from support.api import Api

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
PAGE = "https://desk.example"


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, api_keys, audit_log")
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as running:
        yield running


def app_of(served: Api) -> FastAPI:
    assert served.app is not None
    return served.app


def admin(served: Api) -> dict[str, str]:
    token = app_of(served).state.signer.access_token(uuid4(), "ada", Role.ADMIN)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/strategies/trading.ema-cross/nothing", 404),
        ("PATCH", "/api/v1/strategies/", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/api/v1/signals/?limit=none", 422),
        ("GET", "/api/v1/auth/me", 401),
    ],
)
async def test_errors_are_problems_with_the_callers_request_id(
    served: Api, method: str, path: str, status: int
) -> None:
    headers = {"X-Request-ID": "asked-by-me", **(admin(served) if status != 401 else {})}
    answer = await served.http.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "asked-by-me"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


async def test_an_unexpected_error_says_nothing_of_its_cause(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> list[Any]:
        raise RuntimeError("sesame")

    monkeypatch.setattr(served.registry, "items", explode)
    answer = await served.http.get("/api/v1/strategies/overview", headers=admin(served))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "sesame" not in answer.text
    assert "request id" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v1/signals/", "/metrics", "/openapi.json", "/docs"])
async def test_browsers_are_told_to_be_careful(served: Api, path: str) -> None:
    headers = (await served.http.get(path, headers=admin(served))).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


async def preflight(served: Api, origin: str) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    return await served.http.options("/api/v1/signals/", headers=headers)


async def test_no_page_may_call_unless_a_setting_names_it(served: Api, postgres_url: str, tmp_path: Path) -> None:
    for answer in (
        await preflight(served, PAGE),
        await served.http.get("/api/v1/signals/", headers={"Origin": PAGE, **admin(served)}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path), cors_origins=PAGE) as allowing:
        answer = await preflight(allowing, PAGE)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
        answer = await allowing.http.get("/api/v1/signals/", headers={"Origin": PAGE, **admin(allowing)})
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "etag" in answer.headers["access-control-expose-headers"].lower()
        assert "access-control-allow-credentials" not in answer.headers
        other = await preflight(allowing, "https://evil.example")
        assert "access-control-allow-origin" not in other.headers
        # Errors as well: a page must be able to read why.
        answer = await allowing.http.get("/nowhere", headers={"Origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"[" * 200_000, {400, 422}),
        (b'{"username":' * 50_000, {400, 422}),
        (b'{"username": ' + b"9" * 5000 + b', "password": "x"}', {400, 422}),
        (b'{"username": "\\ud800", "password": "\\udfff and so on"}', {400, 422}),
        (b'{"username": "ada", "password": NaN}', {400, 422}),
        (b"\xff\xfe", {400, 422}),
        (b"x" * (middleware._BODY_LIMIT + 1), {413}),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/auth/register", "/api/v1/auth/token", "/api/v1/strategies/"])
async def test_hostile_bodies_are_the_callers_fault(served: Api, path: str, body: bytes, statuses: set[int]) -> None:
    headers = {"Content-Type": "application/json", **(admin(served) if "auth" not in path else {})}
    answer = await served.http.post(path, content=body, headers=headers)
    assert answer.status_code in statuses | ({401} if path.endswith("/token") else set()), answer.text[:200]
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 20_000


async def test_a_body_that_does_not_come_is_not_waited_for(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "_BODY_SECONDS", 0.2)
    sent: list[Any] = []

    async def receive() -> Any:
        if not sent:
            sent.append(None)
            return {"type": "http.request", "body": b'{"user', "more_body": True}
        return await asyncio.Event().wait()

    answers: list[Any] = []

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/auth/token",
        "raw_path": b"/api/v1/auth/token",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"content-type", b"application/json")],
        "client": ("192.0.2.1", 1),
        "server": ("api.test", 80),
    }
    await app_of(served)(scope, receive, send)
    assert answers[0]["status"] == 408
    assert b"problem+json" in dict(answers[0]["headers"])[b"content-type"]


async def test_no_secret_is_in_any_answer(served: Api, postgres_url: str, tmp_path: Path) -> None:
    """Every route that reads, asked by an admin; keys, hashes and addresses with passwords must not be there."""
    await served.http.post("/api/v1/auth/register", json={"username": "ada", "password": PASSWORD})
    made = await served.http.post("/api/v1/auth/keys", json={"name": "grafana"}, headers=admin(served))
    key = made.json()["key"]
    with psycopg.connect(postgres_url) as connection:
        (stored,) = connection.execute("SELECT password_hash FROM users").fetchone() or ("",)
    secrets = {
        "the webhook key": api.KEY.decode(),
        "the read token": api.READ_TOKEN,
        "the signing key": (tmp_path / "signing.key").read_text(),
        "the database's address": postgres_url,
        "a password": PASSWORD,
        "a password's hash": stored,
        "an API key": key,
    }
    places = {
        "strategy_id": api.STRATEGY,
        "proxy_id": "trading.tokyo",
        "channel_id": "trading.desk",
        "delivery_id": uuid4(),
        "signal_id": UUID(int=0),
        "switch_id": "trading.halt",
        "key_id": made.json()["id"],
        "username": "ada",
        "name": "swagger-ui.css",
    }
    asked = 0
    for method, path in sorted(api.routes(app_of(served))):
        # A webhook token is given to traders on purpose, see test_connecting; a stream does not end.
        if method != "GET" or path.endswith(("/webhook", "/stream")):
            continue
        answer = await served.http.get(path.format(**places), headers=admin(served))
        asked += 1
        told = answer.text + str(answer.headers)
        assert [name for name, secret in secrets.items() if secret in told] == [], path
        assert api.token() not in told, path
    assert asked > 25

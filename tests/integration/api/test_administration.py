"""API keys for machines, other people's accounts, and who may read what happened: the admin's part."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from btcwatcher_api.accounts.limiter import LoginLimiter
from btcwatcher_api.accounts.roles import Role
from support import api
from support.api import Api

pytestmark = pytest.mark.integration

PASSWORD = "correct horse battery"
AUTH = "/api/v1/auth"


class Office:
    """The API and an admin's hands."""

    def __init__(self, served: Api, database: str) -> None:
        self.served = served
        self.database = database
        assert served.app is not None
        self.token = served.app.state.signer.access_token(UUID(int=1), "root", Role.ADMIN)

    async def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        return await self.served.http.request(method, path, headers=headers, **options)

    async def add(self, name: str, role: str = "viewer") -> None:
        body = {"username": name, "password": PASSWORD, "role": role}
        answer = await self.ask("POST", f"{AUTH}/register", json=body)
        assert answer.status_code == 201, answer.text

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
        return await self.served.http.post(
            f"{AUTH}/token", data={"username": name, "password": password}, headers=headers
        )

    async def key(self, **body: Any) -> Any:
        answer = await self.ask("POST", f"{AUTH}/keys", json=body)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()


@pytest.fixture
async def office(postgres_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, api_keys, audit_log")
        connection.execute(
            "INSERT INTO users (id, username, password_hash, role) VALUES (%s, 'root', '', 'admin')", (UUID(int=1),)
        )
    settings = {**api.signing_key(tmp_path), "trusted_proxies": "127.0.0.1"}
    async with api.running(postgres_url, tmp_path, **settings) as served:
        yield Office(served, postgres_url)


async def test_a_key_is_shown_once_and_kept_hashed(office: Office) -> None:
    made = await office.key(name="grafana")
    assert (made["role"], made["created_by"], made["last_used_at"]) == ("viewer", "root", None)
    assert made["key"].startswith("btcw_")
    assert (await office.ask("GET", "/api/v1/signals/", made["key"])).status_code == 200
    listed = await office.ask("GET", f"{AUTH}/keys")
    assert [key["name"] for key in listed.json()["items"]] == ["grafana"]
    assert listed.json()["items"][0]["last_used_at"] is not None
    assert made["key"] not in listed.text
    with psycopg.connect(office.database) as connection:
        stored = connection.execute("SELECT api_keys::text, audit_log::text FROM api_keys, audit_log").fetchall()
    assert all(made["key"] not in text for row in stored for text in row)


async def test_a_key_does_what_its_role_may_and_is_no_user(office: Office) -> None:
    key = (await office.key(name="deploy", role="trader"))["key"]
    assert (await office.ask("POST", "/api/v1/strategies/", key, json={})).status_code == 422
    assert (await office.ask("GET", f"{AUTH}/users", key)).status_code == 403
    me = await office.ask("GET", f"{AUTH}/me", key)
    assert (me.status_code, me.json()["detail"]) == (403, "a machine is no user: sign in with a password")
    boss = (await office.key(name="boss", role="admin"))["key"]
    assert (await office.ask("POST", f"{AUTH}/keys", boss, json={"name": "third"})).status_code == 201
    rows = (await office.ask("GET", "/api/v1/audit", params={"actor": "key:boss"})).json()["items"]
    assert [(row["action"], row["subject"]) for row in rows] == [("key.create", "key:third")]


async def test_a_revoked_or_expired_key_is_refused_at_once(office: Office) -> None:
    made = await office.key(name="ci", expires_in_days=1)
    taken = await office.ask("POST", f"{AUTH}/keys", json={"name": "ci"})
    assert (taken.status_code, taken.json()["errors"][0]["field"]) == (409, "name")
    assert (await office.ask("DELETE", f"{AUTH}/keys/{made['id']}")).status_code == 204
    assert (await office.ask("GET", "/api/v1/signals/", made["key"])).status_code == 401
    assert (await office.ask("DELETE", f"{AUTH}/keys/{made['id']}")).status_code == 404
    again = await office.key(name="ci", expires_in_days=1)
    with psycopg.connect(office.database) as connection:
        connection.execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = %s", (again["id"],))
    assert (await office.ask("GET", "/api/v1/signals/", again["key"])).status_code == 401


async def test_a_role_is_given_and_counts_from_the_next_token(office: Office) -> None:
    await office.add("bob")
    refresh = (await office.sign_in("bob")).json()["refresh_token"]
    changed = await office.ask("PATCH", f"{AUTH}/users/Bob", json={"role": "trader"})
    assert (changed.status_code, changed.json()["role"]) == (200, "trader")
    grant = {"grant_type": "refresh_token", "refresh_token": refresh}
    token = (await office.served.http.post(f"{AUTH}/token", json=grant)).json()["access_token"]
    assert (await office.ask("POST", "/api/v1/strategies/", token, json={})).status_code == 422
    assert (await office.ask("PATCH", f"{AUTH}/users/nobody", json={"role": "trader"})).status_code == 404


async def test_a_deactivated_user_is_out_and_can_be_let_in_again(office: Office) -> None:
    await office.add("bob")
    refresh = (await office.sign_in("bob")).json()["refresh_token"]
    assert (await office.ask("PATCH", f"{AUTH}/users/bob", json={"active": False})).json()["active"] is False
    refused, wrong = await office.sign_in("bob"), await office.sign_in("nobody")
    assert (refused.status_code, refused.json()["detail"]) == (401, wrong.json()["detail"])
    grant = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert (await office.served.http.post(f"{AUTH}/token", json=grant)).status_code == 401
    await office.ask("PATCH", f"{AUTH}/users/bob", json={"active": True})
    assert (await office.sign_in("bob")).status_code == 200
    rows = (await office.ask("GET", "/api/v1/audit", params={"subject": "bob", "action": "user.change"})).json()
    assert [row["detail"] for row in rows["items"]] == [{"active": True}, {"active": False}]


async def test_the_last_admin_stays(office: Office) -> None:
    for change in ({"role": "viewer"}, {"active": False}):
        answer = await office.ask("PATCH", f"{AUTH}/users/root", json=change)
        assert (answer.status_code, "last admin" in answer.json()["detail"]) == (409, True)
    await office.add("bob", "admin")
    assert (await office.ask("PATCH", f"{AUTH}/users/root", json={"role": "viewer"})).status_code == 200
    assert (await office.ask("PATCH", f"{AUTH}/users/bob", json={"active": False})).status_code == 409


async def test_a_forgotten_password_is_set_anew(office: Office) -> None:
    await office.add("bob")
    body = {"new_password": "another long password"}
    assert (await office.ask("PUT", f"{AUTH}/users/bob/password", json=body)).status_code == 204
    assert (await office.sign_in("bob")).status_code == 401
    assert (await office.sign_in("bob", "another long password")).status_code == 200
    assert (await office.ask("PUT", f"{AUTH}/users/nobody/password", json=body)).status_code == 404


async def test_pages_of_users_and_of_the_audit_log(office: Office) -> None:
    for name in ("ann", "bob"):
        await office.add(name)
    seen, after = [], None
    while True:
        page = (
            await office.ask("GET", f"{AUTH}/users", params={"limit": 2, **({"after": after} if after else {})})
        ).json()
        seen += [user["username"] for user in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == ["ann", "bob", "root"]
    first = (await office.ask("GET", "/api/v1/audit", params={"limit": 1})).json()
    second = (await office.ask("GET", "/api/v1/audit", params={"limit": 1, "before": first["next"]})).json()
    assert [row["subject"] for row in first["items"] + second["items"]] == ["bob", "ann"]
    assert second["next"] is None


async def test_guessing_at_many_names_from_one_address_is_held_back(office: Office) -> None:
    """The test's own address is a trusted proxy: who is meant is what it says."""
    assert office.served.app is not None
    office.served.app.state.accounts._door._addresses = LoginLimiter(3)  # a hundred would cost a hundred hashes
    guesser = {"X-Forwarded-For": "10.9.9.9, 203.0.113.5"}
    codes = [(await office.sign_in(f"name{number}", "x", **guesser)).status_code for number in range(4)]
    assert codes == [401] * 3 + [429]
    assert (await office.sign_in("name1", "x", **{"X-Forwarded-For": "203.0.113.6"})).status_code == 401

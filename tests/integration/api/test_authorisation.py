"""The authorisation matrix: every route x every role x no token. A route that is not in the table fails the test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
import pytest

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.accounts.tokens import secret_hash
from support import api
from support.api import READ_TOKEN, Api

pytestmark = pytest.mark.integration

_OPEN: Final = None
_MATRIX: Final[dict[tuple[str, str], Role | None]] = {
    # Registering has rules of its own, see test_accounts; whoever may not is told so in words.
    ("POST", "/api/v1/auth/register"): _OPEN,
    ("POST", "/api/v1/auth/token"): _OPEN,
    ("GET", "/api/v1/auth/me"): Role.VIEWER,
    ("PUT", "/api/v1/auth/me/password"): Role.VIEWER,
    ("GET", "/api/v1/auth/keys"): Role.ADMIN,
    ("POST", "/api/v1/auth/keys"): Role.ADMIN,
    ("DELETE", "/api/v1/auth/keys/{key_id}"): Role.ADMIN,
    ("GET", "/api/v1/auth/users"): Role.ADMIN,
    ("GET", "/api/v1/auth/users/{username}"): Role.ADMIN,
    ("PATCH", "/api/v1/auth/users/{username}"): Role.ADMIN,
    ("PUT", "/api/v1/auth/users/{username}/password"): Role.ADMIN,
    ("GET", "/api/v1/audit"): Role.ADMIN,
    ("GET", "/api/v1/strategies"): Role.VIEWER,
    ("GET", "/api/v1/strategies/"): Role.VIEWER,
    ("GET", "/api/v1/strategies/overview"): Role.VIEWER,
    ("GET", "/api/v1/strategies/{strategy_id}"): Role.VIEWER,
    ("GET", "/api/v1/strategies/{strategy_id}/health"): Role.VIEWER,
    ("GET", "/api/v1/strategies/{strategy_id}/logs"): Role.VIEWER,
    ("POST", "/api/v1/strategies/files"): Role.TRADER,
    # Whoever may only read is not given the token, see test_connecting.
    ("GET", "/api/v1/strategies/{strategy_id}/webhook"): Role.VIEWER,
    ("POST", "/api/v1/strategies"): Role.TRADER,
    ("POST", "/api/v1/strategies/"): Role.TRADER,
    ("PUT", "/api/v1/strategies/{strategy_id}"): Role.TRADER,
    ("DELETE", "/api/v1/strategies/{strategy_id}"): Role.TRADER,
    ("POST", "/api/v1/strategies/{strategy_id}/start"): Role.TRADER,
    ("POST", "/api/v1/strategies/{strategy_id}/stop"): Role.TRADER,
    ("POST", "/api/v1/strategies/{strategy_id}/restart"): Role.TRADER,
    ("GET", "/api/v1/signals"): Role.VIEWER,
    ("GET", "/api/v1/signals/"): Role.VIEWER,
    ("GET", "/api/v1/signals/stream"): Role.VIEWER,
    ("GET", "/api/v1/signals/{signal_id}"): Role.VIEWER,
    ("GET", "/api/v1/signals/statistics/summary"): Role.VIEWER,
    ("GET", "/api/v1/signals/statistics/trend"): Role.VIEWER,
    ("GET", "/api/v1/proxies"): Role.VIEWER,
    ("GET", "/api/v1/proxies/"): Role.VIEWER,
    ("GET", "/api/v1/proxies/{proxy_id}"): Role.VIEWER,
    ("POST", "/api/v1/proxies"): Role.TRADER,
    ("POST", "/api/v1/proxies/"): Role.TRADER,
    ("PUT", "/api/v1/proxies/{proxy_id}"): Role.TRADER,
    ("DELETE", "/api/v1/proxies/{proxy_id}"): Role.TRADER,
    ("POST", "/api/v1/proxies/{proxy_id}/test"): Role.TRADER,
    ("GET", "/api/v1/fleet/switches"): Role.VIEWER,
    ("GET", "/api/v1/fleet/switches/"): Role.VIEWER,
    ("GET", "/api/v1/fleet/switches/{switch_id}"): Role.VIEWER,
    ("POST", "/api/v1/fleet/switches"): Role.TRADER,
    ("POST", "/api/v1/fleet/switches/"): Role.TRADER,
    ("DELETE", "/api/v1/fleet/switches/{switch_id}"): Role.TRADER,
    ("GET", "/api/v1/notifications/channels"): Role.VIEWER,
    ("GET", "/api/v1/notifications/channels/"): Role.VIEWER,
    ("GET", "/api/v1/notifications/channels/{channel_id}"): Role.VIEWER,
    ("POST", "/api/v1/notifications/channels"): Role.TRADER,
    ("POST", "/api/v1/notifications/channels/"): Role.TRADER,
    ("PUT", "/api/v1/notifications/channels/{channel_id}"): Role.TRADER,
    ("DELETE", "/api/v1/notifications/channels/{channel_id}"): Role.TRADER,
    ("POST", "/api/v1/notifications/alertmanager"): Role.TRADER,
    ("GET", "/api/v1/notifications"): Role.VIEWER,
    ("GET", "/api/v1/notifications/"): Role.VIEWER,
    ("GET", "/api/v1/notifications/statistics"): Role.VIEWER,
    ("GET", "/api/v1/notifications/{delivery_id}"): Role.VIEWER,
    ("POST", "/api/v1/notifications/send"): Role.TRADER,
    ("POST", "/api/v1/notifications/test"): Role.TRADER,
    ("POST", "/api/v1/notifications/replay"): Role.TRADER,
    ("POST", "/api/v1/notifications/{delivery_id}/replay"): Role.TRADER,
    ("GET", "/api/v1/system/capacity"): Role.VIEWER,
    ("GET", "/api/v1/system/capacity/detailed"): Role.VIEWER,
    ("GET", "/api/v1/system/capacity/utilization-trend"): Role.VIEWER,
    ("POST", "/api/v1/system/capacity/alert-threshold"): Role.ADMIN,
    ("GET", "/api/v1/system/port-pool"): Role.VIEWER,
    ("GET", "/api/v1/system/statistics"): Role.VIEWER,
    ("GET", "/api/v1/system/health"): Role.VIEWER,
    ("GET", "/api/v1/monitoring/system"): Role.VIEWER,
    ("GET", "/api/v1/monitoring/strategies"): Role.VIEWER,
    ("GET", "/api/v1/monitoring/capacity/trend"): Role.VIEWER,
    ("GET", "/api/v1/monitoring/health-summary"): Role.VIEWER,
    ("GET", "/healthz"): _OPEN,
    ("GET", "/readyz"): _OPEN,
    ("GET", "/metrics"): _OPEN,
}
_WEBHOOK: Final = ("POST", "/api/v1/signals/webhook/{strategy_id}")
_KEYS: Final = {f"key of a {role.value}": role for role in Role}
_CALLERS: Final = ["nobody", "forger", "forger of keys", "machine", *_KEYS, *Role]
_FOR_USERS: Final = {("GET", "/api/v1/auth/me"), ("PUT", "/api/v1/auth/me/password")}


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    # No cluster: whoever is let through is told that it does not answer.
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, api_keys, audit_log")
        for number, role in enumerate(Role):
            connection.execute(
                "INSERT INTO users (id, username, password_hash, role) VALUES (%s, %s, '', %s)",
                (UUID(int=number), role.value, role.value),
            )
            connection.execute(
                "INSERT INTO api_keys (name, role, key_hash, created_by) VALUES (%s, %s, %s, 'ada')",
                (role.value, role.value, secret_hash(key_of(role))),
            )
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as running:
        yield running


def key_of(role: Role) -> str:
    return f"btcw_key-of-the-tests-{role.value}"


def headers_of(served: Api, caller: str) -> dict[str, str]:
    assert served.app is not None
    if caller == "nobody":
        return {}
    if caller in list(Role):
        role = Role(caller)
        token = served.app.state.signer.access_token(UUID(int=list(Role).index(role)), caller, role)
    elif caller in _KEYS:
        token = key_of(_KEYS[caller])
    else:
        token = {"machine": READ_TOKEN, "forger": "made-up", "forger of keys": "btcw_made-up"}[caller]
    return {"Authorization": f"Bearer {token}"}


async def code(served: Api, method: str, path: str, headers: dict[str, str]) -> int:
    path = path.format(
        strategy_id=api.STRATEGY,
        proxy_id="trading.tokyo",
        channel_id="trading.desk",
        delivery_id=UUID(int=0),
        signal_id=UUID(int=0),
        key_id=UUID(int=0),
        switch_id="trading.halt",
        username="nobody",
    )
    body: dict[str, str] | None = None if method == "GET" else {}
    # Whoever may follow the signals is told that this is no id: the stream itself would not end.
    headers = {**headers, "Last-Event-ID": "rubbish"}
    answer = await served.http.request(method, path, json=body, headers=headers)
    if answer.status_code >= 400 and path not in ("/readyz",):
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        assert answer.json()["request_id"]
    return answer.status_code


async def test_the_table_is_complete(served: Api) -> None:
    assert api.routes(served.app) == set(_MATRIX) | {_WEBHOOK}


@pytest.mark.parametrize("caller", _CALLERS)
async def test_every_route(served: Api, caller: str) -> None:
    headers = headers_of(served, caller)
    machine = caller == "machine" or caller in _KEYS
    role = Role.VIEWER if caller == "machine" else _KEYS.get(caller) or (Role(caller) if caller in list(Role) else None)
    wrong = {}
    for (method, path), least in _MATRIX.items():
        got = await code(served, method, path, headers)
        if least is _OPEN:
            # A token that is no good is refused even where none is needed, if the route looks at it.
            good = got not in (401, 403) or (caller.startswith("forger") and path.endswith("/register"))
        elif role is None:
            good = got == 401
        elif not role.covers(least) or (machine and (method, path) in _FOR_USERS):
            # A body that cannot be read may be told of first, but nothing is done.
            good = got == 403 or (got == 422 and method in ("POST", "PUT", "PATCH"))
        else:
            good = got in (200, 202, 404, 415, 422, 428, 503)
        if not good:
            wrong[f"{method} {path}"] = got
    assert wrong == {}


@pytest.mark.parametrize("caller", _CALLERS)
async def test_nobody_but_the_strategy_sends_signals(served: Api, caller: str) -> None:
    assert await code(served, *_WEBHOOK, headers_of(served, caller)) == 401


async def test_a_trader_without_a_cluster_is_told_so(served: Api) -> None:
    answer = await served.http.post(
        f"/api/v1/strategies/{api.STRATEGY}/stop", headers=headers_of(served, Role.TRADER.value)
    )
    assert (answer.status_code, "Kubernetes does not answer" in answer.text) == (503, True)

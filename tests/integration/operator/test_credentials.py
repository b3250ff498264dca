"""Tokens that are renewed in their file: operator and API go on with the new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest
import yaml
from kubernetes.aio import client
from kubernetes.aio.config import ConfigException

from btcwatcher_api.cluster.connection import api_client
from btcwatcher_operator import credentials
from support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.apiservers import ApiServer

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Access:
    """$KUBECONFIG names a token's file; `renew` writes a new token there and ends the one before."""

    namespace: str
    renew: Callable[[], None]

    @property
    def path(self) -> str:
        """What the account may list."""
        return f"/api/v1/namespaces/{self.namespace}/pods"


@pytest.fixture
def access(embedded_api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Access:
    server = embedded_api_server
    namespace = server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "t-"}})["metadata"]["name"]
    account = accounts.make(server, namespace)
    account.allow(accounts.rule("list", "pods"))
    pods = f"/api/v1/namespaces/{namespace}/pods"
    held: list[str] = []

    def write() -> None:
        name = f"p{len(held)}"
        spec = {"serviceAccountName": account.name, "containers": [{"name": "c", "image": "x"}]}
        server.ok("POST", pods, {"metadata": {"name": name}, "spec": spec})
        reference = {"apiVersion": "v1", "kind": "Pod", "name": name}
        made = accounts.token_of(server, namespace, account.name, boundObjectRef=reference)
        (tmp_path / "token").write_text(made["status"]["token"])
        if held:
            server.ok("DELETE", f"{pods}/{held[-1]}")
        held.append(name)

    kubeconfig = yaml.safe_load(server.kubeconfig.read_text())
    kubeconfig["users"][0]["user"] = {"tokenFile": "token"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    write()
    return Access(namespace, write)


async def _status(session: aiohttp.ClientSession, held: client.Configuration, path: str) -> int:
    async with session.get(held.host + path) as answer:
        return answer.status


async def test_the_operators_watches_and_requests_go_on(access: Access, tmp_path: Path) -> None:
    path = access.path
    held = await credentials.configuration(reread_seconds=0)
    once = await credentials.configuration(reread_seconds=3600)
    context = client.ApiClient(held).rest_client.ssl_context
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), middlewares=[credentials.sender(held)]
        ) as session,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), middlewares=[credentials.sender(once)]
        ) as stale,
    ):
        assert await _status(session, held, path) == await _status(stale, held, path) == 200
        first = await credentials.header(held)
        access.renew()
        assert await _status(session, held, path) == 200
        assert await _status(stale, held, path) == 401
        assert await credentials.header(held) != first
        # While the file is away, what was read last is used on.
        (tmp_path / "kubeconfig").rename(tmp_path / "away")
        assert await _status(session, held, path) == 200


async def test_the_api_goes_on(access: Access) -> None:
    namespace = access.namespace
    async with api_client(reread_seconds=0) as connected:
        core = client.CoreV1Api(connected)
        assert len((await core.list_namespaced_pod(namespace)).items) == 1
        access.renew()
        assert len((await core.list_namespaced_pod(namespace)).items) == 1


async def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ConfigException):
        await credentials.configuration()

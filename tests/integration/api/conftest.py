"""A real Postgres, once a session, and for each module a database of its own with the real migrations in it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from btcwatcher_local.apiserver import serve
from btcwatcher_local.postgres import EmbeddedPostgres
from support import api
from support import desk as desks
from support.api_cluster import Cluster
from support.desk import Desk
from support.notifications import Queue, Vendor, vendor
from support.postgres import migrated

_TEMPLATE = "btcwatcher"
"""What a server begins with; nobody connects to it, so that it can be copied."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The server."""
    with pytest.MonkeyPatch.context() as patch:
        # Tests make and drop databases: never on somebody's own server.
        patch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
        server = migrated(tmp_path_factory.mktemp("postgres"), tmp_path_factory)
        try:
            server.start()
            yield server
        finally:
            server.remove()


@pytest.fixture(scope="module")
def postgres_url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh, migrated database for this module."""
    name = re.sub(r"[^a-z0-9_]", "_", request.module.__name__.lower())[-50:]
    database = sql.Identifier(name)
    _execute(postgres, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(database, sql.Identifier(_TEMPLATE)))
    yield postgres.url_of(name)
    _execute(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


@pytest.fixture
async def desk(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desks.desk(postgres_url, tmp_path) as made:
        yield made


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with serve("127.0.0.1", 0, "cluster-token", tls=False) as serving:
        serving.write_kubeconfig(tmp_path / "kubeconfig")
        headers = {"Authorization": "Bearer cluster-token"}
        async with httpx.AsyncClient(base_url=serving.url, headers=headers) as http:
            for namespace in ("trading", "desk"):
                await http.post(
                    "/api/v1/namespaces",
                    json={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
                )
            yield Cluster(serving, http)


@pytest.fixture
async def own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EmbeddedPostgres]:
    """A server of the test's own, to do harm to."""
    monkeypatch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
    server = await asyncio.to_thread(migrated, tmp_path / "postgres", tmp_path_factory)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.remove)


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path) -> AsyncIterator[api.Api]:
    """The API in this process, on an empty table."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE signals, signal_hours, deliveries, recovered_fills")
    async with api.running(postgres_url, tmp_path) as running:
        yield running


def _execute(server: EmbeddedPostgres, statement: sql.Composed) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def queue(postgres_url: str) -> Queue:
    """An empty outbox, and an audit log without a row."""
    queue = Queue(postgres_url)
    queue.clear()
    queue.run("TRUNCATE audit_log")
    return queue


@pytest.fixture
async def telegram() -> AsyncIterator[Vendor]:
    async with vendor() as there:
        yield there

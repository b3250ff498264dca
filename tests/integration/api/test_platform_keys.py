"""`btcwatcher-api keys` against an API server: Secrets made once, completed, never changed, never printed."""

import asyncio
import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest

from btcwatcher_api.platform_keys import KEYS, keep_keys
from support.apiservers import ApiServer, Object

pytestmark = pytest.mark.integration

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    name = "n" + secrets.token_hex(4)
    api_server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def run(api_server: ApiServer, namespace: str) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "btcwatcher_api.main", "keys", "--namespace", namespace, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.defpath, "KUBECONFIG": str(api_server.kubeconfig)},
        )

    return run


def secret(server: ApiServer, namespace: str, name: str) -> Object:
    return server.ok("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")


def test_what_is_missing_is_made_and_what_is_there_stays(api_server: ApiServer, run: Run, namespace: str) -> None:
    both = ("--secret", "keys", "--database-secret", "database", "--database-host", "postgres")
    made = run(*both)
    assert made.returncode == 0, made.stderr
    keys, database = (secret(api_server, namespace, name) for name in ("keys", "database"))
    assert set(keys["data"]) == set(KEYS)
    assert base64.b64decode(database["data"]["host"]) == b"postgres"
    for value in [*keys["data"].values(), *database["data"].values()]:
        assert base64.b64decode(value).decode() not in made.stdout + made.stderr or len(value) < 24
        assert value not in made.stdout + made.stderr

    again = run(*both)
    assert again.returncode == 0, again.stderr
    for before in (keys, database):
        now = secret(api_server, namespace, before["metadata"]["name"])
        assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "nothing was written"

    path = f"/api/v1/namespaces/{namespace}/secrets/keys"
    api_server.ok("PATCH", path, {"data": {"signing": None}}, content_type="application/merge-patch+json")
    completed = run("--secret", "keys")
    assert completed.returncode == 0, completed.stderr
    now = secret(api_server, namespace, "keys")["data"]
    assert now["signing"] != keys["data"]["signing"]
    assert {**now, "signing": ""} == {**keys["data"], "signing": ""}


def test_a_secret_that_cannot_be_used_is_left_alone(api_server: ApiServer, run: Run, namespace: str) -> None:
    body = {"metadata": {"name": "keys"}, "data": {"bot": base64.b64encode(b"tooshort").decode()}}
    before = api_server.ok("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
    refused = run("--secret", "keys")
    assert refused.returncode == 1
    assert f"Secret {namespace}/keys: its key bot holds less than 32 bytes" in refused.stderr
    assert "tooshort" not in refused.stderr
    assert secret(api_server, namespace, "keys")["data"] == before["data"]


def test_wrong_arguments_and_a_cluster_that_is_away_are_said(run: Run) -> None:
    assert "go together" in run("--secret", "keys", "--database-secret", "database").stderr
    nowhere = run("--secret", "../pods")
    assert (nowhere.returncode, "is no name of Kubernetes" in nowhere.stderr) == (1, True)


async def test_two_at_a_time_agree(api_server: ApiServer, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    await asyncio.gather(*(keep_keys(namespace, "keys", "database", "postgres") for _ in range(4)))
    data = secret(api_server, namespace, "database")["data"]
    uri, password = (base64.b64decode(data[key]).decode() for key in ("uri", "password"))
    assert password in uri
    assert set(secret(api_server, namespace, "keys")["data"]) == set(KEYS)

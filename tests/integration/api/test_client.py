"""A typed client can be made from the API's description, type-checks, and works against the API."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.desk import SPEC, Desk
from support.kubectl import REPOSITORY

pytestmark = pytest.mark.integration

PACKAGE = "btc_watcher_client"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client is, made from the committed description."""
    made = tmp_path_factory.mktemp("client") / "made"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--path", str(REPOSITORY / "docs" / "openapi.json")]
    command += ["--config", str(REPOSITORY / "docs" / "openapi-client.yaml"), "--output-path", str(made)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_it_type_checks(folder: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", "", "--cache-dir", str(folder / "cache"), PACKAGE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stdout


async def test_it_works(folder: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    part = importlib.import_module
    models: Any = part(f"{PACKAGE}.models")
    assert desk.served.app is not None
    client = part(PACKAGE).AuthenticatedClient(
        base_url="http://api.test",
        token=desk.token,
        httpx_args={"transport": httpx.ASGITransport(desk.served.app)},
    )
    body = models.NewStrategy(namespace="trading", name="typed", spec=models.NewStrategySpec.from_dict(SPEC))
    made = await part(f"{PACKAGE}.api.strategies.create_strategy").asyncio(client=client, body=body)
    assert isinstance(made, models.StrategyAnswer)
    assert (made.id, made.ready) == ("trading.typed", False)
    await desk.listed(1)
    page = await part(f"{PACKAGE}.api.strategies.list_strategies").asyncio(client=client, mode=models.Mode.DRYRUN)
    assert [line.id for line in page.items] == ["trading.typed"]
    refused = await part(f"{PACKAGE}.api.strategies.create_strategy").asyncio(client=client, body=body)
    assert isinstance(refused, models.ProblemDocument)
    assert refused.status == 409
    capacity = await part(f"{PACKAGE}.api.system.get_capacity").asyncio(client=client)
    assert capacity.ports.size == 1000

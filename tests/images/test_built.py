"""The images as they are run: by a user without rights, on a read-only root file system, without any capability."""

from __future__ import annotations

import json
import re
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support.containers import REPOSITORY, USER
from support.freqtrade_bots import STRATEGIES, lay_out, running_exchange
from support.world import install_crds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.apiservers import ApiServer
    from support.containers import Engine

pytestmark = pytest.mark.timeout(3600)

IMAGES: Final = ("operator", "api", "freqtrade")
LARGEST_MIB: Final = {"operator": 200, "api": 250, "freqtrade": 750}
"""What an image may add to its base."""
_IMPORT_ALL: Final = """
import importlib, pkgutil, sys
for room in sys.argv[1:]:
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, room + "."):
        if not found.name.endswith(("__main__", "migrations.env")):
            importlib.import_module(found.name)
"""
_PYTHON: Final = {
    "operator": ("python", ("btcwatcher_crds", "btcwatcher_operator", "kopf", "kubernetes.aio", "pydantic")),
    "api": ("python", ("btcwatcher_crds", "btcwatcher_api", "fastapi", "kubernetes.aio", "sqlalchemy")),
    "freqtrade": ("/opt/freqtrade/bin/python", ("btcwatcher_bot", "freqtrade", "pandas", "ccxt")),
}
"""Its interpreter, and packages that it runs."""
_NOT_COMPILED: Final = """
import importlib.util, pathlib, sys
for package in sys.argv[1:]:
    for file in pathlib.Path(importlib.util.find_spec(package).origin).parent.rglob("*.py"):
        if not pathlib.Path(importlib.util.cache_from_source(str(file))).exists():
            print(file)
"""
_INSTALLED: Final = """
import importlib.metadata, json, sys
found = importlib.metadata.distributions(path=[path for path in sys.path if path.startswith("/opt/")])
print(json.dumps([(one.metadata["Name"], one.version) for one in found]))
"""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    built: str = request.getfixturevalue(f"{request.param}_image")
    return built


def _name(image: str) -> str:
    return image.rpartition("/")[2].partition(":")[0]


def test_it_says_what_it_is_and_how_it_is_run(engine: Engine, image: str) -> None:
    found = engine.inspect(image)
    config = found["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"][:2] == ["tini", "--"]
    assert found["Healthcheck"]["Test"][0] == "CMD"
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["title"] == f"btcwatcher/{_name(image)}"
    assert labels["version"] == "0.1.0"
    assert labels["base.name"].startswith("docker.io/library/python:3.11")


def test_it_is_small(engine: Engine, image: str) -> None:
    found = engine.inspect(image)
    base = engine.inspect(found["Config"]["Labels"]["org.opencontainers.image.base.name"])
    added = (found["Size"] - base["Size"]) / 2**20
    print(f"{_name(image)}: {found['Size'] / 2**20:.0f} MiB, {added:.0f} MiB of them not the base's")
    assert added < LARGEST_MIB[_name(image)]


def test_it_may_do_nothing(engine: Engine, image: str) -> None:
    done = engine.container(image, "-c", "cat /proc/1/status; touch /tmp/there; touch /x", entrypoint="sh").run()
    said = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert said["Uid"].split() == [str(USER)] * 4
    assert {said[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert said["NoNewPrivs"] == "1"
    assert "cannot touch '/x': Read-only file system" in done.stderr
    assert "/tmp/there" not in done.stderr


@pytest.mark.parametrize(
    ("fixture", "packages"),
    [("operator_image", "btcwatcher_crds btcwatcher_operator"), ("api_image", "btcwatcher_crds btcwatcher_api")],
)
def test_nothing_that_it_imports_is_missing(
    engine: Engine, request: pytest.FixtureRequest, fixture: str, packages: str
) -> None:
    built = request.getfixturevalue(fixture)
    done = engine.container(built, "-W", "ignore", "-c", _IMPORT_ALL, *packages.split(), entrypoint="python").run()
    assert done.returncode == 0, done.stderr


def test_its_bytecode_is_in_it(engine: Engine, image: str) -> None:
    """Of the level that it runs with: where a process could write none it would be compiled at each start."""
    python, packages = _PYTHON[_name(image)]
    done = engine.container(image, "-c", _NOT_COMPILED, *packages, entrypoint=python).run()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_its_bill_of_materials_names_all_that_is_installed(engine: Engine, image: str) -> None:
    subprocess.run(["make", "--silent", "sbom"], cwd=REPOSITORY, check=True, capture_output=True, timeout=600)
    bill = json.loads((REPOSITORY / "dist" / "sbom" / f"{_name(image)}.cdx.json").read_text())
    named = {(normal(one["name"]), one["version"]) for one in bill["components"]}
    done = engine.container(image, "-c", _INSTALLED, entrypoint=_PYTHON[_name(image)][0]).run()
    assert done.returncode == 0, done.stderr
    installed = {(normal(name), version) for name, version in json.loads(done.stdout)}
    assert installed - named <= {("btc-watcher", "0.1.0")}
    assert len(installed) > 20


def test_the_operator_says_what_it_needs(engine: Engine, operator_image: str) -> None:
    done = engine.container(operator_image).run()
    assert done.returncode == 2
    for name in ("WEBHOOK_URL", "WEBHOOK_KEY_FILE", "BOT_KEY_FILE"):
        assert f"btcwatcher-operator: BTCWATCHER_{name}: Field required" in done.stderr


@pytest.fixture
def keys(open_folder: Callable[[str], Path]) -> Path:
    folder = open_folder("keys")
    for name in ("webhook", "bot", "signing", "read-token"):
        (folder / name).write_text(f"the {name} key of the tests, 0123456789")
    return folder


@pytest.fixture
def kubeconfig(embedded_api_server: ApiServer, open_folder: Callable[[str], Path]) -> Path:
    """A folder with one that the containers' user can read."""
    install_crds(embedded_api_server)
    folder = open_folder("cluster")
    (folder / "config").write_text(embedded_api_server.kubeconfig.read_text())
    return folder


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_operator_gets_ready_and_ends_when_told(
    engine: Engine, operator_image: str, keys: Path, kubeconfig: Path
) -> None:
    port = free_port()
    environment = {
        "KUBECONFIG": "cluster/config",
        "BTCWATCHER_WEBHOOK_URL": "http://127.0.0.1:8000",
        "BTCWATCHER_WEBHOOK_KEY_FILE": "keys/webhook",
        "BTCWATCHER_BOT_KEY_FILE": "keys/bot",
        "BTCWATCHER_METRICS_PORT": str(port),
    }
    mounts = {"/btcwatcher/keys": keys, "/btcwatcher/cluster": kubeconfig}
    with engine.container(operator_image, environment=environment, mounts=mounts) as operator:
        operator.wait_for("ready", lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
        assert operator.healthy()
        assert operator.stop() == 0, operator.log


def test_the_description_of_the_api_is_the_committed_one(engine: Engine, api_image: str) -> None:
    done = engine.container(api_image, "openapi").run()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((REPOSITORY / "docs" / "openapi.json").read_text())


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    try:
        yield server.start()
    finally:
        server.remove()


def test_the_api_migrates_serves_works_and_collects(
    engine: Engine, api_image: str, database: str, keys: Path, kubeconfig: Path
) -> None:
    mounts = {"/btcwatcher/keys": keys, "/btcwatcher/cluster": kubeconfig}
    environment = {
        "KUBECONFIG": "cluster/config",
        "BTCWATCHER_DATABASE_URL": database,
        "BTCWATCHER_WEBHOOK_KEY_FILE": "keys/webhook",
        "BTCWATCHER_BOT_KEY_FILE": "keys/bot",
        "BTCWATCHER_SIGNING_KEY_FILE": "keys/signing",
        "BTCWATCHER_READ_TOKEN_FILE": "keys/read-token",
        "BTCWATCHER_HOST": "127.0.0.1",
    }
    migrated = engine.container(api_image, "migrate", environment=environment).run()
    assert migrated.returncode == 0, migrated.stderr
    for command in ("serve", "worker", "collect"):
        port = free_port()
        environment["BTCWATCHER_PORT"] = str(port)
        url = f"http://127.0.0.1:{port}"
        with engine.container(api_image, command, environment=environment, mounts=mounts) as running:
            running.wait_for(f"{command} is ready", partial(_answers, f"{url}/readyz"))
            assert _answers(f"{url}/healthz")
            assert running.healthy()
            if command == "serve":
                assert _answers(f"{url}/docs")
                assert httpx.get(f"{url}/api/v1/signals/", trust_env=False).status_code == 401
            assert running.stop() == 0, running.log


def test_a_bot_is_tried_and_trades(
    engine: Engine, freqtrade_image: str, tmp_path: Path, open_folder: Callable[[str], Path]
) -> None:
    with running_exchange() as exchange:
        bot = lay_out(tmp_path / "bot", exchange, STRATEGIES / "pulse.py", "Pulse", None)
        mounts = {f"/bot/{name}": bot.folder / name for name in ("revision", "access")}
        for path in (bot.folder / "revision", bot.folder / "access"):
            path.chmod(0o755)
            for file in path.iterdir():
                file.chmod(0o644)
        log = tmp_path / "termination-log"
        log.touch()
        log.chmod(0o666)
        mounts |= {"/bot/data": open_folder("data"), "/bot/run": open_folder("run"), "/dev/termination-log": log}
        options: dict[str, Any] = {"mounts": mounts, "environment": {"TMPDIR": "run", "NETRC": "access/netrc"}}

        tried = engine.container(freqtrade_image, "preflight", **options).run()
        assert tried.returncode == 0, log.read_text() + tried.stdout + tried.stderr

        with engine.container(freqtrade_image, **options) as trading:
            trading.wait_for("run/ready", (mounts["/bot/run"] / "ready").exists)
            assert trading.healthy()
            assert trading.stop() == 0, trading.log
        assert (mounts["/bot/data"] / "trades.dryrun.sqlite").exists()
        assert log.read_text() == ""

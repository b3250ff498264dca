"""The three images, built for real, once a session and only with --all-faults: that takes minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import containers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.containers import Engine


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    if not request.config.getoption("--all-faults"):
        pytest.skip("`make images-test` builds and runs them")
    return containers.prepared()


@pytest.fixture(scope="session")
def operator_image(engine: Engine) -> str:
    return engine.build("operator")


@pytest.fixture(scope="session")
def api_image(engine: Engine) -> str:
    return engine.build("api")


@pytest.fixture(scope="session")
def freqtrade_image(engine: Engine) -> str:
    return engine.build("freqtrade")


@pytest.fixture
def open_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a folder that the containers' user may write to."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        folder.chmod(0o777)
        return folder

    return make

"""Options of the whole test suite, and the API servers that tests can ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest

from support import apiservers, realapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.apiservers import ApiServer


# On a busy machine making examples may take long: that says nothing of what is tested.
hypothesis.settings.register_profile("patient", suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the expected files of tests/golden anew")
    parser.addoption(
        "--all-faults",
        action="store_true",
        help="every fault at every place, and the whole stack on a real API server too",
    )
    parser.addoption("--run-bench", action="store_true", help="run the benchmarks of tests/bench")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` has forty minutes: what is marked so is for `make faults`."""
    if config.getoption("--all-faults"):
        return
    for item in items:
        if item.get_closest_marker("full") is not None:
            item.add_marker(pytest.mark.skip(reason="`make faults` runs it"))


@pytest.fixture(scope="session", params=["embedded", "real"])
def api_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Each test once against the embedded API server and once against a real one, where there is one."""
    if request.param == "embedded":
        with apiservers.embedded(tmp_path_factory.mktemp("apiserver")) as server:
            yield server
        return
    if realapi.binaries() is None:
        pytest.skip(realapi.MISSING)
    with apiservers.real() as server:
        yield server


@pytest.fixture(scope="session")
def embedded_api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """For what only the embedded server promises."""
    with apiservers.embedded(tmp_path_factory.mktemp("apiserver")) as server:
        yield server

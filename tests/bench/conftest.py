"""Benchmarks run only when asked for: they take the whole machine."""

from collections.abc import Iterator

import pytest

from btcwatcher_api.migrate import migrate
from btcwatcher_local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of the module's own, migrated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
        server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
        try:
            server.start()
            migrate(server.url, 1)
            yield server
        finally:
            server.remove()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-bench"):
        return
    for item in items:
        if "tests/bench/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="benchmark: `make bench` runs it"))

"""Benchmarks run only when asked for: they take the whole machine."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-bench"):
        return
    for item in items:
        if "tests/bench/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="benchmark: `make bench` runs it"))

"""One API server for all faults of a run, the proxy in front of it, and a namespace with an operator per module."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING

import pytest

from support.faultproxy import FaultProxy
from support.operator_fork import Forge
from support.world import World, install_crds, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.apiservers import ApiServer


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --all-faults: each fault once, and on the embedded API server only."""
    if config.getoption("--all-faults"):
        return

    def left_out(item: pytest.Item) -> bool:
        if "/faults/" not in item.nodeid:
            return False
        params = getattr(item, "callspec", None)
        return item.get_closest_marker("full") is not None or (params is not None and "real" in params.params.values())

    config.hook.pytest_deselected(items=[item for item in items if left_out(item)])
    items[:] = [item for item in items if not left_out(item)]


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    with Forge() as started:
        yield started


@pytest.fixture(scope="module")
def shared(api_server: ApiServer, forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    install_crds(api_server)
    folder = tmp_path_factory.mktemp("faults")
    with (
        FaultProxy(api_server.kubeconfig) as proxy,
        world(api_server, proxy, forge, folder, f"faults-{uuid.uuid4().hex[:6]}") as made,
    ):
        yield made


@pytest.fixture
def settled(shared: World) -> Iterator[World]:
    """The world as it is without faults."""
    yield shared
    shared.proxy.disarm()
    shared.proxy.serve()


_numbers = itertools.count(1)


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Names of Strategies that were not there before."""
    return lambda: f"bot{next(_numbers)}"

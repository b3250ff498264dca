"""The whole stack with real freqtrade bots, on the embedded API server and, with --all-faults, on a real one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from btcwatcher_local.stack.chart import NAMESPACE as PLATFORM
from support import clusters, realapi, stack
from support.kubectl import Kubectl
from support.screens import FREQUI
from support.stack import RunningStack


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("real", marks=pytest.mark.skipif(realapi.binaries() is None, reason=realapi.MISSING)),
    ],
)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A module that names no POOLS of its own shares them with no other: modules run side by side.

    One that says MONITORING has a Prometheus and an Alertmanager, too; one that says FREQUI has a fleet screen."""
    folder = tmp_path_factory.mktemp(f"stack-{request.param}")
    embedded, real = getattr(request.module, "POOLS", ("21000-21099", "21100-21199"))
    monitoring: bool = getattr(request.module, "MONITORING", False)
    screen = ["--frequi", str(FREQUI)] if getattr(request.module, "FREQUI", False) else []
    if request.param == "embedded":
        with stack.running(folder, embedded, *screen, monitoring=monitoring) as started:
            yield started
        return
    if not request.config.getoption("--all-faults"):
        pytest.skip("`make faults` runs it")
    with (
        real_cluster() as kubeconfig,
        stack.running(folder, real, *screen, "--kubeconfig", str(kubeconfig), monitoring=monitoring) as started,
    ):
        yield started


@contextlib.contextmanager
def real_cluster() -> Iterator[Path]:
    """A real API server that gives the platform's pods their tokens."""
    with clusters.real(account_admission=True) as kubeconfig:
        # OpenShift's build of it mounts this beside each token; there a controller of its own makes it.
        kubectl = Kubectl(kubeconfig)
        kubectl("create", "namespace", PLATFORM)
        kubectl("-n", PLATFORM, "create", "configmap", "openshift-service-ca.crt", "--from-literal=service-ca.crt=")
        yield kubeconfig


@pytest.fixture
def other_folder(tmp_path: Path) -> Path:
    return tmp_path / "other"

"""An API server with the CRD, a namespace per test, and an operator of our own process to start and kill."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import clusters, realapi
from support.kubectl import REPOSITORY, Kubectl
from support.operator_process import Operator

Object = dict[str, Any]

ON_A_REAL_ONE_TOO = ("test_reconcile", "test_refusals")
"""Modules that are about what the API server itself does; the others run on a real one with --all-faults only."""


@pytest.fixture(
    scope="module",
    params=[
        "embedded",
        pytest.param("real", marks=pytest.mark.skipif(realapi.binaries() is None, reason=realapi.MISSING)),
    ],
)
def kubectl(request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    module = request.module.__name__.rpartition(".")[2]
    if request.param == "real" and module not in ON_A_REAL_ONE_TOO and not request.config.getoption("--all-faults"):
        pytest.skip("`make faults` runs it")
    with (clusters.embedded if request.param == "embedded" else clusters.real)() as kubeconfig:
        client = Kubectl(kubeconfig)
        client("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        client("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield client


@pytest.fixture
def namespace(kubectl: Kubectl) -> str:
    name = f"t{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    return name


@pytest.fixture
def operator(kubectl: Kubectl, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    process = Operator(kubectl, namespace, tmp_path)
    process.start()
    yield process
    if process.running:
        process.kill()


@pytest.fixture
def manifest(namespace: str) -> Object:
    """A Strategy that asks for as little as it can."""
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": "ema", "namespace": namespace},
        "spec": {
            "strategyName": "Ema",
            "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
            "timeframe": "5m",
        },
    }

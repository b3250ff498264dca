"""An API server with an operator, for a module; a namespace and the plugin for each test."""

import uuid
from collections.abc import Iterator

import pytest

from support import clusters
from support.kubectl import REPOSITORY, Kubectl
from support.operator_process import Operator
from support.plugin import Desk, Plugin


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl of the cluster, whose operator looks after all namespaces."""
    with clusters.embedded() as kubeconfig:
        kubectl = Kubectl(kubeconfig)
        kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        operator = Operator(kubectl, "", tmp_path_factory.mktemp("operator"))
        operator.start()
        try:
            yield kubectl
        finally:
            operator.kill()


@pytest.fixture
def desk(operated: Kubectl) -> Desk:
    """A namespace of the test's own."""
    return _desk(operated)


@pytest.fixture(scope="module")
def trading(operated: Kubectl) -> tuple[Desk, str]:
    """A namespace whose one bot is Ready, with its revision, for tests that only look."""
    made = _desk(operated)
    return made, made.ready()


def _desk(kubectl: Kubectl) -> Desk:
    name = f"t{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    return Desk(kubectl, name, Plugin(kubectl.kubeconfig))

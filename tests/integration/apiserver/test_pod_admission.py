"""Pods where every pod needs a ServiceAccount: on the embedded server and, with --all-faults, on a real one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from support import apiservers, realapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.apiservers import ApiServer

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

PLACE = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module", params=["embedded", "real"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    if request.param == "embedded":
        with apiservers.embedded(tmp_path_factory.mktemp("apiserver"), account_admission=True) as found:
            yield found
        return
    if realapi.binaries() is None:
        pytest.skip(realapi.MISSING)
    if not request.config.getoption("--all-faults"):
        pytest.skip("`make faults` runs it")
    with apiservers.real(account_admission=True) as found:
        yield found


@pytest.fixture
def place(server: ApiServer) -> str:
    """The path of a new namespace with one account."""
    name = server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "t-"}})["metadata"]["name"]
    path = f"/api/v1/namespaces/{name}"
    server.ok("POST", f"{path}/serviceaccounts", {"metadata": {"name": "default"}})
    return path


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "x"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


def test_a_pod_gets_its_account_and_its_token(server: ApiServer, place: str) -> None:
    spec = server.ok("POST", f"{place}/pods", pod(initContainers=[{"name": "i", "image": "x"}]))["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert volume["projected"]["defaultMode"] == 0o644
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    # There are distributions whose servers add more of their own.
    assert volume["projected"]["sources"][:3] == [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    for container in (*spec["containers"], *spec["initContainers"]):
        assert container["volumeMounts"] == [{"name": volume["name"], "readOnly": True, "mountPath": PLACE}]


def test_an_account_that_is_not_there(server: ApiServer, place: str) -> None:
    namespace = place.rpartition("/")[2]
    status = server.refused(403, "POST", f"{place}/pods", pod(serviceAccountName="none"))
    assert status["message"] == (
        f'pods "p" is forbidden: error looking up service account {namespace}/none: serviceaccount "none" not found'
    )


def test_who_wants_no_token_gets_none(server: ApiServer, place: str) -> None:
    account = {"metadata": {"name": "a"}, "automountServiceAccountToken": False, "imagePullSecrets": [{"name": "s"}]}
    server.ok("POST", f"{place}/serviceaccounts", account)
    spec = server.ok("POST", f"{place}/pods", pod(serviceAccountName="a"))["spec"]
    assert not spec.get("volumes")
    assert spec["imagePullSecrets"] == [{"name": "s"}]
    wanted = {**pod(serviceAccountName="a", automountServiceAccountToken=True), "metadata": {"name": "q"}}
    assert server.ok("POST", f"{place}/pods", wanted)["spec"]["volumes"]
    unwanted = {**pod(automountServiceAccountToken=False), "metadata": {"name": "r"}}
    assert not server.ok("POST", f"{place}/pods", unwanted)["spec"].get("volumes")


def test_the_account_of_a_new_namespace_is_waited_for(server: ApiServer) -> None:
    name = server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "t-"}})["metadata"]["name"]
    path = f"/api/v1/namespaces/{name}"

    def later() -> None:
        time.sleep(0.3)
        server.ok("POST", f"{path}/serviceaccounts", {"metadata": {"name": "default"}})

    thread = threading.Thread(target=later)
    thread.start()
    try:
        server.ok("POST", f"{path}/pods", pod())
    finally:
        thread.join()

"""A namespace and a custom kind for each test module of the API server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from support.widgets import Widgets

if TYPE_CHECKING:
    from support.apiservers import ApiServer

CRD = Path(__file__).parents[2] / "data" / "widgets-crd.yaml"


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    """A new namespace; it is left to the server's end."""
    made = api_server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "t-"}})
    name: str = made["metadata"]["name"]
    return name


@pytest.fixture
def widgets(api_server: ApiServer, namespace: str) -> Widgets:
    """The custom kind, served."""
    definition = yaml.safe_load(CRD.read_text())
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    name = definition["metadata"]["name"]
    if api_server.call("GET", f"{path}/{name}").status_code == 404:
        api_server.ok("POST", path, definition)
    kind = Widgets(api_server, namespace)
    deadline = time.monotonic() + 20
    while api_server.call("GET", kind.path).status_code != 200:
        assert time.monotonic() < deadline, "the custom kind is not served"
        time.sleep(0.1)
    return kind

"""What a chart carries, apart from what runs: filled in, refused and shown alike by both servers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from support.apiservers import ApiServer

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[2] / "data" / "chart-kinds.yaml").read_text())
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CLUSTER_WIDE = {"PriorityClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
PLURALS = {
    "Endpoints": "endpoints",
    "NetworkPolicy": "networkpolicies",
    "PriorityClass": "priorityclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}


def path_of(obj: dict[str, Any], namespace: str) -> str:
    version, kind = obj["apiVersion"], obj["kind"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = "" if kind in CLUSTER_WIDE else f"/namespaces/{namespace}"
    return f"{base}{where}/{PLURALS.get(kind, kind.lower() + 's')}"


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['object']['kind']}-{case['object']['metadata']['name']}"
)
def test_a_kind_of_a_chart(api_server: ApiServer, namespace: str, case: dict[str, Any]) -> None:
    obj = copy.deepcopy(case["object"])
    path, name = path_of(obj, namespace), obj["metadata"]["name"]
    if "refused" in case:
        assert case["refused"] in api_server.refused(422, "POST", path, obj)["message"]
        return
    made = api_server.ok("POST", path, obj)
    try:
        assert {k: v for k, v in made.items() if k not in ("apiVersion", "kind", "metadata")} == case["answer"]
        table = api_server.call("GET", f"{path}/{name}", Accept=TABLE).json()
        columns = [column["name"] for column in table["columnDefinitions"]]
        shown = dict(zip(columns, table["rows"][0]["cells"], strict=True))
        assert {k: v for k, v in shown.items() if k not in ("Name", "Age")} == case["columns"]
    finally:
        api_server.ok("DELETE", f"{path}/{name}")

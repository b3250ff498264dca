"""Discovery in both forms, OpenAPI, Tables, and CRDs that come and go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def until(check: Any, seconds: float = 20.0) -> Any:
    """The first truthy answer; what a real server does soon, the embedded one does at once."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_legacy_discovery(api_server: ApiServer, widgets: Widgets) -> None:
    group = api_server.ok("GET", "/apis/conformance.btcwatcher.io")
    assert group["preferredVersion"] == {"groupVersion": "conformance.btcwatcher.io/v1", "version": "v1"}
    listed = api_server.ok("GET", "/apis/conformance.btcwatcher.io/v1")["resources"]
    entries = {r["name"]: r for r in listed}
    widget = entries["widgets"]
    assert (widget["kind"], widget["singularName"], widget["namespaced"]) == ("Widget", "widget", True)
    assert (widget["shortNames"], widget["categories"]) == (["wdg"], ["conformance"])
    assert sorted(widget["verbs"]) == [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ]
    assert entries["widgets/status"]["kind"] == "Widget"
    assert entries["widgets/scale"]["kind"] == "Scale"
    core = {r["name"]: r for r in api_server.ok("GET", "/api/v1")["resources"]}
    assert core["pods"]["shortNames"] == ["po"]
    assert {"pods/status", "pods/log", "pods/binding", "namespaces/finalize"} <= set(core)


def test_aggregated_discovery(api_server: ApiServer, widgets: Widgets) -> None:
    answer = api_server.call("GET", "/apis", Accept=AGGREGATED)
    assert answer.headers["Content-Type"].startswith(AGGREGATED)

    def found() -> Any:
        document = api_server.call("GET", "/apis", Accept=AGGREGATED).json()
        groups = {g["metadata"]["name"]: g for g in document["items"]}
        return groups.get("conformance.btcwatcher.io")

    group = until(found)
    resource = next(r for r in group["versions"][0]["resources"] if r["resource"] == "widgets")
    assert resource["responseKind"] == {"group": "conformance.btcwatcher.io", "version": "v1", "kind": "Widget"}
    assert resource["scope"] == "Namespaced"
    assert {s["subresource"] for s in resource["subresources"]} == {"status", "scale"}
    core = api_server.call("GET", "/api", Accept=AGGREGATED).json()
    assert core["kind"] == "APIGroupDiscoveryList"
    assert any(r["resource"] == "pods" for r in core["items"][0]["versions"][0]["resources"])


def test_open_api_has_schemas_and_what_kubectl_looks_for(api_server: ApiServer, widgets: Widgets) -> None:
    place = until(lambda: api_server.ok("GET", "/openapi/v3")["paths"].get("apis/conformance.btcwatcher.io/v1"))
    document = api_server.ok("GET", place["serverRelativeURL"])
    schema = document["components"]["schemas"]["io.btcwatcher.conformance.v1.Widget"]
    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": "conformance.btcwatcher.io", "version": "v1", "kind": "Widget"}
    ]
    assert schema["properties"]["spec"]["properties"]["size"]["maximum"] == 100
    base = "/apis/conformance.btcwatcher.io/v1/namespaces/{namespace}/widgets"
    patch = document["paths"][base + "/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Widget"
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} <= {p["name"] for p in patch["parameters"]}
    apps = api_server.ok("GET", "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    containers = apps["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert (containers["type"], containers["x-kubernetes-patch-merge-key"]) == ("array", "name")


def test_tables(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a", size=3)
    table = api_server.call("GET", widgets.path, Accept=TABLE).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [(c["name"], c["type"], c["priority"]) for c in table["columnDefinitions"]]
    assert columns == [
        ("Name", "string", 0),
        ("Color", "string", 0),
        ("Ready", "string", 0),
        ("Age", "date", 0),
        ("Size", "integer", 1),
    ]
    row = table["rows"][0]
    assert row["cells"][:3] == ["a", "red", None]
    assert row["cells"][4] == 3
    assert row["object"]["kind"] == "PartialObjectMetadata"
    one = api_server.call("GET", f"{widgets.path}/a?includeObject=Object", Accept=TABLE).json()
    assert one["rows"][0]["object"]["spec"]["size"] == 3
    partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = api_server.call("GET", widgets.path, Accept=partial).json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "spec" not in listed["items"][0]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
def test_open_to_everybody(api_server: ApiServer, path: str) -> None:
    assert api_server.call("GET", path, Authorization="").status_code == 200


def _definition(plural: str, **version: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"x": {"type": "integer"}}}}}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.conformance.btcwatcher.io"},
        "spec": {
            "group": "conformance.btcwatcher.io",
            "scope": "Cluster",
            "names": {"kind": plural.capitalize(), "plural": plural},
            "versions": [served],
        },
    }


def test_a_kind_comes_changes_and_goes(api_server: ApiServer) -> None:
    body = _definition("comets")
    one = f"{CRDS}/{body['metadata']['name']}"
    path = "/apis/conformance.btcwatcher.io/v1/comets"
    api_server.ok("POST", CRDS, body)

    def established() -> Any:
        conditions = api_server.ok("GET", one).get("status", {}).get("conditions") or []
        return {c["type"]: c["status"] for c in conditions if c["status"] == "True"}

    assert until(lambda: established().get("Established")) == "True"
    assert until(lambda: api_server.call("GET", path).status_code == 200)
    new = {"apiVersion": "conformance.btcwatcher.io/v1", "kind": "Comets", "metadata": {"name": "a"}, "spec": {"y": 1}}
    assert api_server.ok("POST", path, new)["spec"] == {}
    wider = api_server.ok("GET", one)
    wider["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["y"] = {
        "type": "integer"
    }
    api_server.ok("PUT", one, wider)

    def takes_y() -> bool:
        made = api_server.ok("POST", f"{path}?dryRun=All", {**new, "metadata": {"generateName": "b-"}})
        return bool(made["spec"].get("y") == 1)

    assert until(takes_y)
    api_server.ok("DELETE", one)
    assert until(lambda: api_server.call("GET", one).status_code == 404)
    assert until(lambda: api_server.call("GET", path).status_code == 404)


def test_definitions_that_are_refused(api_server: ApiServer) -> None:
    body = _definition("wrongs")
    body["metadata"]["name"] = "other.conformance.btcwatcher.io"
    status = api_server.refused(422, "POST", CRDS, body)
    assert 'must be spec.names.plural+"."+spec.group' in status["message"]
    status = api_server.refused(422, "POST", CRDS, _definition("wrongs", storage=False))
    assert "must have exactly one version marked as storage version" in status["message"]
    loose = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"properties": {}}}}}
    status = api_server.refused(422, "POST", CRDS, _definition("wrongs", schema=loose))
    assert "must not be empty for specified object fields" in status["message"]
    listed = {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}
    keyless = {"openAPIV3Schema": {"type": "object", "properties": {"spec": listed}}}
    status = api_server.refused(422, "POST", CRDS, _definition("wrongs", schema=keyless))
    assert "x-kubernetes-list-map-keys" in status["message"]

"""Create, read, update and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.widgets import JSON_PATCH, MERGE

if TYPE_CHECKING:
    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]


def test_a_new_object_gets_its_metadata(widgets: Widgets) -> None:
    made = widgets.create("a")
    meta = made["metadata"]
    assert meta["uid"]
    assert meta["resourceVersion"]
    assert meta["creationTimestamp"].endswith("Z")
    assert meta["generation"] == 1
    assert made["spec"] == {"color": "red", "limit": 50, "replicas": 1}


def test_generate_name(api_server: ApiServer, widgets: Widgets) -> None:
    body = widgets.new("x")
    body["metadata"] = {"generateName": "gen-"}
    first = api_server.ok("POST", widgets.path, body)["metadata"]["name"]
    second = api_server.ok("POST", widgets.path, body)["metadata"]["name"]
    assert first.startswith("gen-")
    assert len(first) == len("gen-") + 5
    assert first != second


def test_the_same_name_twice(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a")
    status = api_server.refused(409, "POST", widgets.path, widgets.new("a"))
    assert status["reason"] == "AlreadyExists"
    assert status["message"] == 'widgets.conformance.btcwatcher.io "a" already exists'


def test_missing_object_namespace_and_kind(api_server: ApiServer, widgets: Widgets) -> None:
    status = api_server.refused(404, "GET", widgets.path + "/none")
    assert status["message"] == 'widgets.conformance.btcwatcher.io "none" not found'
    assert status["details"] == {"name": "none", "group": "conformance.btcwatcher.io", "kind": "widgets"}
    elsewhere = widgets.path.replace(widgets.namespace, "nowhere")
    assert api_server.refused(404, "POST", elsewhere, widgets.new("a"))["message"] == 'namespaces "nowhere" not found'
    assert api_server.call("GET", widgets.path.replace("widgets", "wodgets")).status_code == 404


def test_no_token_is_401(api_server: ApiServer) -> None:
    status = api_server.refused(401, "GET", "/api/v1/namespaces", Authorization="Bearer wrong")
    assert status["reason"] == "Unauthorized"


def test_update_needs_the_current_version(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a")
    one = f"{widgets.path}/a"
    status = api_server.refused(422, "PUT", one, widgets.new("a"))
    assert status["details"]["causes"][0]["field"] == "metadata.resourceVersion"
    changed = {**made, "spec": {**made["spec"], "size": 3}}
    after = api_server.ok("PUT", one, changed)
    assert after["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert after["metadata"]["generation"] == 2
    status = api_server.refused(409, "PUT", one, changed)
    assert status["reason"] == "Conflict"
    assert "the object has been modified; please apply your changes to the latest version" in status["message"]


def test_an_update_that_changes_nothing_writes_nothing(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a")
    assert api_server.ok("PUT", f"{widgets.path}/a", made) == made


def test_system_metadata_cannot_be_written(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a")
    after = widgets.merge("a", {"metadata": {"generation": 9, "creationTimestamp": "2001-01-01T00:00:00Z"}})
    assert after["metadata"]["generation"] == 1
    assert after["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


def test_status_and_spec_are_apart(widgets: Widgets) -> None:
    widgets.create("a")
    ignored = widgets.merge("a", {"status": {"replicas": 3}})
    assert "status" not in ignored
    after = widgets.merge(
        "a", {"status": {"replicas": 3}, "spec": {"color": "blue"}, "metadata": {"labels": {"x": "y"}}}, sub="/status"
    )
    assert after["status"] == {"replicas": 3}
    assert after["spec"]["color"] == "red"
    assert after["metadata"]["generation"] == 1
    kept = widgets.merge("a", {"spec": {"color": "blue"}})
    assert kept["status"] == {"replicas": 3}
    assert kept["metadata"]["generation"] == 2


def test_a_label_does_not_change_the_generation(widgets: Widgets) -> None:
    widgets.create("a")
    assert widgets.merge("a", {"metadata": {"labels": {"x": "y"}}})["metadata"]["generation"] == 1


def test_json_patch_with_test(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a", tags=["x"])
    one = f"{widgets.path}/a"
    version = made["metadata"]["resourceVersion"]
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "add", "path": "/spec/tags/-", "value": "y"},
        {"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}},
        {"op": "replace", "path": "/metadata/labels/a~1b", "value": "d"},
        {"op": "copy", "from": "/spec/color", "path": "/spec/note"},
    ]
    after = api_server.ok("PATCH", one, patch, content_type=JSON_PATCH)
    assert after["spec"]["tags"] == ["x", "y"]
    assert after["spec"]["note"] == "red"
    assert after["metadata"]["labels"] == {"a/b": "d"}
    status = api_server.refused(422, "PATCH", one, patch, content_type=JSON_PATCH)
    assert status["reason"] == "Invalid"
    api_server.refused(422, "PATCH", one, [{"op": "remove", "path": "/spec/none"}], content_type=JSON_PATCH)


def test_merge_patch_removes_with_null_and_checks_a_version(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a", size=3)
    after = widgets.merge("a", {"spec": {"size": None}})
    assert "size" not in after["spec"]
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"size": 4}}
    api_server.refused(409, "PATCH", f"{widgets.path}/a", stale, content_type=MERGE)


def test_formats_that_are_not_taken(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a")
    one = f"{widgets.path}/a"
    api_server.refused(415, "PATCH", one, {}, content_type="application/strategic-merge-patch+json")
    api_server.refused(406, "GET", one, Accept="text/html")
    api_server.refused(400, "POST", widgets.path, b"{")


def test_dry_run_stores_nothing(api_server: ApiServer, widgets: Widgets) -> None:
    made = api_server.ok("POST", f"{widgets.path}?dryRun=All", widgets.new("a"))
    assert made["spec"]["limit"] == 50
    api_server.refused(404, "GET", f"{widgets.path}/a")
    widgets.create("a")
    api_server.ok("DELETE", f"{widgets.path}/a?dryRun=All")
    widgets.get("a")


def test_finalizers_hold_a_deletion(api_server: ApiServer, widgets: Widgets) -> None:
    body = widgets.new("a")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    api_server.ok("POST", widgets.path, body)
    one = f"{widgets.path}/a"
    marked = api_server.ok("DELETE", one)
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["generation"] == 2
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    status = api_server.refused(422, "PATCH", one, more, content_type=MERGE)
    assert "no new finalizers can be added if the object is being deleted" in status["message"]
    widgets.merge("a", {"metadata": {"finalizers": []}})
    api_server.refused(404, "GET", one)


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan"), ("Background", None)]
)
def test_propagation_policies(api_server: ApiServer, widgets: Widgets, policy: str, finalizer: str | None) -> None:
    widgets.create("a")
    one = f"{widgets.path}/a"
    answer = api_server.ok("DELETE", one, {"propagationPolicy": policy})
    if finalizer is None:
        assert answer["status"] == "Success"
        api_server.refused(404, "GET", one)
    else:
        assert answer["metadata"]["finalizers"] == [finalizer]


def test_delete_preconditions(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a")
    one = f"{widgets.path}/a"
    api_server.refused(409, "DELETE", one, {"preconditions": {"uid": "other"}})
    answer = api_server.ok("DELETE", one, {"preconditions": {"uid": made["metadata"]["uid"]}})
    assert answer["details"]["uid"] == made["metadata"]["uid"]


def test_deletecollection_takes_a_selector(api_server: ApiServer, widgets: Widgets) -> None:
    for name, color in (("a", "red"), ("b", "blue")):
        widgets.create(name, color=color)
    widgets.merge("a", {"metadata": {"labels": {"go": "yes"}}})
    api_server.ok("DELETE", f"{widgets.path}?labelSelector=go=yes")
    left = api_server.ok("GET", widgets.path)["items"]
    assert [o["metadata"]["name"] for o in left] == ["b"]

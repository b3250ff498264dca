"""Server-side apply: who owns what, conflicts, and what falls away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from support.widgets import APPLY, owners

if TYPE_CHECKING:
    from support.apiservers import ApiServer, Object
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]


def test_apply_creates_and_owns_what_was_sent(widgets: Widgets) -> None:
    made = widgets.apply("a", "one", color="red", tags=["x"], parts=[{"name": "p", "weight": 1}], whole={"width": 1})
    assert made["spec"]["limit"] == 50
    assert owners(made) == {
        ("one", "Apply", ""): {
            "f:spec": {
                "f:color": {},
                "f:tags": {'v:"x"': {}},
                "f:parts": {'k:{"name":"p"}': {".": {}, "f:name": {}, "f:weight": {}}},
                "f:whole": {},
            }
        }
    }


def test_an_update_owns_what_it_changed(widgets: Widgets) -> None:
    made = widgets.create("a", labels={"x": "1"})
    assert owners(made) == {
        ("conformance", "Update", ""): {
            "f:spec": {
                ".": {}, "f:color": {}, "f:labels": {".": {}, "f:x": {}}, "f:limit": {}, "f:replicas": {}
            }
        }
    }  # fmt: skip
    after = widgets.merge("a", {"spec": {"color": "blue"}}, manager="painter")
    assert owners(after)["painter", "Update", ""] == {"f:spec": {"f:color": {}}}
    assert "f:color" not in owners(after)["conformance", "Update", ""]["f:spec"]


def test_a_conflict_names_field_and_manager(widgets: Widgets) -> None:
    widgets.apply("a", "one", color="red", parts=[{"name": "p", "weight": 1}])
    status = widgets.apply_refused(409, "a", "two", color="blue")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.color'
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.color"}
    ]
    status = widgets.apply_refused(409, "a", "two", parts=[{"name": "p", "weight": 2}])
    assert '.spec.parts[name="p"].weight' in status["message"]
    widgets.merge("a", {"spec": {"size": 3}}, manager="sizer")
    status = widgets.apply_refused(409, "a", "two", size=4)
    assert status["details"]["causes"][0]["message"] == 'conflict with "sizer" using conformance.btcwatcher.io/v1'


def test_equal_values_are_shared_and_force_takes_over(widgets: Widgets) -> None:
    widgets.apply("a", "one", color="red")
    shared = widgets.apply("a", "two", color="red")
    assert set(owners(shared)) == {("one", "Apply", ""), ("two", "Apply", "")}
    taken = widgets.apply("a", "two", color="blue", force=True)
    assert set(owners(taken)) == {("two", "Apply", "")}
    assert taken["spec"]["color"] == "blue"


def test_what_is_no_longer_applied_goes_unless_another_holds_it(widgets: Widgets) -> None:
    widgets.apply(
        "a", "one", color="red", size=3, tags=["x", "y"], parts=[{"name": "p"}, {"name": "q"}], labels={"k": "1"}
    )
    widgets.apply("a", "two", color="red", parts=[{"name": "q", "weight": 2}], force=True)
    after = widgets.apply("a", "one", color="red", tags=["y"])
    assert after["spec"] == {
        "color": "red", "limit": 50, "replicas": 1, "tags": ["y"], "parts": [{"name": "q", "weight": 2}]
    }  # fmt: skip


def test_lists_merge_by_key_and_sets_by_value(widgets: Widgets) -> None:
    widgets.apply("a", "one", color="red", tags=["x"], parts=[{"name": "p", "weight": 1}])
    after = widgets.apply("a", "two", color="red", tags=["y"], parts=[{"name": "q", "weight": 2}], labels={"l": "1"})
    assert after["spec"]["tags"] == ["x", "y"]
    assert {p["name"]: p["weight"] for p in after["spec"]["parts"]} == {"p": 1, "q": 2}


def test_atomic_values_have_one_owner(widgets: Widgets) -> None:
    widgets.apply("a", "one", color="red", whole={"width": 1}, plain=[1, 2])
    status = widgets.apply_refused(409, "a", "two", whole={"width": 1, "height": 2}, plain=[1, 2, 3])
    assert {c["field"] for c in status["details"]["causes"]} == {".spec.whole", ".spec.plain"}


def test_applying_the_same_again_writes_nothing(widgets: Widgets) -> None:
    made = widgets.apply("a", "one", color="red", tags=["x"])
    time.sleep(1.1)
    assert widgets.apply("a", "one", color="red", tags=["x"]) == made
    assert widgets.merge("a", {"spec": {"color": "red"}}) == made


def test_status_is_applied_apart(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.apply("a", "one", color="red")
    body = {**widgets.bare("a", {"color": "blue"}), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    path = f"{widgets.path}/a/status?fieldManager=reporter"
    after = api_server.ok("PATCH", path, body, content_type=APPLY)
    assert after["spec"]["color"] == "red"
    assert owners(after)["reporter", "Apply", "status"] == {
        "f:status": {"f:conditions": {'k:{"type":"Ready"}': {".": {}, "f:type": {}, "f:status": {}}}}
    }
    assert after["metadata"]["generation"] == 1
    body["status"]["conditions"] = [{"type": "Stalled", "status": "False"}]
    after = api_server.ok("PATCH", path, body, content_type=APPLY)
    assert [c["type"] for c in after["status"]["conditions"]] == ["Stalled"]


def test_what_apply_refuses(api_server: ApiServer, widgets: Widgets) -> None:
    one = f"{widgets.path}/a"
    status = api_server.refused(422, "PATCH", one, widgets.new("a"), content_type=APPLY)
    assert "fieldManager: Required value: is required for apply patch" in status["message"]
    body = widgets.new("a")
    body["metadata"]["managedFields"] = [{}]
    status = api_server.refused(400, "PATCH", f"{one}?fieldManager=x", body, content_type=APPLY)
    assert status["message"] == "metadata.managedFields must be nil"
    widgets.create("a")
    status = widgets.apply_refused(500, "a", "x", color="red", foo=1)
    assert ".spec.foo: field not declared in schema" in status["message"]


def test_an_object_without_managers(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    bare = widgets.merge("a", {"metadata": {"managedFields": [{}]}})
    assert "managedFields" not in bare["metadata"]
    assert "managedFields" not in widgets.merge("a", {"spec": {"size": 4}})["metadata"]
    after = widgets.apply("a", "one", color="red")
    assert set(owners(after)) == {("one", "Apply", ""), ("before-first-apply", "Update", "")}
    assert "f:size" in owners(after)["before-first-apply", "Update", ""]["f:spec"]


def test_apply_with_a_version_that_is_old(api_server: ApiServer, widgets: Widgets) -> None:
    made = widgets.create("a")
    widgets.merge("a", {"spec": {"size": 2}})
    body = widgets.bare("a", {"color": "red"})
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    api_server.refused(409, "PATCH", widgets.apply_path("a", "one"), body, content_type=APPLY)


def test_builtin_lists_have_their_keys(api_server: ApiServer, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/web?fieldManager="

    def body(ports: list[dict[str, object]]) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}}

    made = api_server.ok("PATCH", f"{path}one", body([{"port": 80, "name": "a"}]), content_type=APPLY)
    key = 'k:{"port":80,"protocol":"TCP"}'
    assert owners(made)["one", "Apply", ""] == {"f:spec": {"f:ports": {key: {".": {}, "f:name": {}, "f:port": {}}}}}
    after = api_server.ok("PATCH", f"{path}two", body([{"port": 81, "name": "b"}]), content_type=APPLY)
    assert [p["port"] for p in after["spec"]["ports"]] == [80, 81]
    status = api_server.refused(
        409, "PATCH", f"{path}two", body([{"port": 80, "name": "c"}, {"port": 81, "name": "b"}]), content_type=APPLY
    )
    assert '.spec.ports[port=80,protocol="TCP"].name' in status["message"]
    after = api_server.ok("PATCH", f"{path}one", body([{"port": 82, "name": "x"}]), content_type=APPLY)
    assert sorted(p["port"] for p in after["spec"]["ports"]) == [81, 82]
    api_server.refused(
        409,
        "PATCH",
        f"{path}two",
        {**body([]), "metadata": {"name": "web", "resourceVersion": "1"}},
        content_type=APPLY,
    )


@pytest.mark.parametrize("kind", ["v1 ConfigMap configmaps", "conformance.btcwatcher.io/v1 Widget widgets"])
def test_an_apply_under_a_version_makes_what_is_not_there(widgets: Widgets, namespace: str, kind: str) -> None:
    api_version, name, plural = kind.split()
    path = f"{'/apis/' if '/' in api_version else '/api/'}{api_version}/namespaces/{namespace}/{plural}/a"
    body: Object = {"apiVersion": api_version, "kind": name, "metadata": {"name": "a", "resourceVersion": "1"}}
    if name == "Widget":
        body["spec"] = {"color": "red"}
    url = f"{path}?fieldManager=one&force=true"
    made = widgets.server.ok("PATCH", url, body, content_type=APPLY)
    assert int(made["metadata"]["resourceVersion"]) > 1
    refused = widgets.server.refused(409, "PATCH", url, body, content_type=APPLY)
    assert refused["reason"] == "Conflict"
    body["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    widgets.server.ok("PATCH", url, body, content_type=APPLY)

"""LIST with selectors and pages, WATCH from a version, bookmarks and what is too old."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]


def names(answer: dict[str, Any]) -> list[str]:
    return [o["metadata"]["name"] for o in answer["items"]]


def watched(server: ApiServer, path: str, **query: Any) -> list[dict[str, Any]]:
    """All events of a watch that ends after a second."""
    parameters = {"watch": "1", "timeoutSeconds": "1", **{k: str(v) for k, v in query.items()}}
    answer = server.client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"].get("name", "")) for e in events if e["type"] != "BOOKMARK"]


def test_selectors(api_server: ApiServer, widgets: Widgets) -> None:
    for name, color in (("a", "red"), ("b", "blue"), ("c", "blue")):
        widgets.create(name, color=color)
    widgets.merge("b", {"metadata": {"labels": {"tier": "one", "x": "1"}}})
    widgets.merge("c", {"metadata": {"labels": {"tier": "two"}}})

    def selected(query: str) -> list[str]:
        return names(api_server.ok("GET", f"{widgets.path}?{query}"))

    assert selected("") == ["a", "b", "c"]
    assert selected("labelSelector=tier%3Done") == ["b"]
    assert selected("labelSelector=tier!%3Done") == ["a", "c"]
    assert selected("labelSelector=tier%20in%20(one,two),x") == ["b"]
    assert selected("labelSelector=!tier") == ["a"]
    assert selected("labelSelector=tier%20notin%20(one)") == ["a", "c"]
    assert selected("fieldSelector=metadata.name%3Dc") == ["c"]
    assert selected("fieldSelector=spec.color%3Dblue") == ["b", "c"]
    assert selected("fieldSelector=spec.color!%3Dblue") == ["a"]
    status = api_server.refused(400, "GET", f"{widgets.path}?fieldSelector=spec.size%3D1")
    assert "field label not supported: spec.size" in status["message"]


def test_pages_show_one_moment(api_server: ApiServer, widgets: Widgets) -> None:
    for name in "abcde":
        widgets.create(name)
    first = api_server.ok("GET", f"{widgets.path}?limit=2")
    assert names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 3
    widgets.create("bb")
    api_server.ok("DELETE", f"{widgets.path}/d")
    token = first["metadata"]["continue"]
    second = api_server.ok("GET", f"{widgets.path}?limit=2&continue={token}")
    third = api_server.ok("GET", f"{widgets.path}?limit=2&continue={second['metadata']['continue']}")
    assert names(second) + names(third) == ["c", "d", "e"]
    assert not third["metadata"].get("continue")
    assert {p["metadata"]["resourceVersion"] for p in (first, second, third)} == {first["metadata"]["resourceVersion"]}


def test_watch_from_a_version(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("old")
    version = api_server.ok("GET", widgets.path)["metadata"]["resourceVersion"]
    widgets.create("a")
    widgets.merge("a", {"spec": {"size": 2}})
    api_server.ok("DELETE", f"{widgets.path}/a")
    events = watched(api_server, widgets.path, resourceVersion=version)
    assert kinds(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events[:3]]
    assert versions == sorted(set(versions))
    assert events[2]["object"]["spec"]["size"] == 2


def test_watch_without_a_version_begins_with_what_is_there(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a")
    assert kinds(watched(api_server, widgets.path)) == [("ADDED", "a")]
    assert kinds(watched(api_server, widgets.path, resourceVersion="0")) == [("ADDED", "a")]


def test_initial_events_end_with_a_bookmark(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a")
    asked = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    # Longer than others: a busy server may take its time over what there was.
    events = watched(api_server, widgets.path, **asked, timeoutSeconds=5)
    if events and "RequestWatchProgress is disabled" in events[0]["object"].get("message", ""):
        pytest.skip("this API server's etcd is older than 3.5.8 and tells it no progress")
    marks = [i for i, e in enumerate(events) if e["type"] == "BOOKMARK" and e["object"]["metadata"].get("annotations")]
    assert marks, f"no mark in {events}"
    assert kinds(events[: marks[0]]) == [("ADDED", "a")]
    mark = events[marks[0]]["object"]
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert mark["kind"] == "Widget"
    del asked["resourceVersionMatch"]
    query = "&".join(f"{k}={v}" for k, v in asked.items())
    api_server.refused(422, "GET", f"{widgets.path}?watch=1&{query}")


def test_a_selector_turns_changes_into_coming_and_going(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a")
    version = api_server.ok("GET", widgets.path)["metadata"]["resourceVersion"]
    widgets.merge("a", {"metadata": {"labels": {"in": "yes"}}})
    widgets.merge("a", {"spec": {"size": 2}})
    widgets.merge("a", {"metadata": {"labels": {"in": None}}})
    widgets.merge("a", {"spec": {"size": 3}})
    events = watched(api_server, widgets.path, resourceVersion=version, labelSelector="in=yes")
    assert kinds(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_watch_of_one_object_and_of_all_namespaces(api_server: ApiServer, widgets: Widgets) -> None:
    version = api_server.ok("GET", widgets.path)["metadata"]["resourceVersion"]
    widgets.create("a")
    widgets.create("b")
    one = watched(api_server, widgets.path, resourceVersion=version, fieldSelector="metadata.name=b")
    assert kinds(one) == [("ADDED", "b")]
    everywhere = widgets.path.replace(f"/namespaces/{widgets.namespace}", "")
    found = [e for e in watched(api_server, everywhere, resourceVersion=version) if e["type"] == "ADDED"]
    assert [e["object"]["metadata"]["name"] for e in found] == ["a", "b"]


def test_what_is_forgotten_is_410(embedded_api_server: ApiServer) -> None:
    server = embedded_api_server
    version = server.ok("GET", "/api/v1/namespaces")["metadata"]["resourceVersion"]
    server.ok("POST", "/api/v1/namespaces", {"metadata": {"generateName": "g-"}})
    page = server.ok("GET", "/api/v1/namespaces?limit=1")
    assert server.serving is not None
    server.serving.api.store.collection("", "namespaces").forget()
    status = server.refused(410, "GET", f"/api/v1/namespaces?watch=1&resourceVersion={version}")
    assert status["reason"] == "Expired"
    assert page["metadata"]["continue"]


def test_a_page_token_that_is_none(api_server: ApiServer) -> None:
    api_server.refused(400, "GET", "/api/v1/namespaces?limit=1&continue=nonsense!")

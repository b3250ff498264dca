"""What the schema of a custom kind does: types, bounds, defaults, pruning, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.widgets import MERGE

if TYPE_CHECKING:
    from support.apiservers import ApiServer
    from support.widgets import Widgets

pytestmark = [pytest.mark.conformance, pytest.mark.integration]

_UNSURE = "some validation rules were not checked"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "enum": ({"color": "x"}, 'spec.color: Unsupported value: "x": supported values: "red", "green", "blue"'),
    "type": ({"size": "x"}, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'),
    "null is absent": ({"color": None}, "spec.color: Required value"),
    "minimum": ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
    "maximum": ({"size": 101}, "spec.size: Invalid value: 101: spec.size in body should be less than or equal to 100"),
    "exclusive": ({"ratio": 0}, "spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"),
    "pattern": ({"code": "A1"}, "spec.code: Invalid value: \"A1\": spec.code in body should match '^[a-z]+$'"),
    "too long": ({"code": "abcdef"}, "spec.code: Too long: may not be more than 5 bytes"),
    "too short": ({"code": "a"}, 'spec.code: Invalid value: "a": spec.code in body should be at least 2 chars long'),
    "format": ({"when": "abc"}, 'spec.when: Invalid value: "abc": spec.when in body must be of type date-time: "abc"'),
    "int or string": ({"port": 1.5}, 'spec.port in body must be of type integer,string: "number"'),
    "set": ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
    "too few": ({"tags": []}, "spec.tags: Invalid value: 0: spec.tags in body should have at least 1 items"),
    "too many": ({"tags": ["a", "b", "c", "d"]}, "spec.tags: Too many: 4: must have at most 3 items"),
    "map list": ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name":"a"}'),
    "required below": ({"parts": [{}]}, "spec.parts[0].name: Required value"),
    "map values": ({"labels": {"a": "123456789"}}, "spec.labels.a: Too long: may not be more than 8 bytes"),
    "one of": (
        {"one": {"a": "1", "b": "2"}},
        "must validate one and only one schema (oneOf). Found 2 valid alternatives",
    ),
    "rule": ({"size": 60}, "spec: Invalid value: size must not exceed limit"),
    "message expression": (
        {"parts": [{"name": "a", "grams": "x"}]},
        'spec.parts[0].grams: Invalid value: "x": grams must be a positive quantity, not x',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(api_server: ApiServer, widgets: Widgets, case: str) -> None:
    spec, sentence = REFUSED[case]
    status = api_server.refused(422, "POST", widgets.path, widgets.new("a", **spec))
    assert status["reason"] == "Invalid"
    assert sentence in status["message"]
    assert status["details"]["kind"] == "Widget"
    assert any(sentence.endswith(c["message"]) or sentence in c["message"] for c in status["details"]["causes"])


def test_accepted(widgets: Widgets) -> None:
    parts = [{"name": "a", "grams": "1500m"}, {"name": "b", "grams": "2Ki"}]
    spec = {"size": 50, "ratio": 0.5, "code": "abc", "when": "2026-01-01T00:00:00Z", "port": "http", "parts": parts}
    made = widgets.create("a", **spec, one={"a": "1"}, labels={"k": "v"}, plain=[2, 1, 2])
    assert made["spec"]["plain"] == [2, 1, 2]


def test_rules_wait_until_the_shape_is_right(api_server: ApiServer, widgets: Widgets) -> None:
    status = api_server.refused(422, "POST", widgets.path, widgets.new("a", size=60, color="x"))
    assert "size must not exceed limit" not in status["message"]
    assert _UNSURE in status["message"]


def test_a_rule_sees_the_name(api_server: ApiServer, widgets: Widgets) -> None:
    status = api_server.refused(422, "POST", widgets.path, widgets.new("a" * 21))
    assert "name must be at most 20 characters" in status["message"]


def test_transition_rules(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a", frozen="x")
    one = f"{widgets.path}/a"
    status = api_server.refused(422, "PATCH", one, {"spec": {"frozen": "y"}}, content_type=MERGE)
    assert 'spec.frozen: Invalid value: "y": frozen is immutable' in status["message"]
    status = api_server.refused(422, "PATCH", one, {"spec": {"frozen": None}}, content_type=MERGE)
    assert "frozen cannot be taken away" in status["message"]
    assert widgets.merge("a", {"spec": {"size": 2}})["spec"]["frozen"] == "x"


def test_defaults_reach_into_items(widgets: Widgets) -> None:
    made = widgets.create("a", parts=[{"name": "p"}, {"name": "q", "weight": 1}])
    assert made["spec"]["parts"] == [{"name": "p", "weight": 7}, {"name": "q", "weight": 1}]
    assert widgets.merge("a", {"spec": {"limit": None}})["spec"]["limit"] == 50


def test_null_stays_where_it_may(widgets: Widgets) -> None:
    assert widgets.create("a", note=None)["spec"]["note"] is None


def test_unknown_fields(api_server: ApiServer, widgets: Widgets) -> None:
    spec = {"foo": 1, "free": {"x": {"y": 1}}, "parts": [{"name": "a", "zz": 1}]}
    answer = api_server.call("POST", widgets.path, widgets.new("a", **spec))
    warnings = answer.headers.get_list("Warning")
    assert any('unknown field \\"spec.foo\\"' in w for w in warnings)
    made = answer.json()
    assert "foo" not in made["spec"]
    assert made["spec"]["free"] == {"x": {"y": 1}}
    strict = f"{widgets.path}?fieldValidation=Strict"
    status = api_server.refused(400, "POST", strict, widgets.new("b", **spec))
    assert status["message"] == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: '
        'unknown field "spec.foo", unknown field "spec.parts[0].zz"'
    )
    quiet = api_server.call("POST", f"{widgets.path}?fieldValidation=Ignore", widgets.new("c", **spec))
    assert "Warning" not in quiet.headers


def test_names(api_server: ApiServer, widgets: Widgets) -> None:
    status = api_server.refused(422, "POST", widgets.path, widgets.new("A_b"))
    assert "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters" in status["message"]
    body = widgets.new("a")
    body["metadata"]["labels"] = {"x": "a b"}
    status = api_server.refused(422, "POST", widgets.path, body)
    assert "metadata.labels: Invalid value" in status["message"]


def test_a_rule_that_does_not_compile_is_refused(api_server: ApiServer) -> None:
    version = {
        "name": "v1", "served": True, "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
            "type": "object", "x-kubernetes-validations": [{"rule": "self.x +"}],
            "properties": {"x": {"type": "integer"}},
        }}}},
    }  # fmt: skip
    body = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "bads.conformance.btcwatcher.io"},
        "spec": {"group": "conformance.btcwatcher.io", "scope": "Cluster", "names": {"kind": "Bad", "plural": "bads"},
                 "versions": [version]},
    }  # fmt: skip
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status = api_server.refused(422, "POST", path, body)
    assert "x-kubernetes-validations[0].rule" in status["message"]
    assert "compilation failed" in status["message"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]  # type: ignore[index]
    spec["x-kubernetes-validations"] = [{"rule": "has(self.x)"}]
    spec["default"] = {}
    status = api_server.refused(422, "POST", path, body)
    assert "default" in status["message"]


def test_scale_of_a_custom_kind(api_server: ApiServer, widgets: Widgets) -> None:
    widgets.create("a", replicas=2)
    widgets.merge("a", {"status": {"replicas": 1, "selector": "x=y"}}, sub="/status")
    scale = api_server.ok("GET", f"{widgets.path}/a/scale")
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 1, "selector": "x=y"}
    api_server.ok("PATCH", f"{widgets.path}/a/scale", {"spec": {"replicas": 5}}, content_type=MERGE)
    assert widgets.get("a")["spec"]["replicas"] == 5

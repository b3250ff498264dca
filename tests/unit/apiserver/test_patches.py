"""The patch formats on plain values."""

from typing import Any

import pytest

from btcwatcher_local.apiserver.errors import StatusError
from btcwatcher_local.apiserver.patch import json_patch, merge_patch, strategic
from btcwatcher_local.apiserver.schema import builtin


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/a", "value": 1}], {"a": 1, "l": [1, 2]}),
        ([{"op": "add", "path": "/l/1", "value": 9}], {"l": [1, 9, 2]}),
        ([{"op": "add", "path": "/l/-", "value": 3}], {"l": [1, 2, 3]}),
        ([{"op": "remove", "path": "/l/0"}], {"l": [2]}),
        ([{"op": "replace", "path": "/l", "value": []}], {"l": []}),
        ([{"op": "move", "from": "/l", "path": "/m"}], {"m": [1, 2]}),
        ([{"op": "copy", "from": "/l/0", "path": "/a"}], {"a": 1, "l": [1, 2]}),
        ([{"op": "test", "path": "/l/0", "value": 1}], {"l": [1, 2]}),
        ([{"op": "test", "path": "/none", "value": None}], {"l": [1, 2]}),
    ],
)
def test_json_patch(operations: list[Any], expected: Any) -> None:
    assert json_patch.apply({"l": [1, 2]}, operations) == expected


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "test", "path": "/l/0", "value": True}, 422),
        ({"op": "remove", "path": "/x"}, 422),
        ({"op": "replace", "path": "/x", "value": 1}, 422),
        ({"op": "add", "path": "/x/y", "value": 1}, 422),
        ({"op": "add", "path": "/l/9", "value": 1}, 422),
        ({"op": "add", "path": "/x"}, 400),
        ({"op": "fly", "path": "/x"}, 400),
        ({"op": "add", "path": "x", "value": 1}, 400),
    ],
)
def test_json_patch_that_does_not_fit(operation: dict[str, Any], code: int) -> None:
    with pytest.raises(StatusError) as refused:
        json_patch.apply({"l": [1, 2]}, [operation])
    assert refused.value.code == code


def test_merge_patch() -> None:
    assert merge_patch.apply({"a": {"b": 1, "c": 2}, "l": [1]}, {"a": {"b": None, "d": {"e": None}}, "l": [2]}) == {
        "a": {"c": 2, "d": {}},
        "l": [2],
    }


def strategic_pod(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    return strategic.apply(document, {"spec": patch}, builtin.schema_of("", "v1", "Pod"))["spec"]  # type: ignore[no-any-return]


def test_strategic_merge_by_key_with_directives() -> None:
    document = {
        "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "nodeSelector": {"k": "1", "l": "2"}}
    }
    after = strategic_pod(
        document,
        {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "a", "tty": True}, {"name": "b", "$patch": "delete"}, {"name": "c"}],
            "nodeSelector": {"k": None},
        },
    )
    assert after["containers"] == [{"name": "c"}, {"name": "a", "image": "x", "tty": True}]
    assert after["nodeSelector"] == {"l": "2"}


def test_strategic_replacement_and_primitive_lists() -> None:
    document = {"spec": {"containers": [{"name": "a", "args": ["1"]}], "hostAliases": [{"ip": "1"}]}}
    after = strategic_pod(document, {"containers": [{"$patch": "replace"}, {"name": "z"}]})
    assert after["containers"] == [{"name": "z"}]
    finalizers = {"metadata": {"finalizers": ["a", "b"]}}
    schema = builtin.schema_of("", "v1", "Pod")
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic.apply(finalizers, patch, schema) == {"metadata": {"finalizers": ["b"]}}


def test_strategic_retain_keys() -> None:
    document = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    after = strategic.apply(document, patch, builtin.schema_of("apps", "v1", "Deployment"))
    assert after["spec"]["strategy"] == {"type": "Recreate"}

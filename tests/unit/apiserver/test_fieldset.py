"""Field sets are tries; every operation on them is a pure function."""

from btcwatcher_local.apiserver.apply import fieldset
from btcwatcher_local.apiserver.apply.fieldset import FieldSet

A: FieldSet = {"f:spec": {"f:x": {}, "f:list": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}}
B: FieldSet = {"f:spec": {"f:y": {}, "f:list": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:value": {}}}}}


def test_union_holds_both() -> None:
    both = fieldset.union(A, B)
    assert set(both["f:spec"]) == {"f:x", "f:y", "f:list"}
    assert set(both["f:spec"]["f:list"]['k:{"name":"a"}']) == {".", "f:name", "f:value"}
    assert fieldset.union({}, A) == A == fieldset.union(A, {})


def test_difference_and_intersection_part_a_set() -> None:
    assert fieldset.difference(B, A) == {"f:spec": {"f:y": {}, "f:list": {'k:{"name":"a"}': {"f:value": {}}}}}
    assert fieldset.intersection(A, B) == {"f:spec": {"f:list": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}}
    assert fieldset.difference(A, A) == {}


def test_a_member_with_children_is_not_its_children() -> None:
    leaf: FieldSet = {"f:m": {}}
    deep: FieldSet = {"f:m": {".": {}, "f:k": {}}}
    assert fieldset.difference(deep, leaf) == {"f:m": {"f:k": {}}}
    assert fieldset.intersection(deep, leaf) == {"f:m": {}}
    assert fieldset.difference(leaf, {"f:m": {"f:k": {}}}) == leaf


def test_branches_are_cut_whole() -> None:
    assert fieldset.without_branches({"f:status": {"f:a": {}}, "f:spec": {"f:b": {}}}, {"f:status": {}}) == {
        "f:spec": {"f:b": {}}
    }


def test_paths_are_printed_as_conflicts_name_them() -> None:
    fields = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}}}, "f:t": {'v:"x"': {}}}}
    assert list(fieldset.paths(fields)) == [
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
        '.spec.t[="x"]',
    ]

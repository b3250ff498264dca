"""What is said of strings that JSON can write and nothing can keep."""

import json

import pytest

from btcwatcher_api.signals.bodies import NotJson, decode
from btcwatcher_api.signals.fields import InvalidBody
from btcwatcher_api.signals.unkeepable import refused_fields, unkeepable

NUL = b'"a\\u0000b"'
HALF = b'"a\\ud800b"'


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"status": %s}', ["status"]),
        (b'{"msg": {"tags": ["x", {"deep": %s}]}, "n": 1e400}', ["msg.tags[1].deep"]),
        (b'{"a": %s, "b": "fine", "c": [' + b"9" * 5_000 + b", %s]}", ["a", "c[1]"]),
        (b"[%s]", ["[0]"]),
        (b"%s", ["body"]),
    ],
)
@pytest.mark.parametrize(("string", "said"), [(NUL, "a NUL character"), (HALF, "half of a surrogate pair (\\ud800)")])
def test_each_field_is_named(body: bytes, fields: list[str], string: bytes, said: str) -> None:
    found = unkeepable(body.replace(b"%s", string))
    assert [error.field for error in found] == fields
    assert all(said in error.message for error in found)


def test_a_fields_name_can_be_the_one() -> None:
    (error,) = unkeepable(b'{"a": {"b\\u0000": 1}}')
    assert (error.field, error.message[:23]) == ("a.b\\x00", "its name holds a NUL ch")
    error.message.encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[" * 100_000, b"{}", b'{"a": "\\ud83d\\ude00", "b": ["\xf0\x9f\x98\x80", "\\\\u0000"]}'],
)
def test_nothing_is_said_of_anything_else(body: bytes) -> None:
    assert unkeepable(body) == []


def test_a_few_fields_are_enough_and_their_names_are_short() -> None:
    many = b"[" * 300 + b"[" + b",".join([NUL] * 50_000) + b"]" + b"]" * 300
    found = unkeepable(many)
    assert len(found) == 10
    assert max(len(error.field) for error in found) <= 200


def test_half_a_pair_is_no_missing_json() -> None:
    with pytest.raises(InvalidBody, match=r"status: holds half of a surrogate pair \(\\udc00\)"):
        decode(b'{"type": "warning", "status": "a\\udc00"}')
    with pytest.raises(NotJson):
        decode(b'{"status": "a\\ud8"}')


def test_a_refused_row_is_read_for_its_body() -> None:
    row = json.dumps({"id": "x", "message": "a\0", "payload": {"status": "a\0"}}).encode()
    assert [error.field for error in refused_fields(row)] == ["status"]
    assert refused_fields(b"") == []

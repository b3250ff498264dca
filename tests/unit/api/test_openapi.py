"""The API's description: complete, and the one that is committed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from btcwatcher_api.app import described_app
from support.kubectl import REPOSITORY

COMMITTED = REPOSITORY / "docs" / "openapi.json"
PROBLEM = "#/components/schemas/ProblemDocument"
_MACHINES = ("/healthz", "/readyz")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described_app().openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_the_committed_one(document: dict[str, Any]) -> None:
    assert COMMITTED.read_text() == json.dumps(document, indent=2, sort_keys=True) + "\n", "run `make openapi`"


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_tag_that_is_described(document: dict[str, Any]) -> None:
    found = dict(operations(document))
    ids = [operation.get("operationId") for operation in found.values()]
    assert None not in ids
    assert len(set(ids)) == len(ids)
    described = {tag["name"] for tag in document["tags"]}
    for name, operation in found.items():
        assert operation["summary"], name
        assert set(operation["tags"]) <= described, name


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for name, operation in operations(document):
        if name.endswith(_MACHINES):
            continue
        answers = operation["responses"]
        assert {"500", "503", "422"} <= set(answers), name
        if operation.get("security"):
            assert "401" in answers, name
        if "requestBody" in operation:
            assert {"400", "408", "413"} <= set(answers), name
        for code, answer in answers.items():
            if code >= "400":
                assert answer["content"] == {"application/problem+json": {"schema": {"$ref": PROBLEM}}}, (name, code)


def test_all_that_may_not_be_read_by_everybody_says_so(document: dict[str, Any]) -> None:
    open_to_all = {name for name, operation in operations(document) if not operation.get("security")}
    assert open_to_all == {"POST /api/v1/auth/token", "GET /healthz", "GET /readyz"}


def test_every_body_has_examples_that_its_schema_takes(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            assert media.get("examples"), (name, media_type)
            schema = {**media["schema"], "components": document["components"]}
            for example in media["examples"].values():
                Draft202012Validator(schema).validate(example["value"])

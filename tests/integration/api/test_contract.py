"""Requests made from the API's own description, good ones and bad ones: no unexpected error, and answers as described.

The same requests in every run: what a new one finds belongs into the change that made it.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from btcwatcher_api.accounts.roles import Role
from support import desk as desks
from support.kubectl import REPOSITORY
from support.listening import in_a_thread, listening

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_EXAMPLES = 3
_SECONDS = 30

description = schemathesis.openapi.from_path(REPOSITORY / "docs" / "openapi.json")
# Streams do not end, and have tests of their own.
bounded = description.exclude(path_regex="/stream$")


@pytest.fixture(scope="module")
def admin_at(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of an API with everything behind it, and an admin's token."""
    folder: Path = tmp_path_factory.mktemp("contract")

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[tuple[str, str]]:
        async with desks.desk(postgres_url, folder) as desk, listening(desk.served.app) as url:
            assert desk.served.app is not None
            await desk.create()
            await desk.listed(1)
            yield url, desk.served.app.state.signer.access_token(uuid4(), "ada", Role.ADMIN)

    with in_a_thread(running) as served:
        yield served


@bounded.parametrize()
@settings(
    max_examples=_EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_requests_of_its_own_description(case: "schemathesis.Case[Any]", admin_at: tuple[str, str]) -> None:
    url, token = admin_at
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {token}"}, checks=_CHECKS, timeout=_SECONDS)

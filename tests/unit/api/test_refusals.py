"""What Kubernetes says when it refuses becomes a problem that a person can act on."""

import json
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster.refusals import problem_of


def refusal(status: int, body: Any) -> ApiException:
    error = ApiException(status=status, reason="Some Reason")
    error.body = body if isinstance(body, str) else json.dumps(body)
    return error


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (refusal(403, {"message": "exceeded quota: bots"}), 403, "Kubernetes refuses: exceeded quota: bots"),
        (refusal(404, {"message": 'strategies "x" not found'}), 404, 'Kubernetes refuses: strategies "x" not found'),
        (refusal(409, "no JSON"), 409, "Kubernetes refuses: Some Reason"),
        (refusal(422, "[]"), 422, "Kubernetes refuses: Some Reason"),
        (refusal(401, ""), 502, "Kubernetes does not know the API's own credentials"),
        (refusal(500, {"message": "etcd at 10.0.0.1 is gone"}), 503, "Kubernetes answered 500: try again"),
        (refusal(429, ""), 503, "Kubernetes answered 429: try again"),
        (ApiException(), 503, "Kubernetes does not answer: try again"),
        (TimeoutError(), 503, "Kubernetes does not answer: try again"),
    ],
)
def test_the_answer(error: Exception, status: int, detail: str) -> None:
    problem = problem_of(error)
    assert problem.status == status
    assert problem.detail.startswith(detail)
    assert ("Retry-After" in problem.headers) is (status == 503)


def test_every_field_at_fault_is_named() -> None:
    causes = [{"field": "spec.timeframe", "message": "must be a number and a unit"}, {"message": "no field"}]
    problem = problem_of(refusal(422, {"message": "long", "details": {"causes": causes}}))
    assert problem.errors == [("spec.timeframe", "must be a number and a unit"), ("spec", "no field")]
    assert problem.detail == "Kubernetes refuses: spec.timeframe: must be a number and a unit; spec: no field"

"""What Kubernetes says when it refuses, as a Problem that a person can act on."""

import json
from typing import Any, Final

from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.problems import Problem, unavailable

_PASSED_ON: Final = frozenset({400, 403, 404, 409, 413, 422})
_AWAY: Final = "Kubernetes does not answer"


def problem_of(error: Exception) -> Problem:
    """The Problem for whatever a call to Kubernetes raised."""
    if not isinstance(error, ApiException) or not error.status:
        return unavailable(_AWAY)
    if error.status == 401:
        return Problem(502, "Kubernetes does not know the API's own credentials: its ServiceAccount or kubeconfig")
    if error.status not in _PASSED_ON:
        return unavailable(f"Kubernetes answered {error.status}")
    status = _document(error)
    errors = [
        (str(cause.get("field") or "spec"), str(cause.get("message") or "is not valid"))
        for cause in (status.get("details") or {}).get("causes") or ()
    ]
    said = "; ".join(f"{field}: {message}" for field, message in errors) or str(status.get("message") or error.reason)
    return Problem(error.status, f"Kubernetes refuses: {said}", errors)


def _document(error: ApiException) -> dict[str, Any]:
    try:
        status = json.loads(error.body or "{}")
    except (ValueError, TypeError):
        return {}
    return status if isinstance(status, dict) else {}

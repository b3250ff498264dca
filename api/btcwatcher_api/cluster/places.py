"""Ids of custom resources in paths: `<namespace>.<name>`, and nothing that could be another path of Kubernetes."""

from fastapi import Request

from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import split_strategy_id


def place(request: Request, field: str, kind: str, identifier: str) -> tuple[str, str]:
    """Namespace and name. Raises Problem 404 for what cannot be one here."""
    try:
        namespace, name = split_strategy_id(identifier)
    except ValueError as error:
        raise Problem(404, f"{field}: {error}") from error
    # Both end up in a path of Kubernetes' API: nothing but names may.
    if not all(part.isascii() and part.replace("-", "").replace(".", "").isalnum() for part in (namespace, name)):
        raise Problem(404, f"there is no such {kind}")
    check_served(request, namespace, 404)
    return namespace, name


def check_served(request: Request, namespace: str, status: int = 403) -> None:
    """Raises Problem unless this API looks after the namespace."""
    if not request.app.state.registry.serves(namespace):
        raise Problem(status, f"this API does not look after the namespace {namespace}")

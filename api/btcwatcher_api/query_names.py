"""Query parameters that a route does not have are refused: a misspelt filter would answer with everything."""

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from btcwatcher_api.problems import Problem


# A coroutine, for FastAPI gives functions to another thread, which costs more than this does.
async def refuse_unknown(request: Request) -> None:
    """Raises Problem 422 that names them."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = _known(route)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        what = f"is no parameter here; there are: {', '.join(sorted(known))}" if known else "is no parameter here"
        errors = [(name[:128], what) for name in unknown]
        raise Problem(422, "; ".join(f"{name}: {message}" for name, message in errors), errors)


# By the route's id, for a route cannot be hashed.
_names: dict[str, frozenset[str]] = {}


def _known(route: APIRoute) -> frozenset[str]:
    known = _names.get(route.unique_id)
    if known is None:
        fields = get_flat_params(route.dependant)
        known = frozenset(field.alias for field in fields if isinstance(field.field_info, params.Query))
        _names[route.unique_id] = known
    return known

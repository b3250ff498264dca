"""`GET /api/v1/strategies/{strategy_id}/webhook`: how to send a Strategy's signals."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request, Response

from btcwatcher_api import logs
from btcwatcher_api.access import Viewer
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.problems import Problem, request_id, responses, unavailable
from btcwatcher_api.strategies.connecting import WebhookConnection, connection

if TYPE_CHECKING:
    from btcwatcher_api.settings import Settings
    from btcwatcher_api.strategies.registry import Registry

router = APIRouter(prefix="/api/v1/strategies", tags=["strategies"], responses=responses(401, 404, 422, 500, 503))

_log = logs.get("btcwatcher_api.strategies")


@router.get(
    "/{strategy_id}/webhook", operation_id="getStrategyWebhook", summary="URL, token and ready messages of a Strategy"
)
async def get_webhook(
    request: Request, response: Response, by: Viewer, strategy_id: Annotated[str, Path(max_length=117)]
) -> WebhookConnection:
    """A trader or an admin is given the token; anybody else sees where it belongs.

    The URL begins with BTCWATCHER_PUBLIC_URL; where that is not set, with the address this request was sent to.
    """
    registry: Registry = request.app.state.registry
    if not registry.synced:
        raise unavailable("the Strategies are not known yet")
    strategy = registry.get(strategy_id)
    if strategy is None:
        raise Problem(404, "there is no such Strategy; its id is <namespace>.<name>")
    settings: Settings = request.app.state.settings
    may = by.role.covers(Role.TRADER)
    if may:
        _log.info("webhook token shown", strategy=strategy.id, by=by.name, request_id=request_id(request.scope))
    response.headers["Cache-Control"] = "no-store"
    return connection(
        settings.public_url or str(request.base_url),
        strategy.namespace,
        strategy.name,
        strategy.signals.token_generation,
        strategy.tokens[0].decode() if may else None,
    )

"""`GET /api/v1/strategies/{strategy_id}/logs`: what the bot says, as plain text."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from btcwatcher_api.access import viewer
from btcwatcher_api.problems import responses
from btcwatcher_api.strategies.access import Place, Strategies
from btcwatcher_api.strategies.podlog import FOLLOW_SECONDS, PodLogs, Wanted
from btcwatcher_crds.names import CONTAINER_BOT, CONTAINER_PREFLIGHT

router = APIRouter(
    prefix="/api/v1/strategies",
    tags=["strategies"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 404, 409, 422, 500, 502, 503),
)


class Container(StrEnum):
    """`preflight` tries the config and the strategy before the bot starts."""

    BOT = CONTAINER_BOT
    PREFLIGHT = CONTAINER_PREFLIGHT


@router.get(
    "/{strategy_id}/logs",
    operation_id="getStrategyLogs",
    summary="The bot's log",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The lines, as they come with `follow`",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def get_logs(
    request: Request,
    strategies: Strategies,
    place: Place,
    tail: Annotated[int, Query(ge=0, le=100_000, description="So many lines from the end")] = 500,
    follow: Annotated[
        bool, Query(description=f"Go on with what is said from now, for {FOLLOW_SECONDS} seconds at most")
    ] = False,
    since_seconds: Annotated[int | None, Query(ge=1, le=31_536_000, description="Only what is not older")] = None,
    timestamps: Annotated[bool, Query(description="Each line with the time it was written")] = False,
    previous: Annotated[bool, Query(description="Of the container before the last restart")] = False,
    container: Container = Container.BOT,
) -> StreamingResponse:
    """404 while there is no pod, as for a stopped Strategy; 409 while the container has not started."""
    await strategies.get(*place)
    wanted = Wanted(container.value, tail, since_seconds, previous, timestamps, follow)
    pod_logs: PodLogs = request.app.state.pod_logs
    answer = await pod_logs.open(*place, wanted)
    return StreamingResponse(
        pod_logs.chunks(answer, follow, request.is_disconnected),
        media_type="text/plain; charset=utf-8",
        # A proxy in between must not wait until its buffer is full.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )

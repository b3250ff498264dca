"""`POST /api/v1/notifications/alertmanager`"""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from btcwatcher_api import logs
from btcwatcher_api.access import Trader
from btcwatcher_api.notifications.alert_store import tell
from btcwatcher_api.notifications.alerts import AlertmanagerMessage
from btcwatcher_api.problems import responses, unavailable

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])
_log = logs.get("btcwatcher_api.alerts")


class AlertsTaken(BaseModel):
    """What became of the alerts of a body."""

    received: int
    """Alerts in it."""
    told: int
    """Of them those that are news to at least one channel."""
    deliveries: int
    """Messages that go out because of them."""


@router.post(
    "/alertmanager",
    operation_id="receiveAlerts",
    status_code=202,
    summary="Take in alerts of Alertmanager",
    responses=responses(400, 401, 403, 408, 413, 422, 500, 503),
)
async def receive_alerts(request: Request, by: Trader, body: AlertmanagerMessage) -> AlertsTaken:
    """For `webhook_configs` of Alertmanager, with an API key of a trader as its bearer token.

    An alert goes to the channels that the Strategy of its labels `namespace` and `strategy` (or `name`) has; without a
    Strategy to those of its `namespace`; without either to those that listen to every namespace. A channel is told of
    one that fires once in its `repeatInterval`, and of its end once. What was answered 202 is on disk."""
    state = request.app.state
    if not (state.registry.synced and state.channels.synced):
        raise unavailable("the Strategies and channels are not known yet")
    async with state.changing.begin() as connection:
        told = await tell(connection, body.alerts, state.registry.find, state.channels.channels(), by.name)
    taken = AlertsTaken(received=len(body.alerts), told=sum(map(bool, told)), deliveries=sum(told))
    _log.info("alerts", by=by.name, **taken.model_dump())
    return taken

"""`/api/v1/notifications/channels/...`: another view of the custom resources. Lists come from the watch, single ones
live. Their Secrets are never read here."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from btcwatcher_api.access import Trader, viewer
from btcwatcher_api.changes import IfMatch, audited, create, delete, put_etag, replace
from btcwatcher_api.cluster.client import CustomResources
from btcwatcher_api.cluster.places import check_served, place
from btcwatcher_api.declared import NamespaceQuery, page_of
from btcwatcher_api.guard import check_public
from btcwatcher_api.notifications import channel_schemas as schemas
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.problems import Problem, responses, unavailable
from btcwatcher_api.strategies.access import Known
from btcwatcher_crds.names import NOTIFICATION_CHANNEL_KIND, NOTIFICATION_CHANNEL_PLURAL

router = APIRouter(
    prefix="/api/v1/notifications/channels",
    tags=["notifications"],
    dependencies=[Depends(viewer)],
    responses=responses(401, 403, 404, 422, 500, 502, 503),
)


async def known_channels(request: Request) -> ChannelRegistry:
    registry: ChannelRegistry = request.app.state.channels
    if not registry.synced:
        raise unavailable("the NotificationChannels are not known yet")
    return registry


async def _channels(request: Request) -> CustomResources:
    return CustomResources(request.app.state.cluster, NOTIFICATION_CHANNEL_PLURAL)


ChannelId = Annotated[str, Path(max_length=127, description="<namespace>.<name>", examples=["trading.desk"])]


async def _place(request: Request, channel_id: ChannelId) -> tuple[str, str]:
    return place(request, "channel_id", NOTIFICATION_CHANNEL_KIND, channel_id)


KnownChannels = Annotated[ChannelRegistry, Depends(known_channels)]
Channels = Annotated[CustomResources, Depends(_channels)]
Place = Annotated[tuple[str, str], Depends(_place)]


@router.get("/", include_in_schema=False)
@router.get("", operation_id="listChannels", summary="List NotificationChannels by id")
async def list_channels(
    channels: KnownChannels,
    known: Known,
    namespace: NamespaceQuery = None,
    after: Annotated[str | None, Query(max_length=127, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> schemas.ChannelPage:
    """As the watch knows them, a moment after the cluster does."""
    strategies = known.items()
    lines = [
        schemas.answer(channel.item, strategies)
        for channel in channels.channels()
        if namespace in (None, channel.namespace)
    ]
    page, following = page_of(lines, after, limit)
    return schemas.ChannelPage(items=page, total=len(lines), next=following)


@router.post("/", include_in_schema=False, status_code=201)
@router.post(
    "",
    operation_id="createChannel",
    status_code=201,
    summary="Make a NotificationChannel",
    responses=responses(400, 409, 413),
)
async def create_channel(
    request: Request, response: Response, channels: Channels, known: Known, by: Trader, body: schemas.NewChannel
) -> schemas.ChannelAnswer:
    check_served(request, body.namespace)
    await _check_endpoint(request, body.spec)
    made = await create(request, response, channels, by, NOTIFICATION_CHANNEL_KIND, body, router.prefix)
    return schemas.answer(made, known.items())


@router.get("/{channel_id}", operation_id="getChannel", summary="One NotificationChannel")
async def get_channel(response: Response, channels: Channels, known: Known, place: Place) -> schemas.ChannelAnswer:
    item = await channels.get(*place)
    put_etag(response, item)
    return schemas.answer(item, known.items())


@router.put(
    "/{channel_id}",
    operation_id="updateChannel",
    summary="Replace a NotificationChannel's spec",
    responses=responses(400, 409, 412, 413, 428),
)
async def update_channel(
    request: Request,
    response: Response,
    channels: Channels,
    known: Known,
    by: Trader,
    place: Place,
    body: schemas.ChannelChange,
    if_match: IfMatch = None,
) -> schemas.ChannelAnswer:
    """Needs If-Match, so that nobody undoes a change that he has not seen."""
    await _check_endpoint(request, body.spec)
    async with audited(request, by, "notificationchannel.update", ".".join(place)):
        item = await replace(channels, place, if_match, body.model_dump())
    put_etag(response, item)
    return schemas.answer(item, known.items())


@router.delete(
    "/{channel_id}",
    operation_id="deleteChannel",
    status_code=204,
    summary="Delete a NotificationChannel that nobody names",
    responses=responses(409, 412),
)
async def delete_channel(
    request: Request,
    channels: Channels,
    there: KnownChannels,
    known: Known,
    by: Trader,
    place: Place,
    force: Annotated[bool, Query(description="Also one that Strategies or other channels name")] = False,
    if_match: IfMatch = None,
) -> None:
    """What still waits to be sent to it is given up, with the reason ChannelMissing."""
    users = schemas.named_by(*place, known.items()) + _falling_back(there, *place)
    if users and not force:
        raise Problem(409, f"it is named by {', '.join(users[:5])}: change those first, or send force=true")
    async with audited(request, by, "notificationchannel.delete", ".".join(place)):
        await delete(channels, place, if_match)


def _falling_back(channels: ChannelRegistry, namespace: str, name: str) -> list[str]:
    """The channels that have this one as their fallback, for people."""
    return sorted(
        f"the channel {channel.name}"
        for channel in channels.channels()
        if channel.namespace == namespace and (channel.item["spec"].get("fallback") or {}).get("name") == name
    )


async def _check_endpoint(request: Request, spec: Mapping[str, Any]) -> None:
    """The vendor's API must be on the internet: the worker sends there, and its answers can be read. What is no URL at
    all is left to Kubernetes' own words."""
    url = spec.get("endpoint")
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        await check_public("spec.endpoint", url, allow_private=request.app.state.settings.allow_private_urls)

"""What the strategies endpoints ask for: the watch's knowledge, the cluster, and where in it a Strategy lies."""

from typing import Annotated

from fastapi import Depends, Path, Request

from btcwatcher_api.cluster.client import CustomResources
from btcwatcher_api.cluster.places import place
from btcwatcher_api.problems import unavailable
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.names import STRATEGY_KIND, STRATEGY_PLURAL


async def _known(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    if not registry.synced:
        raise unavailable("the Strategies are not known yet")
    return registry


async def _strategies(request: Request) -> CustomResources:
    return CustomResources(request.app.state.cluster, STRATEGY_PLURAL)


StrategyId = Annotated[str, Path(max_length=117, description="<namespace>.<name>", examples=["trading.ema-cross"])]


async def _place(request: Request, strategy_id: StrategyId) -> tuple[str, str]:
    return place(request, "strategy_id", STRATEGY_KIND, strategy_id)


Known = Annotated[Registry, Depends(_known)]
Strategies = Annotated[CustomResources, Depends(_strategies)]
Place = Annotated[tuple[str, str], Depends(_place)]
"""Namespace and name. Raises Problem 404 for what cannot be a Strategy here."""

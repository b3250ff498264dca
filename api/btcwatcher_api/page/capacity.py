"""`/capacity`: how many more bots fit, what runs out first, when, and what to buy."""

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from btcwatcher_api.page import render
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn
from btcwatcher_api.strategies.access import Known
from btcwatcher_api.system.endpoints import (
    MachinesOf,
    SettingsOf,
    ThresholdOf,
    get_capacity,
    get_capacity_detailed,
)

if TYPE_CHECKING:
    from btcwatcher_api.system.capacity import Figures

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_GIB: Final = 2**30


@router.get("/capacity")
async def show_capacity(
    request: Request,
    visitor: SignedIn,
    known: Known,
    machines: MachinesOf,
    threshold: ThresholdOf,
    settings: SettingsOf,
) -> Response:
    whole = await get_capacity(known, machines, threshold, settings)
    detailed = await get_capacity_detailed(request, machines)
    missing = {one.name: one for one in (*whole.sources, *detailed.sources) if one.state != "ok"}
    return render.page(
        request,
        "capacity.html",
        visitor,
        whole=whole,
        detailed=detailed,
        fleet=detailed.fleet.status if detailed.fleet else None,
        measured=detailed.fleet,
        figures=_bars(whole.resources) if whole.resources is not None else [],
        nodes=[(one, _bars(one.resources)) for one in detailed.nodes],
        missing=list(missing.values()),
    )


def _bars(of: "Figures") -> list[tuple[str, str, str, float | None]]:
    """Name, what is taken, of what, and the ratio."""
    shown = (("cpu", of.cpu), ("memory", of.memory), ("pods", of.pods))
    return [(name, written(one.unit, one.taken), written(one.unit, one.total), one.ratio) for name, one in shown]


def written(unit: str, value: float) -> str:
    """A figure of this unit for people."""
    if unit == "bytes":
        return f"{value / _GIB:.1f} GiB"
    return f"{value:.2f}".rstrip("0").rstrip(".")

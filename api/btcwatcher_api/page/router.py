"""All routes of the page."""

from fastapi import FastAPI

from btcwatcher_api.page import (
    actions,
    assets,
    capacity,
    chart,
    live,
    notifications,
    overview,
    own_settings,
    preferences_endpoints,
    signals,
    signing_in,
    strategy,
)

_ALL = (
    assets,
    signing_in,
    preferences_endpoints,
    overview,
    strategy,
    actions,
    signals,
    chart,
    capacity,
    notifications,
    own_settings,
    live,
)


def install(app: FastAPI) -> None:
    for module in _ALL:
        app.include_router(module.router)

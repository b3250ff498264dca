"""All routes of the page."""

from fastapi import FastAPI

from btcwatcher_api.page import actions, assets, live, overview, preferences_endpoints, signals, signing_in


def install(app: FastAPI) -> None:
    for module in (assets, signing_in, preferences_endpoints, overview, signals, actions, live):
        app.include_router(module.router)

"""Is the process alive, may it get traffic, and its figures: `/healthz`, `/readyz`, `/metrics`.

Where several workers serve, whichever is asked asks the others and speaks for all.
"""

import asyncio
from typing import TYPE_CHECKING

import httpx
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from btcwatcher_api.workers.figures import merged

if TYPE_CHECKING:
    from btcwatcher_api.workers.siblings import Siblings

router = APIRouter(tags=["system"])

_CHECK_SECONDS = 2.0


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Check(BaseModel):
    """One thing that readiness needs, and why it is not there."""

    name: str
    ok: bool
    reason: str | None = None


class Readiness(BaseModel):
    """Whether signals can be taken now."""

    ready: bool
    checks: list[Check]


@router.get(
    "/healthz",
    operation_id="getHealth",
    summary="The process answers",
    responses={503: {"model": Health, "description": "One of several worker processes does not answer"}},
)
async def healthz(request: Request, response: Response) -> Health:
    silent = [number for number, answer in (await _siblings(request, "/healthz")).items() if answer is None]
    if not silent:
        return Health()
    response.status_code = 503
    return Health(status=f"worker {silent[0]} does not answer")


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Signals can be taken: Postgres answers, Strategies and channels are known",
    responses={503: {"model": Readiness, "description": "Not ready; the body says why"}},
)
async def readyz(request: Request, response: Response) -> Readiness:
    """Kubernetes being away does not end readiness once the Strategies are known: they are served from memory."""
    checks = await checks_of(request)
    ready = all(check.ok for check in checks[:4])
    for number, answer in (await _siblings(request, "/readyz")).items():
        ok = answer is not None and answer.is_success
        reason = None if ok else "does not answer" if answer is None else "not ready"
        checks.append(Check(name=f"worker {number}", ok=ok, reason=reason))
        ready = ready and ok
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    return Readiness(ready=ready, checks=checks)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    own = generate_latest(request.app.state.metrics.registry)
    others = await _siblings(request, "/metrics")
    if not others:
        return Response(own, media_type=CONTENT_TYPE_LATEST)
    expositions = {number: answer.text for number, answer in others.items() if answer is not None}
    expositions[request.app.state.siblings.number] = own.decode()
    return Response(merged(expositions), media_type=CONTENT_TYPE_LATEST)


async def _siblings(request: Request, path: str) -> dict[int, httpx.Response | None]:
    """What the other workers say; nothing if it is one of them who asks."""
    siblings: Siblings = request.app.state.siblings
    if not siblings.any or siblings.asked_by_one(request.headers):
        return {}
    return await siblings.ask(path)


async def checks_of(request: Request) -> list[Check]:
    """Postgres, ingest, Strategies and channels, which readiness needs; then Kubernetes, if it is watched."""
    return [await _postgres(request), _ingest(request), *_watched(request)]


async def _postgres(request: Request) -> Check:
    try:
        async with asyncio.timeout(_CHECK_SECONDS), request.app.state.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, TimeoutError, OSError):
        return Check(name="postgres", ok=False, reason="the database does not answer")
    return Check(name="postgres", ok=True)


def _ingest(request: Request) -> Check:
    reason = request.app.state.commits.down
    return Check(name="ingest", ok=reason is None, reason=reason)


def _watched(request: Request) -> list[Check]:
    state = request.app.state
    synced = state.registry.synced
    reason = None if synced else "the Strategies are not known yet"
    checks = [Check(name="strategies", ok=synced, reason=reason)]
    synced = state.channels.synced
    reason = None if synced else "the NotificationChannels are not known yet"
    checks.append(Check(name="channels", ok=synced, reason=reason))
    if state.watches:
        reason = next((watch.error for watch in state.watches if watch.error is not None), None)
        checks.append(Check(name="kubernetes", ok=reason is None, reason=reason))
    return checks

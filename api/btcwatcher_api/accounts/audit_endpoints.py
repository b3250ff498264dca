"""`/api/v1/audit`: who changed what, for admins."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from btcwatcher_api.access import admin
from btcwatcher_api.accounts.users_endpoints import Service
from btcwatcher_api.problems import responses

router = APIRouter(
    prefix="/api/v1/audit",
    tags=["auth"],
    dependencies=[Depends(admin)],
    responses=responses(401, 403, 422, 500, 503),
)

_Text = Annotated[str | None, Query(max_length=256, pattern=r"^[^\x00]*$")]


class AuditRow(BaseModel):
    """One change."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    at: datetime
    actor: Annotated[str, Field(examples=["ada"])]
    """A user's name, or `key:<name>` of an API key."""
    action: Annotated[str, Field(examples=["strategy.stop"])]
    subject: Annotated[str, Field(examples=["trading.ema-cross"])]
    request_id: str
    """The answer to the request had it as X-Request-ID; the logs have it too."""
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Changes, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[AuditRow]
    next: int | None
    """`before` of the next page; null on the last."""


@router.get("", operation_id="listAudit", summary="Who changed what, newest first")
async def list_audit(
    service: Service,
    actor: _Text = None,
    subject: _Text = None,
    action: _Text = None,
    since: Annotated[AwareDatetime | None, Query(description="From here on; with a zone")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next` of an answer")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AuditPage:
    rows = await service.log(actor=actor, subject=subject, action=action, since=since, before=before, limit=limit + 1)
    page = [AuditRow(**row) for row in rows[:limit]]
    return AuditPage(items=page, next=page[-1].id if len(rows) > limit else None)

"""`/settings`: one's own password, language and theme; and what the platform is set to, to read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from btcwatcher_api.accounts.endpoints import Service, address_of
from btcwatcher_api.accounts.schemas import PasswordChange
from btcwatcher_api.page import render, session
from btcwatcher_api.page.forms import Fields
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.page.session import SignedIn, Visitor
from btcwatcher_api.problems import Problem, not_valid, request_id
from btcwatcher_api.settings import Settings, variable

if TYPE_CHECKING:
    from btcwatcher_api.system.threshold import AlertThreshold

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_SHOWN: Final = (
    "registration",
    "access_token_minutes",
    "refresh_token_days",
    "retention_signals_days",
    "retention_deliveries_days",
    "retention_audit_days",
    "retention_statistics_days",
    "retention_capacity_days",
    "port_range",
    "namespaces",
    "public_url",
)
"""None of them is a secret."""


@router.get("/settings")
async def show_settings(request: Request, visitor: SignedIn) -> Response:
    return await _page(request, visitor)


@router.post("/settings/password")
async def change_password(request: Request, visitor: SignedIn, accounts: Service, fields: Fields) -> Response:
    """Ends every sign-in, as by REST; whoever changed it here is signed in anew."""
    try:
        change = PasswordChange.model_validate(
            {name: fields.get(name, "") for name in ("current_password", "new_password")}
        )
        new = change.new_password.get_secret_value()
        identity = request_id(request.scope)
        await accounts.change_password(visitor.identity, change.current_password.get_secret_value(), new, identity)
        tokens = await accounts.sign_in(visitor.name, new, address_of(request), identity)
    except ValidationError as error:
        return await _page(request, visitor, not_valid(error))
    except Problem as problem:
        return await _page(request, visitor, problem)
    response = await _page(request, visitor, changed=True)
    session.keep(request, response, tokens.refresh_token)
    return response


async def _page(
    request: Request, visitor: Visitor, problem: Problem | None = None, *, changed: bool = False
) -> Response:
    threshold: AlertThreshold = request.app.state.alert_threshold
    return render.page(
        request,
        "settings.html",
        visitor,
        status=problem.status if problem else 200,
        problem=problem.detail if problem else None,
        changed=changed,
        shown=shown(request.app.state.settings),
        threshold=threshold.percent,
        version=request.app.version,
    )


def shown(settings: Settings) -> Sequence[tuple[str, str]]:
    """Variable and value."""
    return [(variable(name), str(getattr(settings, name))) for name in _SHOWN]

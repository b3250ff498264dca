"""`/sign-in` and `/sign-out`, and the first account of all; what is right or wrong decides the accounts' service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from btcwatcher_api.accounts.endpoints import Service, address_of
from btcwatcher_api.accounts.schemas import Registration
from btcwatcher_api.page import render, session
from btcwatcher_api.page.forms import Fields
from btcwatcher_api.page.origin import local_path
from btcwatcher_api.page.page_route import PageRoute
from btcwatcher_api.problems import Problem, not_valid, request_id

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(session.check_origin)])


@router.get("/sign-in")
async def show_sign_in(
    request: Request, accounts: Service, next: Annotated[str, Query(max_length=2000)] = "/"
) -> Response:
    return await _form(request, await accounts.awaits_first(), local_path(next))


@router.post("/sign-in")
async def sign_in(request: Request, accounts: Service, fields: Fields) -> Response:
    username, password = fields.get("username", ""), fields.get("password", "")
    onward = local_path(fields.get("next"))
    try:
        tokens = await accounts.sign_in(username, password, address_of(request), request_id(request.scope))
    except Problem as problem:
        return await _form(request, False, onward, problem, username)
    return _signed_in(request, tokens.refresh_token, onward)


@router.post("/first-account")
async def make_first_account(request: Request, accounts: Service, fields: Fields) -> Response:
    """The accounts' service lets only the first in, whoever else asks at the same time."""
    username, password = fields.get("username", ""), fields.get("password", "")
    try:
        wanted = Registration.model_validate({"username": username, "password": password})
        await accounts.register(
            None, wanted.username, wanted.password.get_secret_value(), None, request_id(request.scope)
        )
        tokens = await accounts.sign_in(wanted.username, password, address_of(request), request_id(request.scope))
    except ValidationError as error:
        return await _form(request, True, "/", not_valid(error), username)
    except Problem as problem:
        return await _form(request, await accounts.awaits_first(), "/", problem, username)
    return _signed_in(request, tokens.refresh_token, "/")


@router.post("/sign-out")
async def sign_out(request: Request, accounts: Service) -> Response:
    token = session.token_of(request)
    if token:
        await accounts.sign_out(token, request_id(request.scope))
    response = RedirectResponse(f"{render.root(request)}/sign-in", status_code=303)
    session.forget(request, response)
    return response


async def _form(
    request: Request, first: bool, onward: str, problem: Problem | None = None, username: str = ""
) -> Response:
    return render.page(
        request,
        "sign_in.html",
        status=problem.status if problem else 200,
        first=first,
        onward=onward,
        problem=problem.detail if problem else None,
        username=username,
    )


def _signed_in(request: Request, token: str, onward: str) -> Response:
    response = RedirectResponse(render.root(request) + local_path(onward), status_code=303)
    session.keep(request, response, token)
    return response

"""`POST /preferences`: language and theme, kept in the browser; also by who is not signed in."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from btcwatcher_api.page import render, session
from btcwatcher_api.page.forms import Fields
from btcwatcher_api.page.language import LANGUAGE_COOKIE, THEME_COOKIE, Language, Theme
from btcwatcher_api.page.origin import local_path
from btcwatcher_api.page.page_route import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(session.check_origin)])

_KEPT: Final = int(timedelta(days=365).total_seconds())


@router.post("/preferences")
async def prefer(request: Request, fields: Fields) -> Response:
    response = RedirectResponse(render.root(request) + local_path(fields.get("back")), status_code=303)
    for name, cookie, kind in (("language", LANGUAGE_COOKIE, Language), ("theme", THEME_COOKIE, Theme)):
        value = fields.get(name)
        if value in list(kind):
            response.set_cookie(
                cookie, value, max_age=_KEPT, path="/", secure=session.secure(request), httponly=True, samesite="lax"
            )
    return response

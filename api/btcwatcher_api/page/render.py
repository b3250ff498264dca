"""Templates to HTML: the environment, what every page is given, and how figures and times are written."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from btcwatcher_api.page import assets
from btcwatcher_api.page.language import Language, Preferences, Theme, preferences
from btcwatcher_api.page.session import Visitor

_FOLDER: Final = Path(__file__).parent
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'",
    # A POST of a page that sends no referrer has the origin `null`, as if it came from elsewhere.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_DIGITS: Final = 8


def number(value: Decimal | float | str | None) -> str:
    """A price with eight significant digits at most, without zeros at the end and never with an exponent."""
    if value is None:
        return ""
    found = Decimal(str(value))
    places = max(0, _DIGITS - 1 - found.adjusted())
    text = f"{found:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: str | None) -> str:
    """A profit with its sign, to the cent; with four significant digits where it is less, as in BTC."""
    if value is None:
        return "–"
    found = Decimal(value)
    places = 2 if not found or abs(found) >= 1 else min(8, 3 - found.adjusted())
    return f"{found:+.{places}f}"


def percent(value: Decimal | float | str | None) -> str:
    return "" if value is None else f"{Decimal(str(value)) * 100:+.2f} %"


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _clock(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%H:%M:%S")


def _iso(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds")


_environment: Final = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.filters |= {
    "number": number,
    "money": money,
    "percent": percent,
    "moment": _moment,
    "clock": _clock,
    "iso": _iso,
}
_environment.globals |= {"Language": Language, "Theme": Theme}


def preferred(request: Request) -> Preferences:
    return preferences(request.cookies, request.headers.get("accept-language", ""))


def root(request: Request) -> str:
    """The path that a proxy in front adds to all of ours, without a slash at the end."""
    path: str = urlsplit(request.app.state.settings.public_url).path or request.scope.get("root_path", "")
    return path.rstrip("/")


def given(request: Request, visitor: Visitor | None) -> dict[str, Any]:
    """What every template is given."""
    wanted = preferred(request)
    base = root(request)
    return {
        "t": wanted.text,
        "word": wanted.word,
        "preferences": wanted,
        "visitor": visitor,
        "path": request.url.path,
        "query": request.url.query,
        "at": lambda path: f"{base}{path}",
        "asset": lambda name: f"{base}{assets.address(name)}",
        "away": next((watch.error for watch in request.app.state.watches if watch.error is not None), None),
    }


def fragment(name: str, macro: str, context: Mapping[str, Any], *arguments: object) -> str:
    """What a macro of a template makes of these arguments."""
    module = _environment.get_template(name).make_module(dict(context))
    return str(getattr(module, macro)(*arguments))


def page(request: Request, name: str, visitor: Visitor | None = None, status: int = 200, **more: Any) -> HTMLResponse:
    html = _environment.get_template(name).render(given(request, visitor) | more)
    return HTMLResponse(html, status_code=status, headers=_HEADERS)

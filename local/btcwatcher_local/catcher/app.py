"""The page with what was caught, the same as JSON, and the way in for webhooks."""

import html
import json
from typing import Final

from aiohttp import web

from btcwatcher_local.catcher.caught import Caught, Messages

_MESSAGES: web.AppKey[Messages] = web.AppKey("messages")
_MAX_BYTES: Final = 1_000_000
_TITLES: Final = ("title", "subject", "summary")
_TEXTS: Final = ("message", "body", "text", "content")
"""Where webhooks of the usual kinds have their title and their text."""

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Messages - BTC Watcher</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }}
  article {{ border: 1px solid #d0d7de; border-radius: 6px; margin: 0 0 1rem; padding: .75rem 1rem }}
  h2 {{ font-size: 1rem; margin: 0 }}
  header small {{ color: #57606a }}
  pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0; font: 13px/1.45 ui-monospace, monospace }}
</style>
<h1>Messages</h1>
<p>What this stack's NotificationChannels sent, newest first. Nothing of it left this machine.</p>
{messages}
</html>
"""
_ARTICLE: Final = (
    "<article><header><h2>{title}</h2><small>{at} by {way} to {to}</small></header><pre>{text}</pre></article>"
)


def create_app(messages: Messages) -> web.Application:
    app = web.Application(client_max_size=_MAX_BYTES)
    app[_MESSAGES] = messages
    app.router.add_get("/", _page)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/messages", _list)
    app.router.add_post("/hooks/{name}", _hook)
    return app


async def _page(request: web.Request) -> web.Response:
    caught = request.app[_MESSAGES].newest_first()
    shown = "\n".join(map(_article, caught)) or "<p>None yet.</p>"
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(text=_PAGE.format(messages=shown), content_type="text/html", headers=policy)


async def _list(request: web.Request) -> web.Response:
    return web.json_response({"items": [one.document() for one in request.app[_MESSAGES].newest_first()]})


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _hook(request: web.Request) -> web.Response:
    raw = (await request.read()).decode(errors="replace")
    title, text = _told(raw)
    request.app[_MESSAGES].add("webhook", request.path, title, text)
    return web.json_response({"status": "ok"})


def _told(raw: str) -> tuple[str, str]:
    """Title and text of a webhook's body; the whole body where it is of no usual kind."""
    try:
        body = json.loads(raw)
    except ValueError:
        return "", raw
    fields = body if isinstance(body, dict) else {}
    title = next((fields[name] for name in _TITLES if isinstance(fields.get(name), str)), "")
    text = next((fields[name] for name in _TEXTS if isinstance(fields.get(name), str)), raw)
    return title, text


def _article(one: Caught) -> str:
    said = {name: html.escape(str(value)) for name, value in one.document().items()}
    return _ARTICLE.format(**{**said, "title": said["title"] or "(no title)"})

"""Servers that answer as the vendors' own documents say, on loopback, in the loop of the test that uses them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import deque
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Judge = Callable[["Vendor", web.Request, dict[str, Any], bytes], web.Response]

TELEGRAM_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"  # the one of Telegram's own document
TELEGRAM_CHAT = "-1001234567890"
WECOM_KEY = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
FEISHU_TOKEN = "c0ffee00-1234-4f3a-9a1b-5e0a7d6b8c9d"
FEISHU_SECRET = "Zz9+/secret=signing"


@dataclass
class Scripted:
    """An answer out of the order."""

    status: int = 200
    body: str | bytes | dict[str, Any] = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class Vendor:
    """`received` is what was taken; `script` is answered first, one each."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    script: deque[Scripted] = field(default_factory=deque)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    limited: bool = False
    """Whether the vendor has had enough for now."""

    @property
    def last(self) -> dict[str, Any]:
        return self.received[-1]


def telegram(vendor: Vendor, request: web.Request, body: dict[str, Any], raw: bytes) -> web.Response:
    """Telegram, "Making requests" and sendMessage: https://core.telegram.org/bots/api#making-requests.

    An answer has `ok` and either `result` or `description` and `error_code`; ResponseParameters has `retry_after`.
    The texts are those of the Bot API server, https://github.com/tdlib/telegram-bot-api.
    """

    def no(code: int, words: str, **more: Any) -> web.Response:
        return web.json_response({"ok": False, "error_code": code, "description": words, **more}, status=code)

    token, _, method = request.path.removeprefix("/bot").partition("/")
    if ":" not in token or method != "sendMessage":
        return no(404, "Not Found")
    if token != TELEGRAM_TOKEN:
        return no(401, "Unauthorized")
    if vendor.limited:
        return no(429, "Too Many Requests: retry after 7", parameters={"retry_after": 7})
    if body["chat_id"] == "-100404":
        return no(400, "Bad Request: chat not found")
    if body["chat_id"] == "-100400":
        migrated = {"migrate_to_chat_id": -1001234567890}
        return no(400, "Bad Request: group chat was upgraded to a supergroup chat", parameters=migrated)
    if body["chat_id"] == "-100403":
        return no(403, "Forbidden: bot was blocked by the user")
    units = len(body["text"].encode("utf-16-le")) // 2
    if not body["text"].strip():
        return no(400, "Bad Request: message text is empty")
    if units > 4096:
        return no(400, "Bad Request: message is too long")
    for entity in body.get("entities", []):
        if entity["offset"] < 0 or entity["length"] < 1 or entity["offset"] + entity["length"] > units:
            return no(400, f"Bad Request: entity beginning at {entity['offset']} is out of bounds")
    vendor.received.append(body)
    return web.json_response({"ok": True, "result": {"message_id": len(vendor.received), "text": body["text"]}})


def wecom(vendor: Vendor, request: web.Request, body: dict[str, Any], raw: bytes) -> web.Response:
    """企业微信, 群机器人配置说明: https://developer.work.weixin.qq.com/document/path/91770, and 全局错误码:
    https://developer.work.weixin.qq.com/document/path/90313. Always HTTP 200, with errcode and errmsg.
    """

    def no(code: int, words: str) -> web.Response:
        hint = f"{words}, hint: [1755605200056773468916791], from ip: 127.0.0.1, more info at "
        hint += f"https://open.work.weixin.qq.com/devtool/query?e={code}"
        return web.json_response({"errcode": code, "errmsg": hint})

    if request.path != "/cgi-bin/webhook/send" or request.query.get("key") != WECOM_KEY:
        return no(93000, "invalid webhook url")
    if vendor.limited:
        return no(45009, "api freq out of limit")
    kind = str(body.get("msgtype"))
    longest = {"markdown": 4096, "text": 2048}.get(kind)
    if longest is None:
        return no(40008, "invalid message type")
    if len(body[kind]["content"].encode()) > longest:
        return no(40058, f"{kind}.content exceed max length {longest}. invalid Request Parameter")
    if not body[kind]["content"]:
        return no(44004, "text content is empty")
    vendor.received.append(body)
    return web.json_response({"errcode": 0, "errmsg": "ok"})


def feishu(vendor: Vendor, request: web.Request, body: dict[str, Any], raw: bytes) -> web.Response:
    """飞书, 自定义机器人使用指南: https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN.

    HTTP 200 with a code of its own; a request of more than 20 KB is code 9499 with HTTP 400.
    """

    def no(code: int, words: str, status: int = 200) -> web.Response:
        return web.json_response({"code": code, "data": {}, "msg": words}, status=status)

    if request.path != f"/open-apis/bot/v2/hook/{FEISHU_TOKEN}":
        return no(19001, "param invalid: incoming webhook access token invalid")
    if len(raw) > 20_000:
        return no(9499, "Bad Request", 400)
    at = str(body.get("timestamp", "0"))
    signed = hmac.new(f"{at}\n{FEISHU_SECRET}".encode(), b"", hashlib.sha256).digest()
    if abs(time.time() - int(at)) > 3600 or body.get("sign") != base64.b64encode(signed).decode():
        return no(19021, "sign match fail or timestamp is not within one hour from current time")
    if vendor.limited:
        return no(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")
    vendor.received.append(body)
    return web.json_response({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})


def anything(vendor: Vendor, request: web.Request, body: dict[str, Any], raw: bytes) -> web.Response:
    """Whatever apprise's json:// posts to: https://appriseit.com/services/json/."""
    if vendor.limited:
        return web.Response(status=429)
    vendor.received.append(body)
    return web.Response(status=204)


@asynccontextmanager
async def serving(
    judge: Judge,
) -> AsyncIterator[Vendor]:
    vendor = Vendor()

    async def handle(request: web.Request) -> web.StreamResponse:
        vendor.requests.append(request)
        vendor.asked.set()
        raw = await request.read()
        if vendor.script:
            return await _scripted(request, vendor.script.popleft())
        return judge(vendor, request, json.loads(raw), raw)

    application = web.Application(client_max_size=2**22)
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        vendor.url = f"http://{host}:{port}"
        yield vendor
    finally:
        await runner.cleanup()


@contextmanager
def served_beside(judge: Judge) -> Iterator[Vendor]:
    """In a thread of its own, for tests that have no loop."""
    started: Queue[Vendor] = Queue()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with serving(judge) as vendor:
            started.put(vendor)
            await asyncio.Event().wait()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    task = loop.create_task(serve())
    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield started.get(timeout=30)
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)


async def _scripted(request: web.Request, scripted: Scripted) -> web.StreamResponse:
    await asyncio.sleep(scripted.delay)
    if isinstance(scripted.body, dict):
        return web.json_response(scripted.body, status=scripted.status, headers=scripted.headers)
    body = scripted.body.encode() if isinstance(scripted.body, str) else scripted.body
    return web.Response(status=scripted.status, headers=scripted.headers, body=body)


@asynccontextmanager
async def raw(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server below HTTP, for what no HTTP server does on purpose."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()

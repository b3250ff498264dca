"""One request to a bot and its answer, which is passed on as it comes. Of the headers only what is named here goes
either way: no cookie of ours reaches a bot, and none of a bot's the browser."""

from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from btcwatcher_api.problems import Problem
from btcwatcher_api.screen.bots import Target
from btcwatcher_api.screen.paths import BotPath

_PLAIN: Final = {"Accept-Encoding": "identity"}
"""For who says nothing of it: the client would say something itself."""
_TO_BOT: Final = ("Accept", "Accept-Encoding", "Content-Type", "If-None-Match")
_FROM_BOT: Final = ("Content-Type", "Content-Encoding", "Content-Disposition", "ETag", "Last-Modified", "Retry-After")
_REFUSED: Final = (401, 403)
_LONGEST_SECONDS: Final = 120.0
"""Of a whole answer, and of what is read of a slow bot."""


class Forwarding:
    """Raises Problem for a bot that does not answer: 502, and 504 where it took too long."""

    def __init__(self, session: aiohttp.ClientSession, seconds: float) -> None:
        self._session = session
        self._seconds = seconds

    async def pass_on(self, request: web.Request, target: Target, path: BotPath, body: bytes) -> web.StreamResponse:
        url = URL(f"{target.base}/{path.encoded}", encoded=True)
        _, mark, query = request.raw_path.partition("?")
        if mark:
            url = URL(f"{url}?{query.partition('#')[0]}", encoded=True)
        try:
            answer = await self._session.request(
                request.method,
                url,
                headers=_PLAIN | _chosen(request.headers, _TO_BOT) | {"Authorization": target.authorization},
                data=body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_LONGEST_SECONDS, connect=self._seconds, sock_read=self._seconds),
            )
        except TimeoutError as error:
            raise Problem(504, f"the bot of {target.strategy} does not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Problem(502, f"the bot of {target.strategy} cannot be reached: it may be starting") from error
        async with answer:
            return await _told(request, target, answer)


async def _told(request: web.Request, target: Target, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    if answer.status in _REFUSED:
        # FreqUI would take it for the browser's own sign-in that has ended.
        raise Problem(502, f"the bot of {target.strategy} refuses the platform's own credentials: restart it")
    if 300 <= answer.status < 400 and answer.status != 304:
        raise Problem(502, f"the bot of {target.strategy} wants to send us elsewhere, which no bot does")
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    response.headers.update(_chosen(answer.headers, _FROM_BOT))
    if answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    try:
        async for part in answer.content.iter_any():
            await response.write(part)
    except (aiohttp.ClientError, TimeoutError, OSError):
        # What breaks off must not look complete to the browser.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _chosen(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}

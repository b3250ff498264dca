"""A bot's own REST API (freqtrade's), as far as fleet switches need it. Nothing is sent while the fence is closed."""

import base64
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec

from btcwatcher_crds import names
from btcwatcher_crds.derive import bot_api_credentials
from btcwatcher_operator.fence import Fence
from btcwatcher_operator.store import Key

ANSWER_SECONDS: Final = 5.0
"""A bot that hangs takes the connection and never answers."""
FORCE_EXIT_SECONDS: Final = 60.0
"""It answers when every order is placed: one exchange round trip a trade."""
_CONNECTIONS: Final = 64


class BotError(Exception):
    """The bot did not answer, or refused, in a few words."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a bot says of itself."""

    state: str
    """running, paused, stopped or reload_config."""
    open_trades: int | None
    """None: a stopped freqtrade does not tell."""
    last_process: int | None
    """When its trading loop last came round, Unix seconds."""


class Bots:
    """All bots; an async context manager. Every method raises BotError, and what changes something DeposedError."""

    def __init__(self, address: str, key: bytes, fence: Fence) -> None:
        """`address`: where a bot is, with {service}, {namespace} and {port}; `key`: the platform's bot key."""
        self._address = address
        self._key = key
        self._fence = fence
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Bots":
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def look(self, key: Key, port: int) -> Said:
        state = (await self._ask("GET", key, port, "show_config")).get("state")
        health = await self._ask("GET", key, port, "health")
        count = await self._ask("GET", key, port, "count") if state != "stopped" else {}
        last = health.get("last_process_ts")
        return Said(str(state), count.get("current"), last if isinstance(last, int) else None)

    async def pause(self, key: Key, port: int) -> None:
        self._fence.check()
        await self._ask("POST", key, port, "pause")

    async def start(self, key: Key, port: int) -> None:
        self._fence.check()
        await self._ask("POST", key, port, "start")

    async def close_trades(self, key: Key, port: int, order_type: str | None) -> None:
        """`order_type`: market or limit; None: as the strategy says."""
        self._fence.check()
        body = {"tradeid": "all", **({"ordertype": order_type} if order_type else {})}
        await self._ask("POST", key, port, "forceexit", body, FORCE_EXIT_SECONDS)

    async def _ask(
        self,
        method: str,
        key: Key,
        port: int,
        path: str,
        body: dict[str, str] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> dict[str, Any]:
        assert self._session is not None  # noqa: S101 - it is entered before anything is asked
        credentials = bot_api_credentials(self._key, key.namespace, key.name)
        login = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        where = self._address.format(service=names.service(key.name), namespace=key.namespace, port=port)
        try:
            async with self._session.request(
                method,
                f"{where}/api/v1/{path}",
                json=body,
                headers={"Authorization": f"Basic {login}"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                text = await answer.read()
        except TimeoutError as error:
            raise BotError(f"no answer within {seconds:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BotError("no connection") from error
        try:
            said = msgspec.json.decode(text)
        except msgspec.DecodeError:
            said = {}
        if answer.status != 200:
            words = said.get("error") or said.get("detail") if isinstance(said, dict) else None
            raise BotError(f"HTTP {answer.status} from /{path}{f': {words}' if words else ''}"[:200])
        if not isinstance(said, dict):
            raise BotError(f"/{path} answers what is no object")
        return said

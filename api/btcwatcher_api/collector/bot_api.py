"""A bot's own REST API (freqtrade's), as far as the collector reads it. Nothing here changes anything at the bot."""

import base64
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from btcwatcher_crds.derive import BotCredentials

_MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one answer: what a bot says must not fill our memory."""
_CHUNK: Final = 256 * 1024
_T = TypeVar("_T")


class Order(msgspec.Struct, frozen=True):
    """An order of a trade. Times are Unix milliseconds."""

    order_id: str
    ft_order_side: str
    """buy, sell or stoploss."""
    is_open: bool
    safe_price: float
    """What it was filled at, on average."""
    filled: float | None = None
    ft_fee_base: float | None = None
    """Fee taken from what was bought."""
    order_timestamp: int | None = None
    order_filled_timestamp: int | None = None
    ft_order_tag: str | None = None
    """Of an exit: its reason."""


class Trade(msgspec.Struct, frozen=True):
    """A trade with its orders, as /status (open) and /trades (closed) have it. Times are Unix milliseconds."""

    trade_id: int
    pair: str
    is_open: bool
    is_short: bool
    open_timestamp: int
    stake_amount: float
    quote_currency: str
    orders: list[Order]
    close_timestamp: int | None = None
    enter_tag: str | None = None
    exit_reason: str | None = None
    close_profit: float | None = None
    """Of the whole closed trade, a ratio."""
    close_profit_abs: float | None = None
    """Of the whole closed trade, in the stake currency."""
    fee_open: float | None = None
    fee_close: float | None = None
    leverage: float | None = None
    trading_mode: str | None = None
    profit_abs: float | None = None
    """Of an open trade: its profit at the current price."""


class ClosedTrades(msgspec.Struct, frozen=True):
    """One page of closed trades, the latest first."""

    trades: list[Trade]
    total_trades: int


class Health(msgspec.Struct, frozen=True):
    last_process_ts: int | None = None
    """When the trading loop last came round, Unix seconds; none before the first time."""


class Profit(msgspec.Struct, frozen=True):
    profit_closed_coin: float


class Balance(msgspec.Struct, frozen=True):
    total_bot: float
    stake: str
    """The stake currency, which all is valued in."""


class PairCandles(msgspec.Struct, frozen=True):
    """A pair's candles as /pair_candles has them: rows of these columns, and columns of the strategy's own."""

    columns: list[str]
    data: list[list[Any]]


Candle = tuple[int, float, float, float, float, float]
"""Begin (Unix seconds), open, high, low, close, volume."""


class BotError(Exception):
    """A visit came to nothing. `result` is what the metric says: away, refused or unreadable."""

    def __init__(self, result: str, reason: str) -> None:
        super().__init__(reason)
        self.result = result


class BotApi:
    """One bot. Every method raises BotError."""

    def __init__(
        self, session: aiohttp.ClientSession, address: str, credentials: BotCredentials, *, timeout: float
    ) -> None:
        self._session = session
        self._base = f"{address}/api/v1"
        login = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def health(self) -> Health:
        return await self._get("health", Health)

    async def open_trades(self) -> list[Trade]:
        return await self._get("status", list[Trade])

    async def closed_trades(self, *, limit: int, offset: int) -> ClosedTrades:
        """A page of them, the one that closed last first."""
        return await self._get(f"trades?order_by_id=false&limit={limit}&offset={offset}", ClosedTrades)

    async def profit(self) -> Profit:
        return await self._get("profit", Profit)

    async def balance(self) -> Balance:
        return await self._get("balance", Balance)

    async def candles(self, pair: str, timeframe: str, limit: int) -> list[Candle]:
        """The last finished candles of a pair, the oldest first; empty where the bot has none of it."""
        asked = {"pair": pair, "timeframe": timeframe, "limit": limit, "columns": []}
        found = await self._ask("POST", "pair_candles", PairCandles, json=asked)
        places = {name: number for number, name in enumerate(found.columns)}
        try:
            begin, *others = (places[name] for name in ("__date_ts", "open", "high", "low", "close", "volume"))
            return [
                (int(row[begin]) // 1000, *(float(row[place]) for place in others))  # type: ignore[misc]
                for row in found.data
            ]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            if not found.data:
                return []
            raise BotError("unreadable", f"/pair_candles: {error}") from error

    async def _get(self, path: str, kind: type[_T]) -> _T:
        return await self._ask("GET", path, kind)

    async def _ask(self, method: str, path: str, kind: type[_T], **sent: Any) -> _T:
        try:
            async with self._session.request(
                method,
                f"{self._base}/{path}",
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
                **sent,
            ) as answer:
                body = await _read(answer)
                status = answer.status
        except TimeoutError as error:
            raise BotError("away", "no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BotError("away", _reason(error)) from error
        if status != 200:
            raise BotError("refused", f"HTTP {status} from /{path.partition('?')[0]}")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BotError("unreadable", f"/{path.partition('?')[0]}: {error}") from error


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises BotError for one that is too large."""
    parts, size = [], 0
    async for part in answer.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > _MOST_BYTES:
            raise BotError("unreadable", f"an answer of more than {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    """Without the address, which the log names as the Strategy already."""
    cause: Any = getattr(error, "os_error", error)
    return str(getattr(cause, "strerror", None) or type(error).__name__)

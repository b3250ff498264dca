"""What Prometheus knows of bots and of the past. Without one, or without an answer, what was known before stays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from btcwatcher_crds.names import CONTAINER_BOT
from btcwatcher_operator.capacity.forecast import Sample
from btcwatcher_operator.capacity.metrics import SLOTS
from btcwatcher_operator.capacity.observed import Use
from btcwatcher_operator.store import Key

_SECONDS: Final = 30.0
_BOT: Final = f'container="{CONTAINER_BOT}"'
HISTORY_DAYS: Final = 14

# Bots work when a candle closes and hardly between: an average says nothing. Of each of the last 24 hours the busiest
# two minutes (so that candles of up to an hour are in each), and of these what 95 of 100 stay below.
CPU: Final = (
    "quantile_over_time(0.95, max_over_time("
    f"sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{_BOT}}}[2m]))[1h:1m])[1d:1h])"
)
MEMORY: Final = (
    "quantile_over_time(0.95, max_over_time("
    f"max by (namespace, pod) (container_memory_working_set_bytes{{{_BOT}}})[1h:1m])[1d:1h])"
)
USED: Final = f'max({SLOTS.name}{{state="used"}})'


class PrometheusError(Exception):
    """Why there is no answer."""


class Prometheus:
    """One Prometheus-compatible server; close() when done."""

    def __init__(self, url: str, token_file: Path | None = None) -> None:
        self._url = url
        self._token_file = token_file
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))

    async def close(self) -> None:
        await self._session.close()

    async def uses(self) -> dict[Key, Use]:
        """By Strategy, what its bot stays below when candles close. Raises PrometheusError."""
        cpu, memory = _by_bot(await self._ask("query", query=CPU)), _by_bot(await self._ask("query", query=MEMORY))
        return {key: (cpu.get(key, 0.0), memory.get(key, 0.0)) for key in {*cpu, *memory}}

    async def used_slots(self, now: float) -> list[Sample]:
        """Hour by hour over the last two weeks, as far as it goes back. Raises PrometheusError."""
        start = now - HISTORY_DAYS * 86400
        result = await self._ask("query_range", query=USED, start=f"{start:.0f}", end=f"{now:.0f}", step="3600")
        return [(float(at), float(value)) for series in result for at, value in series["values"]]

    async def _ask(self, what: str, **parameters: str) -> list[Any]:
        try:
            # Read each time: tokens of service accounts are renewed in place.
            headers = {"Authorization": f"Bearer {self._token_file.read_text().strip()}"} if self._token_file else {}
            async with self._session.post(f"{self._url}/api/v1/{what}", data=parameters, headers=headers) as answer:
                document = await answer.json(content_type=None)
            if document["status"] != "success":
                raise PrometheusError(str(document.get("error") or f"it answered {answer.status}"))
            result: list[Any] = document["data"]["result"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PrometheusError(type(error).__name__) from error
        except OSError as error:
            raise PrometheusError(f"its token file cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PrometheusError("its answer is not Prometheus' JSON") from error
        return result


def _by_bot(result: list[Any]) -> Mapping[Key, float]:
    """A bot's pod is called after its Strategy; other pods have the container's name only by chance."""
    found = {}
    for one in result:
        namespace, pod = one["metric"].get("namespace", ""), one["metric"].get("pod", "")
        name, dash, number = pod.rpartition("-")
        value = float(one["value"][1])
        if namespace and dash and number == "0" and value - value == 0:
            found[Key(namespace, name)] = value
    return found

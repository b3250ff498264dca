"""Asks Prometheus, where one is configured. An answer is figures, or why there are none."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from btcwatcher_api import logs

_log = logs.get("btcwatcher_api.prometheus")
_SECONDS: Final = 5.0


class PrometheusError(Exception):
    """Why Prometheus gave no figures, in words for a person."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment."""

    labels: dict[str, str]
    value: float
    text: str
    """The value as Prometheus wrote it."""


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    value: float


class Prometheus:
    """A Prometheus-compatible server. Connects when first asked; close() when done."""

    def __init__(self, url: str, token_file: Path | None = None) -> None:
        self._token_file = token_file
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=_SECONDS, follow_redirects=False)

    async def query(self, expression: str) -> list[Sample]:
        """The instant vector. Raises PrometheusError."""
        result = await self._ask("/api/v1/query", {"query": expression})
        return [
            Sample(dict(one["metric"]), value, str(one["value"][1]))
            for one in result
            if (value := _number(one["value"][1])) is not None
        ]

    async def query_range(self, expression: str, start: datetime, end: datetime, step: float) -> list[Point]:
        """The points of the first series; `step` in seconds. Raises PrometheusError."""
        asked = {"query": expression, "start": start.timestamp(), "end": end.timestamp(), "step": step}
        result = await self._ask("/api/v1/query_range", asked)
        points = result[0]["values"] if result else ()
        return [
            Point(datetime.fromtimestamp(float(at), UTC), value)
            for at, text in points
            if (value := _number(text)) is not None
        ]

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, path: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            answer = await self._http.post(path, data=parameters, headers=self._headers())
            document = answer.json() if answer.status_code < 500 else {}
            if document.get("status") == "success":
                result: list[dict[str, Any]] = document["data"]["result"]
                return result
            said = document.get("error") or f"it answered {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = type(error).__name__
        except OSError as error:
            said = f"its token file cannot be read: {error.strerror}"
        except (ValueError, AttributeError, KeyError, TypeError, LookupError):
            said = "its answer is not Prometheus' JSON"
        _log.warning("Prometheus gives no figures", reason=said)
        raise PrometheusError(f"Prometheus gives no figures: {said}")

    def _headers(self) -> dict[str, str]:
        # Read each time: tokens of service accounts are renewed in place.
        return {"Authorization": f"Bearer {self._token_file.read_text().strip()}"} if self._token_file else {}


def _number(text: object) -> float | None:
    """None for NaN and infinities, which JSON cannot say."""
    value = float(str(text))
    return value if value - value == 0 else None

"""Where figures come from, and whether they could be had: part of every answer of /system and /monitoring."""

from collections.abc import Awaitable
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from btcwatcher_api.problems import Problem
from btcwatcher_api.prometheus import Prometheus, PrometheusError

T = TypeVar("T")
_PROMETHEUS_SETTING: Final = "BTCWATCHER_PROMETHEUS_URL"


class SourceName(StrEnum):
    """`watch`: what the API knows of Strategies in memory; `kubernetes`: nodes and pods, read now; `fleetcapacity`:
    what the operator last wrote of them; `postgres`: what was recorded."""

    WATCH = "watch"
    KUBERNETES = "kubernetes"
    PROMETHEUS = "prometheus"
    POSTGRES = "postgres"
    FLEET_CAPACITY = "fleetcapacity"


class SourceState(StrEnum):
    """Without `ok` the figures of that source are null or left out."""

    OK = "ok"
    NOT_CONFIGURED = "not configured"
    UNAVAILABLE = "unavailable"


class DataSource(BaseModel):
    """One source of an answer's figures."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: SourceName
    state: SourceState
    detail: str | None = None
    """Why it is not ok, and what to do."""


class Sources:
    """Collects, while an answer is made, what each source had to say."""

    def __init__(self) -> None:
        self._seen: dict[SourceName, DataSource] = {}

    def told(self) -> list[DataSource]:
        return list(self._seen.values())

    def ok(self, name: SourceName) -> None:
        self._seen.setdefault(name, DataSource(name=name, state=SourceState.OK))

    def missing(self, name: SourceName, state: SourceState, detail: str) -> None:
        self._seen[name] = DataSource(name=name, state=state, detail=detail)

    async def kubernetes(self, asked: Awaitable[T]) -> T | None:
        """The answer, None when Kubernetes gives none."""
        try:
            answer = await asked
        except Problem as problem:
            self.missing(SourceName.KUBERNETES, SourceState.UNAVAILABLE, problem.detail)
            return None
        self.ok(SourceName.KUBERNETES)
        return answer

    async def prometheus(self, asked: Awaitable[T]) -> T | None:
        """The answer, None when Prometheus gives none."""
        try:
            answer = await asked
        except PrometheusError as error:
            self.missing(SourceName.PROMETHEUS, SourceState.UNAVAILABLE, str(error))
            return None
        self.ok(SourceName.PROMETHEUS)
        return answer

    async def postgres(self, asked: Awaitable[T]) -> T | None:
        """The answer, None while the database is away."""
        try:
            answer = await asked
        except (DBAPIError, PoolTimeout) as error:
            away = isinstance(error, OperationalError | InterfaceError | PoolTimeout) or error.connection_invalidated
            if not away:
                raise
            self.missing(SourceName.POSTGRES, SourceState.UNAVAILABLE, "the database does not answer")
            return None
        self.ok(SourceName.POSTGRES)
        return answer

    def configured(self, prometheus: Prometheus | None) -> Prometheus | None:
        """The same, noting that there is none."""
        if prometheus is None:
            self.missing(
                SourceName.PROMETHEUS,
                SourceState.NOT_CONFIGURED,
                f"set {_PROMETHEUS_SETTING} to where your Prometheus is",
            )
        return prometheus

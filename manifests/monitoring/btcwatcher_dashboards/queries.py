"""The two kinds of query that panels ask, and the two data sources that they ask."""

from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS_TYPE: Final = "prometheus"
POSTGRES_TYPE: Final = "grafana-postgresql-datasource"
PROMETHEUS: Final = DataSourceRef(type_val=PROMETHEUS_TYPE, uid="${prometheus_datasource}")
POSTGRES: Final = DataSourceRef(type_val=POSTGRES_TYPE, uid="${postgres_datasource}")

HOURS_SHOWN: Final = "hour BETWEEN $__timeFrom()::timestamptz - interval '1 hour' AND $__timeTo()::timestamptz"
"""Of the hourly roll-up: the hour in which the time shown begins is among them."""


def _id_at(moment: str) -> str:
    return (
        f"(lpad(to_hex((extract(epoch FROM {moment}::timestamptz) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"
    )


SIGNALS_SHOWN: Final = (
    f"$__timeFilter(event_time) AND id >= {_id_at('$__timeFrom()')} AND id <= {_id_at('$__timeTo()')}"
)
"""Of signals. An id begins with its event's millisecond: said as bounds on ids, it tells where in an index to begin."""


def series(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """PromQL over the time shown: a line each series."""
    return prometheus.Dataquery().datasource(PROMETHEUS).expr(expression).range().legend_format(legend)


def now(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """PromQL as of the end of the time shown: a figure each series."""
    return prometheus.Dataquery().datasource(PROMETHEUS).expr(expression).instant().legend_format(legend)


def rows(expression: str) -> prometheus.Dataquery:
    """PromQL as of the end of the time shown: a row each series, a column each label."""
    return now(expression).format(PromQueryFormat.TABLE)


@dataclass(slots=True)
class Sql(Builder[Dataquery], Dataquery):
    """A query of Grafana's Postgres data source; the SDK has none of its own."""

    statement: str
    format: Literal["table", "time_series"]
    ref: str = ""

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana's own editor saves it."""
        return {
            "refId": self.ref,
            "datasource": POSTGRES,
            "editorMode": "code",
            "rawQuery": True,
            "format": self.format,
            "rawSql": " ".join(self.statement.split()),
        }


def sql_rows(statement: str) -> Sql:
    """SQL whose rows are shown as they are."""
    return Sql(statement, "table")


def sql_series(statement: str) -> Sql:
    """SQL with columns `time`, `metric` (the series' name) and one value, ordered by time."""
    return Sql(statement, "time_series")

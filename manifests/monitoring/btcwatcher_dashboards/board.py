"""What all our dashboards have in common, and where each is found by the others."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import Dashboard, DashboardCursorSync, DashboardLinkType

from btcwatcher_dashboards.panels import Panel
from btcwatcher_dashboards.variables import Variable

TAG: Final = "btcwatcher"

TO_STRATEGY: Final = (
    "Open this Strategy",
    "/d/btcwatcher-strategy?var-namespace=${__data.fields.Namespace}&var-strategy=${__data.fields.Strategy}"
    "&var-prometheus_datasource=${prometheus_datasource}&var-postgres_datasource=${postgres_datasource}"
    "&${__url_time_range}",
)


def board(
    uid: str, title: str, description: str, variables: list[Variable], panels: list[Panel], since: str, refresh: str
) -> Dashboard:
    """One dashboard, its panels in reading order: each follows the one before, in rows of 24 columns."""
    made = (
        dashboard.Dashboard(f"BTC Watcher / {title}")
        .uid(f"btcwatcher-{uid}")
        .description(description)
        .tags([TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh(refresh)
        .timezone("browser")
        .link(
            dashboard.DashboardLink("BTC Watcher")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in variables:
        made.with_variable(variable)
    for number, panel in enumerate(panels, 1):
        panel.id(number)
        made.with_panel(panel)
    return made.build()

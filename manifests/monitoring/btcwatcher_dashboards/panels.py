"""How our panels look: each kind in one place, so that all dashboards are read alike."""

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.text import TextMode

from btcwatcher_dashboards.queries import POSTGRES, PROMETHEUS, Sql

Query = prometheus.Dataquery | Sql
Panel = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel | statetimeline.Panel | text.Panel

GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
PURPLE: Final = "purple"
GREY: Final = "#808080"

COUNT: Final = "none"
"""A number of things: whole, without a unit."""
MONEY: Final = "locale"
"""An amount of the currency that the panel's title names."""
RATIO: Final = "percentunit"
SECONDS: Final = "s"
DAYS: Final = "d"
BYTES: Final = "bytes"
PER_MINUTE: Final = "cpm"
PER_SECOND: Final = "reqps"
MOMENT: Final = "dateTimeAsLocal"

LEVEL_COLOURS: Final = {"Strong": PURPLE, "Medium": BLUE, "Weak": GREEN, "Ignore": GREY}
PRIORITY_COLOURS: Final = {"P0": RED, "P1": ORANGE, "P2": BLUE}
OUTCOME_COLOURS: Final = {"Sent": GREEN, "Failed": RED, "Skipped": GREY, "Pending": YELLOW}

Steps = Mapping[float, str]
"""From which value on which colour; below the first it is green."""


def figure(
    title: str,
    description: str,
    query: Query,
    unit: str,
    *,
    steps: Steps | None = None,
    below: str = GREEN,
    span: int = 4,
    decimals: int | None = None,
    name: bool = False,
    otherwise: str | None = None,
) -> stat.Panel:
    """The latest figure, large; with `name` the series' name in its place. `otherwise` is what no data means."""
    panel = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .color_mode(shapes.BigValueColorMode.VALUE)
        .text_mode(shapes.BigValueTextMode.NAME if name else shapes.BigValueTextMode.AUTO)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(steps or {}, below if steps else BLUE))
        .unit(unit)
    )
    if decimals is not None:
        panel.decimals(decimals)
    if otherwise is not None:
        panel.no_value(otherwise)
    _fill(panel, title, description, (query,), span, 4)
    return panel


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    span: int = 12,
    height: int = 8,
    stacked: bool = False,
    steps: Steps | None = None,
    colours: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    least: float | None = 0,
    most: float | None = None,
    stepped: bool = False,
) -> timeseries.Panel:
    """Series over time. With `steps` a dashed line where it begins to matter; `names` says some series in words."""
    panel = (
        timeseries.Panel()
        .unit(unit)
        .line_width(1)
        .fill_opacity(25 if stacked else 8)
        .show_points(shapes.VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(_tooltip())
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    if stepped:
        panel.line_interpolation(shapes.LineInterpolation.STEP_AFTER)
    if steps:
        panel.thresholds(_thresholds(steps, "transparent"))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
    if least is not None:
        panel.min(least)
    if most is not None:
        panel.max(most)
    _colour(panel, colours or {})
    for name, words_for_it in (names or {}).items():
        panel.override_by_name(name, [DynamicConfigValue("displayName", words_for_it)])
    _fill(panel, title, description, queries, span, height)
    return panel


def bars(
    title: str,
    description: str,
    query: Query,
    *,
    span: int = 12,
    colours: Mapping[str, str] | None = None,
    interval: str | None = None,
) -> timeseries.Panel:
    """How many in each interval, stacked by series."""
    panel = (
        timeseries.Panel()
        .unit(COUNT)
        .decimals(0)
        .min(0)
        .draw_style(shapes.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
        .legend(_legend("sum"))
        .tooltip(_tooltip())
    )
    if interval is not None:
        panel.interval(interval)
    _colour(panel, colours or {})
    _fill(panel, title, description, (query,), span, 8)
    return panel


def ranking(
    title: str, description: str, query: Query, unit: str, *, span: int = 8, steps: Steps | None = None
) -> bargauge.Panel:
    """A bar each series, as of now."""
    panel = (
        bargauge.Panel()
        .unit(unit)
        .min(0)
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(_thresholds(steps or {}, GREEN if steps else BLUE))
    )
    _fill(panel, title, description, (query,), span, 8)
    return panel


def listing(
    title: str,
    description: str,
    *queries: Query,
    columns: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    links: Mapping[str, tuple[str, str]] | None = None,
    span: int = 12,
    height: int = 8,
    fixed: bool = False,
) -> table.Panel:
    """A table. `columns`: what is shown, in this order, and under which heading; everything else is left out.

    `units` and `links` (title, URL) are by heading. SQL names its columns itself: pass them as they come, `fixed`.
    """
    panel = table.Panel().cell_height(shapes.TableCellHeight.SM).filterable(True).unit(COUNT)
    if len(queries) > 1:
        panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    if not fixed:
        panel.with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={
                    "includeByName": dict.fromkeys(columns, True),
                    "indexByName": {name: place for place, name in enumerate(columns)},
                    "renameByName": {name: heading for name, heading in columns.items() if name != heading},
                },
            )
        )
    for heading, unit in (units or {}).items():
        panel.override_by_name(heading, [DynamicConfigValue("unit", unit)])
    for heading, (said, url) in (links or {}).items():
        panel.override_by_name(heading, [DynamicConfigValue("links", [{"title": said, "url": url}])])
    _fill(panel, title, description, queries, span, height)
    return panel


def states(title: str, description: str, query: Query, *, span: int = 12, height: int = 8) -> statetimeline.Panel:
    """From when to when each series was there."""
    panel = (
        statetimeline.Panel()
        .unit(COUNT)
        .show_value(shapes.VisibilityMode.NEVER)
        .row_height(0.8)
        .merge_values(True)
        .fill_opacity(80)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(_legend(shown=False))
        .tooltip(_tooltip())
    )
    _fill(panel, title, description, (query,), span, height)
    return panel


def words(title: str, description: str, markdown: str, *, span: int = 12, height: int = 8) -> text.Panel:
    """Text for the reader; variables are filled in."""
    panel = text.Panel().mode(TextMode.MARKDOWN).content(markdown)
    return panel.title(title).description(description).span(span).height(height)


def _fill(
    panel: stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel | statetimeline.Panel,
    title: str,
    description: str,
    queries: tuple[Query, ...],
    span: int,
    height: int,
) -> None:
    panel.title(title).description(description).span(span).height(height)
    panel.datasource(POSTGRES if isinstance(queries[0], Sql) else PROMETHEUS)
    for letter, query in zip(ascii_uppercase, queries, strict=False):
        if isinstance(query, Sql):
            query.ref = letter
        else:
            query.ref_id(letter)
        panel.with_target(query)


def _thresholds(steps: Steps, below: str) -> dashboard.ThresholdsConfig:
    marks = [Threshold(None, below), *(Threshold(value, colour) for value, colour in sorted(steps.items()))]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)


def _colour(panel: timeseries.Panel, colours: Mapping[str, str]) -> None:
    for name, colour in colours.items():
        fixed = {"mode": FieldColorModeId.FIXED, "fixedColor": colour}
        panel.override_by_name(name, [DynamicConfigValue("color", fixed)])


def _legend(*calculations: str, shown: bool = True) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shapes.LegendDisplayMode.LIST)
        .placement(shapes.LegendPlacement.BOTTOM)
        .show_legend(shown)
        .calcs(list(calculations))
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING)

"""docs/conditions.md, made from the constants and their sentences: `python -m btcwatcher_operator.catalogue FILE`."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from btcwatcher_crds import conditions, names, termination
from btcwatcher_crds.bot_metrics import BOT_METRICS, BotMetric
from btcwatcher_crds.notification_metrics import NOTIFICATION_METRICS
from btcwatcher_operator import drift
from btcwatcher_operator.capacity.metrics import CAPACITY_METRICS
from btcwatcher_operator.metrics import METRICS, Metric


def text() -> str:
    """The whole page."""
    types = _members(conditions, "ConditionType")
    reasons = [*_members(conditions, "Reason"), *_members(termination, "TerminationReason")]
    labels = _constants(names, "LABEL_")
    annotations = [*_constants(names, "ANNOTATION_"), *_constants(drift, "ANNOTATION_")]
    parts = [
        "# Conditions, reasons, Events, labels, annotations and metrics",
        "Made from the constants in the code by `python -m btcwatcher_operator.catalogue docs/conditions.md`; "
        "a test compares.",
        *_table("Condition types of a Strategy", "type", types),
        *_table("Reasons", "reason", reasons),
        *_table("Condition types of a Proxy", "type", _members(conditions, "ProxyConditionType")),
        *_table("Reasons of a Proxy's condition", "reason", _members(conditions, "ProxyReason")),
        *_table("Condition types of a NotificationChannel", "type", _members(conditions, "ChannelConditionType")),
        *_table(
            "Reasons of a NotificationChannel's conditions, of attempts and of deliveries",
            "reason",
            _members(conditions, "ChannelReason"),
        ),
        *_table("Condition types of an Exchange", "type", _members(conditions, "ExchangeConditionType")),
        *_table("Reasons of an Exchange's condition", "reason", _members(conditions, "ExchangeReason")),
        *_table("Condition types of the FleetCapacity", "type", _members(conditions, "CapacityConditionType")),
        *_table("Reasons of the FleetCapacity's condition", "reason", _members(conditions, "CapacityReason")),
        *_table(
            "Condition types of a FleetSwitch and a ClusterFleetSwitch",
            "type",
            _members(conditions, "SwitchConditionType"),
        ),
        *_table("Reasons of a fleet switch's conditions", "reason", _members(conditions, "SwitchReason")),
        "## Events",
        "On a Strategy, one for each change: `PortAssigned` when it gets its port of the pool, and the new reason and "
        "message of Ready, ConfigValid, ConfigDrift, LiveNotAllowed, ReconcilePaused or Held when one changes. "
        "Normal when all is well or on its way, else Warning. On a Proxy, the reason and message of Healthy when the "
        "reason changes. On a NotificationChannel: `Paused` and the reason of the first failure (Warning), `Recovered` "
        "(Normal) when a message is taken again, `Rejected` (Warning) when a vendor refuses a message.",
        *_table("Labels", "label", labels),
        *_table("Annotations", "annotation", annotations),
        *_table("Metrics of the operator", "metric", _sentences(METRICS)),
        *_table("Metrics of capacity, of the operator", "metric", _sentences(CAPACITY_METRICS)),
        *_table("Metrics of the collector", "metric", _sentences(BOT_METRICS)),
        *_table("Metrics of the notification worker", "metric", _sentences(NOTIFICATION_METRICS)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(title: str, column: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"## {title}"
    lines = [f"| {column} | |", "|---|---|", *(f"| `{name}` | {sentence} |" for name, sentence in rows)]
    yield "\n".join(line.replace("\n", " ") for line in lines)


def _sentences(metrics: Iterable[Metric | BotMetric]) -> list[tuple[str, str]]:
    return [(_series(metric.name, metric.labels), f"{metric.kind}: {metric.sentence}") for metric in metrics]


def _series(name: str, labels: tuple[str, ...]) -> str:
    return f"{name}{{{','.join(labels)}}}" if labels else name


def _members(module: ModuleType, enum: str) -> list[tuple[str, str]]:
    """Value and sentence of each member of a str enum."""
    tree = ast.parse(inspect.getsource(module))
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == enum]
    return [(getattr(module, enum)[name].value, sentence) for name, sentence in _documented(body)]


def _constants(module: ModuleType, prefix: str) -> list[tuple[str, str]]:
    """Value and sentence of each constant whose name begins so."""
    body = ast.parse(inspect.getsource(module)).body
    return [(getattr(module, name), sentence) for name, sentence in _documented(body) if name.startswith(prefix)]


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Each assigned name and the string that follows it; the sentence is empty where none does."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name):
            continue
        value = after.value if isinstance(after, ast.Expr) else None
        sentence = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
        yield target.id, " ".join(sentence.split())


def main() -> None:
    Path(sys.argv[1]).write_text(text())


if __name__ == "__main__":
    main()

"""A Strategy and the StatefulSet, the Secret and the Job of its revisions, as the operator's cache has them."""

from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import Revision
from btcwatcher_operator.children.secrets import revision_secret

WANTED = Revision("new", {"config.json": "2", "pod-template.json": "{}"})
RUNNING = Revision("old", {"config.json": "1", "pod-template.json": "{}"})


def strategy(restarted_at: str | None = None, ready: str | None = "old", **spec: Any) -> Strategy:
    annotations = {names.ANNOTATION_RESTARTED_AT: restarted_at} if restarted_at else {}
    return Strategy.model_validate(
        {
            "metadata": {"name": "ema", "namespace": "trading", "uid": "u", "annotations": annotations},
            "spec": {
                "strategyName": "Ema",
                "exchange": {"name": "binance", "pairs": ["BTC/USDT"], "credentialsRef": {"name": "k"}},
                "timeframe": "5m",
                **spec,
            },
            "status": {"readyRevision": ready} if ready else {},
        }
    )


def live(restarted_at: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    annotations = {names.ANNOTATION_RESTARTED_AT: restarted_at} if restarted_at else {}
    template = {"metadata": {"labels": {names.LABEL_REVISION: "old"}, "annotations": annotations}}
    return {
        ("StatefulSet", "ema"): {"metadata": {"name": "ema"}, "spec": {"template": template}},
        ("Secret", "ema-old"): revision_secret(strategy(), "old", RUNNING.files),
    }


def job(*, revision: str = "new", condition: str = "", reason: str = "", ended: Any = None) -> Any:
    """The Job that tries a revision, and its pod once that has ended: (exit code, termination message)."""
    labels = {names.LABEL_REVISION: revision, names.LABEL_COMPONENT: names.COMPONENT_PREFLIGHT}
    conditions = [{"type": condition, "status": "True", "reason": reason, "message": "its words"}] if condition else []
    found: dict[tuple[str, str], dict[str, Any]] = {
        ("Job", f"ema-{revision}"): {"metadata": {"labels": labels}, "status": {"conditions": conditions}}
    }
    if ended is not None:
        code, message = ended
        state = {"terminated": {"exitCode": code, "message": message}}
        status = {"containerStatuses": [{"name": names.CONTAINER_PREFLIGHT, "state": state}]}
        found["Pod", f"ema-{revision}-x"] = {"metadata": {"labels": labels}, "status": status}
    return found

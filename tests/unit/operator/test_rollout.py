from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import Revision
from btcwatcher_operator.children.secrets import revision_secret
from btcwatcher_operator.rollout import decide, revision_in_use

WANTED = Revision("new", {"config.json": "2", "pod-template.json": "{}"})
RUNNING = Revision("old", {"config.json": "1", "pod-template.json": "{}"})


def strategy(restarted_at: str | None = None, **spec: Any) -> Strategy:
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
        }
    )


def live(restarted_at: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    annotations = {names.ANNOTATION_RESTARTED_AT: restarted_at} if restarted_at else {}
    template = {"metadata": {"labels": {names.LABEL_REVISION: "old"}, "annotations": annotations}}
    return {
        ("StatefulSet", "ema"): {"metadata": {"name": "ema"}, "spec": {"template": template}},
        ("Secret", "ema-old"): revision_secret(strategy(), "old", RUNNING.files),
    }


@pytest.mark.parametrize(
    ("spec", "waits"),
    [
        ({"mode": "DryRun"}, False),
        ({"mode": "Live"}, True),
        ({"mode": "Live", "updateStrategy": "Auto"}, False),
        ({"mode": "DryRun", "updateStrategy": "Manual"}, True),
        ({"mode": "Live", "state": "Suspended"}, False),
    ],
)
def test_who_decides_when_a_changed_config_runs(spec: dict[str, Any], waits: bool) -> None:
    rollout = decide(strategy(**spec), WANTED, live())
    assert rollout.revision == (RUNNING if waits else WANTED)
    assert (rollout.drift is not None) is waits


def test_the_sentence_names_what_changed_and_the_command() -> None:
    drift = decide(strategy(mode="Live"), WANTED, live()).drift
    assert drift is not None
    assert "config.json changed" in drift
    assert "kubectl -n trading annotate strategy ema --overwrite btcwatcher.io/restartedAt=" in drift


def test_a_new_restart_annotation_is_the_users_word() -> None:
    asked = strategy("2026-11-23T10:00:00Z", mode="Live")
    assert decide(asked, WANTED, live()).revision == WANTED
    assert decide(asked, WANTED, live("2026-11-23T10:00:00Z")).revision == RUNNING


def test_a_first_revision_waits_for_nobody() -> None:
    assert decide(strategy(mode="Live"), WANTED, {}).revision == WANTED


def test_a_lost_revision_cannot_be_kept() -> None:
    without_secret = {key: obj for key, obj in live().items() if key[0] != "Secret"}
    assert decide(strategy(mode="Live"), WANTED, without_secret).revision == WANTED


def test_a_revision_is_in_use_while_a_pod_has_it() -> None:
    pods = {("Pod", "ema-0"): {"metadata": {"labels": {names.LABEL_REVISION: "older"}}}}
    assert revision_in_use({**live(), **pods}) == {"old", "older"}

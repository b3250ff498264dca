"""A Strategy in, its children out. Renew the expected files after a wanted change with --update-golden."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import children, render_revision, trial
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.children.stateful_set import GRACE_PERIOD_SECONDS
from btcwatcher_operator.platform import Platform

HERE = Path(__file__).parent
INPUTS = sorted(path.stem for path in (HERE / "input").glob("*.yaml"))

PLATFORM = Platform(
    webhook_url="http://btcwatcher-api.btcwatcher.svc:8000",
    webhook_key=b"a webhook key for tests only, 32+",
    bot_key=b"a bot key for tests only, 32 bytes+",
    image="btcwatcher/freqtrade:2026.9",
    base_domain="bots.example.com",
    ingress_class="nginx",
    exchange_defaults={"binance": {"exchange": {"enable_ws": False}}},
)


def load(name: str) -> Strategy:
    return Strategy.model_validate(yaml.safe_load((HERE / "input" / f"{name}.yaml").read_text()))


def build(strategy: Strategy, platform: Platform = PLATFORM, port: int = 8081) -> list[dict[str, Any]]:
    source = strategy.spec.source.inline if strategy.spec.source else None
    restarted_at = strategy.metadata.annotations.get(names.ANNOTATION_RESTARTED_AT)
    revision = render_revision(strategy, platform, port, source, ways(strategy))
    return children(strategy, platform, port, revision, restarted_at)


def ways(strategy: Strategy) -> list[ProxySource]:
    return [ProxySource(one.name, f"{one.name}-proxy", "url") for one in strategy.spec.exchange.proxy_refs]


def readable(child: dict[str, Any]) -> dict[str, Any]:
    """Secrets decoded, JSON inside them opened, so that a reviewer reads what the bot reads."""
    if child["kind"] != "Secret":
        return child
    files = {}
    for name, data in child["data"].items():
        text = base64.b64decode(data).decode()
        files[name] = json.loads(text) if name.endswith(".json") else text
    return {**child, "data": files}


@pytest.mark.parametrize("name", INPUTS)
def test_children(name: str, request: pytest.FixtureRequest) -> None:
    expected = HERE / "output" / f"{name}.yaml"
    built = yaml.safe_dump_all([readable(child) for child in build(load(name))], sort_keys=True, width=110)
    if request.config.getoption("--update-golden"):
        expected.write_text(built)
    assert built == expected.read_text()


@pytest.mark.parametrize("name", INPUTS)
def test_the_job_that_tries_a_revision(name: str, request: pytest.FixtureRequest) -> None:
    strategy = load(name)
    source = strategy.spec.source.inline if strategy.spec.source else None
    revision = render_revision(strategy, PLATFORM, 8081, source, ways(strategy))
    secret, job = trial(strategy, revision)
    expected = HERE / "output" / f"{name}-preflight.yaml"
    built = yaml.safe_dump(job, sort_keys=True, width=110)
    if request.config.getoption("--update-golden"):
        expected.write_text(built)
    assert built == expected.read_text()
    assert secret["metadata"]["name"] == job["metadata"]["name"], "a Job's name is that of what it tries"


def test_the_job_sees_neither_credentials_nor_the_bots_data() -> None:
    strategy = load("everything")
    _, job = trial(strategy, render_revision(strategy, PLATFORM, 8081, "source"))
    pod = job["spec"]["template"]
    assert "okx-main" not in json.dumps(pod)
    assert "persistentVolumeClaim" not in json.dumps(pod)
    selector = next(child for child in build(strategy) if child["kind"] == "Service")["spec"]["selector"]
    assert any(pod["metadata"]["labels"].get(label) != value for label, value in selector.items())


def edited(strategy: Strategy, **spec: Any) -> Strategy:
    dumped = strategy.model_dump(by_alias=True, mode="json", exclude_unset=True)
    return Strategy.model_validate({**dumped, "spec": {**dumped["spec"], **spec}})


def revision_of(built: list[dict[str, Any]]) -> str:
    stateful_set = next(child for child in built if child["kind"] == "StatefulSet")
    label: str = stateful_set["spec"]["template"]["metadata"]["labels"][names.LABEL_REVISION]
    return label


@pytest.mark.parametrize(
    ("path", "value", "restarts"),
    [
        (("timeframe",), "15m", True),
        (("exchange", "pairs"), ["BTC/USDT"], True),
        (("config",), {"minimal_roi": {"0": 0.1}}, True),
        (("image",), "other/freqtrade:1", True),
        (("resources",), {"requests": {"cpu": "2"}}, True),
        (("signals",), {"thresholds": {"strong": "0.99"}, "tokenGeneration": 9}, False),
        (("state",), "Paused", False),
        (("state",), "Suspended", False),
        (("expose",), {"enabled": False}, False),
        (("storage",), {"size": "2Gi"}, False),
        (("updateStrategy",), "Manual", False),
    ],
)
def test_what_restarts_a_bot(path: tuple[str, ...], value: Any, restarts: bool) -> None:
    manifest = yaml.safe_load((HERE / "input" / "minimal.yaml").read_text())
    before = revision_of(build(Strategy.model_validate(manifest)))
    target = manifest["spec"]
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    assert (revision_of(build(Strategy.model_validate(manifest))) != before) is restarts


def test_no_secret_stands_outside_a_secret() -> None:
    strategy = load("everything")
    built = build(strategy)
    decoded = [readable(child) for child in built if child["kind"] == "Secret"]
    access = next(child for child in decoded if child["metadata"]["name"] == names.access_secret("breakout"))
    token = access["data"][names.NETRC_FILE].split()[-1]
    secrets = [token, *access["data"][names.API_SERVER_FILE]["api_server"].values()]
    elsewhere = json.dumps([child for child in built if child["kind"] != "Secret"])
    for secret in secrets:
        assert secret == "operator" or secret not in elsewhere


def test_a_revision_says_what_its_strategy_asks_for_and_nothing_of_the_platform() -> None:
    strategy = load("minimal")
    first = render_revision(strategy, PLATFORM, 8081, "source")
    of_platform = render_revision(strategy, replace(PLATFORM, image="another", hang_seconds=60), 8081, "source")
    assert of_platform.name != first.name
    assert of_platform.asked == first.asked
    for changed in (
        render_revision(edited(strategy, timeframe="15m"), PLATFORM, 8081, "source"),
        render_revision(edited(strategy, image=PLATFORM.image), PLATFORM, 8081, "source"),
        render_revision(edited(strategy, config={"process_only_new_candles": False}), PLATFORM, 8081, "source"),
        render_revision(strategy, PLATFORM, 8081, "another source"),
        render_revision(strategy, PLATFORM, 8082, "source"),
    ):
        assert changed.asked != first.asked
    for same in ({"state": "Paused"}, {"signals": {"tokenGeneration": 2}}, {"mode": "DryRun"}):
        assert render_revision(edited(strategy, **same), PLATFORM, 8081, "source").asked == first.asked


def test_the_init_process_of_the_image_is_pid_1_and_every_bot_may_take_its_time_to_start_and_to_end() -> None:
    dockerfile = (HERE.parents[1] / "images/freqtrade/Dockerfile").read_text()
    assert 'ENTRYPOINT ["tini", "--", ' in dockerfile
    for name in INPUTS:
        (template,) = [one["spec"]["template"] for one in build(load(name)) if one["kind"] == "StatefulSet"]
        bot, preflight = template["spec"]["containers"][0], template["spec"]["initContainers"][0]
        assert "command" not in bot, "it would take the image's entry point away"
        assert "command" not in preflight
        startup, liveness = bot["startupProbe"], bot["livenessProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 900
        assert liveness["periodSeconds"] * liveness["failureThreshold"] <= 60
        # tests/integration/bot/test_patience.py holds it against a webhook that hangs.
        assert template["spec"]["terminationGracePeriodSeconds"] == GRACE_PERIOD_SECONDS

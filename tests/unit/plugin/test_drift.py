"""What is shown of a change before somebody agrees to it, held against what the operator renders."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import render_revision
from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.platform import Platform
from btcwatcher_plugin.drift import differences

Object = dict[str, Any]

INPUTS = Path(__file__).parents[2] / "golden" / "input"
PLATFORM = Platform(
    webhook_url="http://btcwatcher-api.btcwatcher.svc:8000",
    webhook_key=b"a webhook key for tests only, 32+",
    bot_key=b"a bot key for tests only, 32 bytes+",
    image="btcwatcher/freqtrade:2026.9",
    base_domain="bots.example.com",
    ingress_class="nginx",
    exchange_defaults={"binance": {"exchange": {"enable_ws": False}}},
)


def strategy(name: str) -> Object:
    found: Object = yaml.safe_load((INPUTS / f"{name}.yaml").read_text())
    return found


def rendered(manifest: Object) -> tuple[Object, dict[str, str]]:
    """The spec with its defaults, as the API server has it, and the files of its revision."""
    read = Strategy.model_validate(manifest)
    source = read.spec.source.inline if read.spec.source else None
    proxies = [ProxySource(one.name, f"{one.name}-proxy", "url") for one in read.spec.exchange.proxy_refs]
    spec: Object = read.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return spec, render_revision(read, PLATFORM, 8081, source, proxies).files


@pytest.mark.parametrize("name", sorted(path.stem for path in INPUTS.glob("*.yaml")))
def test_what_runs_differs_in_nothing_from_its_own_spec(name: str) -> None:
    spec, files = rendered(strategy(name))
    assert differences(spec, files) == []


def test_every_setting_that_changed_is_a_line() -> None:
    manifest = strategy("minimal")
    _, running = rendered(manifest)
    changed = copy.deepcopy(manifest)
    changed["spec"] |= {
        "timeframe": "15m",
        "strategyName": "Other",
        "mode": "Live",
        "stake": {"currency": "USDC", "amount": "unlimited", "maxOpenTrades": 7, "dryRunWallet": "2500.5"},
        "config": {"stoploss": -0.1, "external": {"api_key": "hunter2secret"}},
        "image": "mine:2",
        "resources": {"requests": {"cpu": "100m"}},
        "source": {"inline": "class Other: pass\n"},
    }
    changed["spec"]["exchange"] |= {"pairs": ["SOL/USDT"], "credentialsRef": {"name": "keys"}}
    spec, _ = rendered(changed)
    lines = differences(spec, running)
    text = "\n".join(lines)
    for expected in (
        "mode: DryRun -> Live",
        "timeframe: 5m -> 15m",
        "stake.currency: USDT -> USDC",
        "stake.amount: 100 -> unlimited",
        "stake.maxOpenTrades: 3 -> 7",
        "stake.dryRunWallet: 1000 -> 2500.5",
        "config.stoploss: not set -> -0.1",
        "image: btcwatcher/freqtrade:2026.9 -> mine:2",
        "resources.requests.cpu: 50m -> 100m",
        "+class Other: pass",
    ):
        assert expected in lines, text
    assert any(line.startswith("exchange.pairs: +SOL/USDT -") for line in lines)
    assert "hunter2secret" not in text
    assert "config.external.api_key" in text

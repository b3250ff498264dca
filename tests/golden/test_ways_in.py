"""A platform's settings in, the way to a bot from outside. Renew the expected files with --update-golden."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import children, render_revision, url
from btcwatcher_operator.platform import Gateway, Platform

HERE = Path(__file__).parent

PLATFORM = Platform(
    webhook_url="http://btcwatcher-api.btcwatcher.svc:8000",
    webhook_key=b"a webhook key for tests only, 32+",
    bot_key=b"a bot key for tests only, 32 bytes+",
    image="btcwatcher/freqtrade:2026.9",
    base_domain="bots.example.com",
)

PLATFORMS = {
    "ingress-bare": PLATFORM,
    "ingress-tls": replace(
        PLATFORM,
        ingress_class="traefik",
        ingress_tls_secret="bots-wildcard",
        ingress_annotations={"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"},
    ),
    "gateway-by-host": replace(PLATFORM, gateway=Gateway("web", "gateways", "https")),
    "gateway-by-path": replace(PLATFORM, url_port=8443, gateway=Gateway("web", "gateways", by_path=True)),
}

KINDS = ("Ingress", "HTTPRoute")


@pytest.mark.parametrize("name", PLATFORMS)
def test_way_in(name: str, request: pytest.FixtureRequest) -> None:
    strategy = Strategy.model_validate(yaml.safe_load((HERE / "input" / "minimal.yaml").read_text()))
    platform = PLATFORMS[name]
    built = children(strategy, platform, 8081, render_revision(strategy, platform, 8081, None))
    (way,) = [child for child in built if child["kind"] in KINDS]
    expected = HERE / "output" / "ways_in" / f"{name}.yaml"
    text = yaml.safe_dump({"url": url(strategy, platform), "child": way}, sort_keys=True, width=110)
    if request.config.getoption("--update-golden"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_no_way_in_where_the_platform_has_no_domain_or_the_strategy_wants_none() -> None:
    manifest = yaml.safe_load((HERE / "input" / "minimal.yaml").read_text())
    hidden = {**manifest, "spec": {**manifest["spec"], "expose": {"enabled": False}}}
    for spec, platform in ((manifest, replace(PLATFORM, base_domain="")), (hidden, PLATFORM)):
        strategy = Strategy.model_validate(spec)
        built = children(strategy, platform, 8081, render_revision(strategy, platform, 8081, None))
        assert [child["kind"] for child in built if child["kind"] in KINDS] == []
        assert url(strategy, platform) is None

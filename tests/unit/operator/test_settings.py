"""The operator's settings refuse what cannot work, and say which variable to change."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from btcwatcher_operator.platform import Gateway
from btcwatcher_operator.settings import Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("webhook", "bot"):
        (tmp_path / name).write_text(f"a {name} key of at least thirty-two bytes")
        monkeypatch.setenv(f"BTCWATCHER_{name.upper()}_KEY_FILE", str(tmp_path / name))
    monkeypatch.setenv("BTCWATCHER_WEBHOOK_URL", "http://api:8000")
    monkeypatch.setenv("BTCWATCHER_BASE_DOMAIN", "bots.example.com")
    return monkeypatch


def test_ways_in_reach_the_platform(environment: pytest.MonkeyPatch) -> None:
    assert Settings().platform().gateway is None
    environment.setenv("BTCWATCHER_INGRESS_ANNOTATIONS", '{"a/b": "c"}')
    environment.setenv("BTCWATCHER_INGRESS_TLS_SECRET", "wildcard")
    environment.setenv("BTCWATCHER_GATEWAY_NAME", "web")
    environment.setenv("BTCWATCHER_GATEWAY_NAMESPACE", "gateways")
    environment.setenv("BTCWATCHER_GATEWAY_ROUTE_BY", "path")
    platform = Settings().platform()
    assert platform.ingress_annotations == {"a/b": "c"}
    assert platform.ingress_tls_secret == "wildcard"
    assert platform.gateway == Gateway("web", "gateways", by_path=True)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"GATEWAY_NAME": "web"}, "BTCWATCHER_GATEWAY_NAME and BTCWATCHER_GATEWAY_NAMESPACE go together"),
        ({"GATEWAY_NAMESPACE": "gateways"}, "go together: set both or none"),
        (
            {"GATEWAY_NAME": "web", "GATEWAY_NAMESPACE": "gateways", "BASE_DOMAIN": ""},
            "BTCWATCHER_GATEWAY_NAME needs BTCWATCHER_BASE_DOMAIN",
        ),
        ({"GATEWAY_ROUTE_BY": "port"}, "Input should be 'host' or 'path'"),
    ],
)
def test_refused(environment: pytest.MonkeyPatch, variables: dict[str, str], sentence: str) -> None:
    for name, value in variables.items():
        environment.setenv(f"BTCWATCHER_{name}", value)
    with pytest.raises(ValidationError, match=sentence):
        Settings()

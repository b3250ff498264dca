"""The operator's settings refuse what cannot work, and say which variable to change."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from btcwatcher_operator.platform import Gateway, Shared
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


def test_capacity_is_measured_by_an_operator_of_all_namespaces(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    types = tmp_path / "types.yaml"
    types.write_text("- {name: small, cpu: '2', memory: 4Gi, price: '30.50'}\n- {name: big, cpu: 16, memory: 32Gi}\n")
    environment.setenv("BTCWATCHER_EXCHANGE_BUDGET", '{"binance": 3}')
    environment.setenv("BTCWATCHER_PROMETHEUS_URL", "http://prometheus:9090/")
    environment.setenv("BTCWATCHER_NODE_TYPES_FILE", str(types))
    with pytest.raises(ValueError, match=f"BTCWATCHER_NODE_TYPES_FILE {types}: 1.cpu: Input should be a valid string"):
        Settings().capacity()
    types.write_text(types.read_text().replace("16", "'16'"))
    setup = Settings().capacity()
    assert setup is not None
    assert [(one.name, one.pods, str(one.price)) for one in setup.catalogue] == [
        ("small", 110, "30.50"),
        ("big", 110, "None"),
    ]
    assert (setup.exchange_budget, setup.prometheus_url) == ({"binance": 3}, "http://prometheus:9090")
    assert setup.bot == {"cpu": 50, "memory": 256 * 2**20}
    environment.setenv("BTCWATCHER_NAMESPACES", "trading")
    assert Settings().capacity() is None
    environment.setenv("BTCWATCHER_NAMESPACES", "")
    environment.setenv("BTCWATCHER_CAPACITY_SECONDS", "0")
    assert Settings().capacity() is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is no YAML"),
        ("a: b", "the whole: Input should be a valid tuple"),
        ("- {name: a, cpu: '1', memory: 1Gi, prize: 3}", "0.prize: Extra inputs are not permitted"),
        ("- {name: a, cpu: one, memory: 1Gi}", "0.cpu: String should match pattern"),
        ("- &a {name: a, cpu: '1', memory: 1Gi}\n- *a", "a is there twice"),
    ],
)
def test_a_catalogue_that_cannot_be_read(
    environment: pytest.MonkeyPatch, tmp_path: Path, text: str, sentence: str
) -> None:
    types = tmp_path / "types.yaml"
    types.write_text(text)
    environment.setenv("BTCWATCHER_NODE_TYPES_FILE", str(types))
    with pytest.raises(ValueError, match=f"BTCWATCHER_NODE_TYPES_FILE {types}: {sentence}"):
        Settings().capacity()


def test_what_bots_share_is_read_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Settings().shared() == Shared()
    network = tmp_path / "network.yaml"
    environment.setenv("BTCWATCHER_BOT_NETWORK_FILE", str(network))
    environment.setenv("BTCWATCHER_BOT_IMAGE_PULL_SECRETS", "one, two")
    network.write_text("ingress: []\negress: [{ports: [{port: 443}]}]\n")
    assert Settings().shared() == Shared(("one", "two"), {"ingress": [], "egress": [{"ports": [{"port": 443}]}]})
    for wrong in ("", "[]", "egress: []", "ingress: []\negress: {}", "ingress: []\negress: [a]"):
        network.write_text(wrong)
        with pytest.raises(ValueError, match=f"BTCWATCHER_BOT_NETWORK_FILE {network}: must hold ingress and egress"):
            Settings().shared()

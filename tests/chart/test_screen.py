"""The fleet screen: there when it is wanted, with the bot key and nothing else of the platform's, kept to its bots."""

from typing import Any

import pytest

from btcwatcher_api.screen.settings import ScreenSettings
from support import chart
from support.chart import Object, environment, one, rendered
from support.reach import Address, End, Pod, reaches

ON: dict[str, Any] = {"screen": {"enabled": True}}
INTERNET = Address("203.0.113.7")
BOT = Pod("trading", {"app.kubernetes.io/component": "bot"})
POSTGRES = Pod("databases", {"cnpg.io/cluster": "desk"})
STRANGER = Pod("elsewhere")
SCREEN = Pod(
    chart.NAMESPACE,
    {
        "app.kubernetes.io/name": "btc-watcher",
        "app.kubernetes.io/instance": chart.RELEASE,
        "app.kubernetes.io/component": "screen",
    },
)


def of_the_screen(values: dict[str, Any]) -> list[Object]:
    return [item for item in rendered(values) if item["metadata"]["name"].endswith("-screen")]


def pod(values: dict[str, Any]) -> Any:
    return one(rendered(values), "Deployment", "btcwatcher-screen")["spec"]["template"]["spec"]


def test_it_is_off_until_it_is_wanted() -> None:
    assert of_the_screen({}) == []
    assert {item["kind"] for item in of_the_screen(ON)} == {
        "Deployment", "Service", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "NetworkPolicy"
    }  # fmt: skip


def test_the_process_takes_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = pod({"screen": {"enabled": True, "publicUrl": "https://frequi.example.com"}})["containers"]
    assert container["args"] == ["screen"]
    found = environment(container)
    assert found.keys() <= {f"BTCWATCHER_{name.upper()}" for name in ScreenSettings.model_fields}
    for name, value in found.items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "postgresql://database")
    settings = ScreenSettings()
    assert settings.secure
    assert {settings.port, settings.metrics_port} == {port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"


def test_of_the_platforms_keys_it_has_the_bot_key_only() -> None:
    volumes = {volume["name"]: volume for volume in pod(ON)["volumes"]}
    assert volumes["keys"]["secret"]["items"] == [{"key": "bot", "path": "bot"}]
    _, copying = pod(ON)["initContainers"]
    assert [mount["name"] for mount in copying["volumeMounts"]] == ["frequi"], "FreqUI's image sees no key"
    assert not environment(copying)


def test_frequi_comes_out_of_freqtrades_own_image() -> None:
    _, copying = pod(ON)["initContainers"]
    assert copying["image"] == "docker.io/freqtradeorg/freqtrade:2026.9"
    assert copying["command"] == ["cp", "-R", "/freqtrade/freqtrade/rpc/api_server/ui/installed/.", "frequi/"]
    (container,) = pod(ON)["containers"]
    assert {"name": "frequi", "mountPath": "/btcwatcher/frequi", "readOnly": True} in container["volumeMounts"]


def test_it_sees_the_strategies_and_nothing_else() -> None:
    role = one(rendered(ON), "ClusterRole", "btcwatcher-btcwatcher-screen")
    assert role["rules"] == [{"apiGroups": ["btcwatcher.io"], "resources": ["strategies"], "verbs": ["list", "watch"]}]


@pytest.mark.parametrize(
    ("source", "target", "port", "through"),
    [
        (INTERNET, SCREEN, 8006, True),
        (INTERNET, SCREEN, 8007, False),
        (STRANGER, SCREEN, 8007, True),
        (SCREEN, BOT, 8081, True),
        (SCREEN, BOT, 9080, True),
        (SCREEN, BOT, 22, False),
        (SCREEN, STRANGER, 8081, False),
        (SCREEN, POSTGRES, 5432, True),
        (SCREEN, INTERNET, 8443, False),
    ],
)
def test_it_reaches_the_bots_and_little_else(source: End, target: End, port: int, through: bool) -> None:
    policies = [each for each in rendered(ON) if each["kind"] == "NetworkPolicy"]
    assert reaches(policies, source, target, port) is through


def test_a_host_name_leads_to_it() -> None:
    host = "frequi.example.com"
    ways = {
        "ingress": {"enabled": True, "host": host, "tlsSecret": "tls"},
        "httpRoute": {"enabled": True, "gateway": {"name": "public"}, "hostnames": [host]},
    }
    found = rendered({"screen": {"enabled": True, **ways}})
    ingress = one(found, "Ingress", "btcwatcher-screen")["spec"]
    assert ingress["rules"][0]["host"] == host
    assert ingress["rules"][0]["http"]["paths"][0]["path"] == "/"
    assert ingress["tls"] == [{"hosts": [host], "secretName": "tls"}]
    route = one(found, "HTTPRoute", "btcwatcher-screen")["spec"]
    assert route["hostnames"] == [host]
    assert route["rules"][0]["backendRefs"][0]["port"] == 8006


@pytest.mark.parametrize(
    ("screen", "why"),
    [
        ({"ingress": {"enabled": True}}, "screen.ingress.host"),
        ({"httpRoute": {"enabled": True, "gateway": {"name": "public"}}}, "screen.httpRoute.hostnames"),
        ({"metricsPort": 8006}, "must differ"),
        ({"publicUrl": "https://example.com/frequi"}, "publicUrl"),
    ],
)
def test_what_cannot_work_is_refused(screen: dict[str, Any], why: str) -> None:
    assert why in chart.refusal({"screen": {"enabled": True, **screen}})

"""What each process is told, which files it sees, and how it is kept going."""

import json
from typing import Any

import pytest
import yaml

from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.market.settings import MarketSettings
from btcwatcher_api.notifications.worker.settings import WorkerSettings
from btcwatcher_api.settings import Settings as ApiSettings
from btcwatcher_operator.settings import Settings as OperatorSettings
from support import chart
from support.chart import Object, environment, one
from support.chart_values import VARIANTS

PROCESSES = {"operator": [], "api": ["serve"], "worker": ["worker"], "collector": ["collect"], "market": ["market"]}
SETTINGS = {
    "operator": OperatorSettings,
    "api": ApiSettings,
    "worker": WorkerSettings,
    "collector": CollectorSettings,
    "market": MarketSettings,
}
KEYS = {
    "operator": {"webhook", "bot"},
    "api": {"webhook", "signing", "read-token"},
    "worker": set[str](),
    "collector": {"bot"},
    "market": set[str](),
}


def deployment(component: str, variant: str = "default") -> Object:
    fullname = "trade-watch" if variant == "namespaced" else "btcwatcher"
    return one(chart.rendered(VARIANTS[variant], database={}), "Deployment", f"{fullname}-{component}")


def pod(component: str, variant: str = "default") -> Any:
    return deployment(component, variant)["spec"]["template"]["spec"]


def main(component: str, variant: str = "default") -> Any:
    (container,) = pod(component, variant)["containers"]
    return container


@pytest.mark.parametrize("component", PROCESSES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_process_takes_its_environment(component: str, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable is a setting of the process, and its value is one that it takes."""
    found = environment(main(component, variant))
    kind: Any = SETTINGS[component]
    known = {f"BTCWATCHER_{name.upper()}" for name in kind.model_fields}
    assert found.keys() <= known
    for name, value in found.items():
        # What only a running pod knows.
        given = {"fieldRef": "somewhere", "secretKeyRef": "postgresql://database"}
        monkeypatch.setenv(name, value if isinstance(value, str) else given[next(iter(value))])
    kind()


@pytest.mark.parametrize("component", PROCESSES)
def test_a_process_sees_the_keys_that_it_may_have(component: str) -> None:
    volumes = {volume["name"]: volume for volume in pod(component)["volumes"]}
    mounts = {mount["name"]: mount for mount in main(component)["volumeMounts"]}
    if not KEYS[component]:
        assert "keys" not in volumes
        return
    secret = volumes["keys"]["secret"]
    assert secret["secretName"] == "btcwatcher-keys"
    assert {item["key"] for item in secret["items"]} == KEYS[component]
    assert all(item["key"] == item["path"] for item in secret["items"])
    assert mounts["keys"] == {"name": "keys", "mountPath": "/btcwatcher/keys", "readOnly": True}
    files = {value for name, value in environment(main(component)).items() if name.endswith(("KEY_FILE", "TOKEN_FILE"))}
    assert files == {f"keys/{name}" for name in KEYS[component]}


@pytest.mark.parametrize("component", ["api", "worker", "collector"])
def test_the_schema_is_brought_up_to_date_before_a_process_starts(component: str) -> None:
    (migrate,) = pod(component)["initContainers"]
    assert migrate["args"] == ["migrate"]
    assert environment(migrate) == {
        "BTCWATCHER_DATABASE_URL": {"secretKeyRef": {"name": "btcwatcher-database", "key": "uri"}}
    }
    assert environment(main(component)).items() >= environment(migrate).items()


@pytest.mark.parametrize("component", ["operator", "market"])
def test_some_know_no_database(component: str) -> None:
    assert "initContainers" not in pod(component)
    assert not [name for name in environment(main(component)) if "DATABASE" in name]


@pytest.mark.parametrize("component", PROCESSES)
def test_each_container_says_which_process_it_is_and_where_its_files_are(component: str) -> None:
    container = main(component)
    assert container.get("args", []) == PROCESSES[component]
    assert "command" not in container, "the image's own: its init process"
    assert container["workingDir"] == "/btcwatcher"
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert pod(component)["serviceAccountName"] == f"btcwatcher-{component}"


@pytest.mark.parametrize("component", PROCESSES)
def test_probes_ask_the_port_that_is_served(component: str) -> None:
    container = main(component)
    (port,) = container["ports"]
    env = environment(container)
    assert str(port["containerPort"]) == env.get("BTCWATCHER_METRICS_PORT", env.get("BTCWATCHER_PORT"))
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}


def test_bots_find_the_api_at_its_service() -> None:
    service = one(chart.rendered(), "Service", "btcwatcher-api")
    (port,) = service["spec"]["ports"]
    url = environment(main("operator"))["BTCWATCHER_WEBHOOK_URL"]
    assert url == f"http://btcwatcher-api.btcwatcher.svc:{port['port']}"
    assert environment(main("operator", "everything"))["BTCWATCHER_WEBHOOK_URL"] == "http://127.0.0.1:18000"


def test_bots_find_the_cache_at_its_service_where_there_is_one() -> None:
    (port,) = one(chart.rendered(), "Service", "btcwatcher-market")["spec"]["ports"]
    assert (
        environment(main("operator"))["BTCWATCHER_MARKET_URL"]
        == f"http://btcwatcher-market.btcwatcher.svc:{port['port']}"
    )
    assert environment(main("operator", "everything"))["BTCWATCHER_MARKET_URL"] == "http://127.0.0.1:18090"
    off = chart.rendered({"market": {"enabled": False}})
    assert not [item for item in off if item["metadata"]["name"].endswith("-market")]
    (operator,) = one(off, "Deployment", "btcwatcher-operator")["spec"]["template"]["spec"]["containers"]
    assert "BTCWATCHER_MARKET_URL" not in environment(operator)
    blind = chart.rendered({"namespaces": ["desk"], "rbac": {"exchanges": False}})
    (operator,) = one(blind, "Deployment", "btcwatcher-operator")["spec"]["template"]["spec"]["containers"]
    assert "BTCWATCHER_MARKET_URL" not in environment(operator), "nobody sees Exchanges"


def test_the_cache_sees_the_proxies_that_it_is_given_and_waits_for_none() -> None:
    assert [volume["name"] for volume in pod("market")["volumes"]] == ["tmp"]
    volumes = {volume["name"]: volume for volume in pod("market", "everything")["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in main("market", "everything")["volumeMounts"]}
    assert volumes["proxy-tokyo-proxy"]["secret"] == {
        "secretName": "tokyo.proxy",
        "defaultMode": 0o440,
        "optional": True,
    }
    folder = environment(main("market"))["BTCWATCHER_MARKET_PROXIES"]
    assert mounts["proxy-tokyo-proxy"] == f"/btcwatcher/{folder}/tokyo.proxy"


def test_there_is_one_cache_and_it_is_elsewhere_soon_when_its_node_is_lost() -> None:
    assert deployment("market")["spec"]["replicas"] == 1
    assert "market.replicas" in chart.refusal({"market": {"replicas": 2}}).replace("/", ".")
    assert {one["tolerationSeconds"] for one in pod("market")["tolerations"]} == {30}


def test_the_operator_restarts_when_what_it_read_at_its_start_changes() -> None:
    def checksum(variant: str) -> str:
        found: str = deployment("operator", variant)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum("default") == checksum("namespaced")
    assert checksum("default") != checksum("everything")
    values = VARIANTS["everything"]
    data = one(chart.rendered(values, database={}), "ConfigMap", "btcwatcher-operator")["data"]
    assert yaml.safe_load(data["exchange-defaults.yaml"]) == values["bots"]["exchangeDefaults"]
    assert yaml.safe_load(data["node-types.yaml"]) == values["capacity"]["nodeTypes"]


def test_settings_of_the_operator_follow_their_values() -> None:
    env = environment(main("operator", "everything"))
    assert env["BTCWATCHER_BOT_IMAGE"] == "registry.example.com/trading/trading/freqtrade:2026.9"
    assert env["BTCWATCHER_GATEWAY_ROUTE_BY"] == "path"
    assert env["BTCWATCHER_ROLLOUT_PERCENT"] == "2.5"
    assert env["BTCWATCHER_PROMETHEUS_TOKEN_FILE"] == "prometheus/token"
    assert env["BTCWATCHER_RESYNC_SECONDS"] == "300"
    assert json.loads(env["BTCWATCHER_EXCHANGE_BUDGET"]) == {"binance": 3}
    assert json.loads(env["BTCWATCHER_INGRESS_ANNOTATIONS"]) == {"cert-manager.io/cluster-issuer": "letsencrypt"}


def test_the_lease_is_where_the_operator_watches() -> None:
    env = environment(main("operator"))
    assert env["BTCWATCHER_LEASE_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert env["BTCWATCHER_REPLICA"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    namespaced = environment(main("operator", "namespaced"))
    assert namespaced["BTCWATCHER_NAMESPACES"] == "desk-a,desk-b"
    assert "BTCWATCHER_LEASE_NAMESPACE" not in namespaced


def test_a_new_version_takes_over_before_the_old_one_goes() -> None:
    assert deployment("api")["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    assert main("api")["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert deployment("worker", "everything")["spec"]["strategy"] == {"type": "Recreate"}
    assert "replicas" not in deployment("api", "everything")["spec"], "the autoscaler's"
    assert deployment("operator")["spec"]["replicas"] == 2


def test_pods_carry_what_values_give_them() -> None:
    template = deployment("operator", "everything")["spec"]["template"]
    assert template["metadata"]["labels"]["extra"] == "label"
    assert template["metadata"]["annotations"]["extra"] == "annotation"
    given = VARIANTS["everything"]["operator"]
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert template["spec"][field] == given[field]
    assert template["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    stolen = {"operator": {"podLabels": {"app.kubernetes.io/component": "api"}}}
    labels = one(chart.rendered(stolen), "Deployment", "btcwatcher-operator")["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "operator"

"""One API server behind a proxy that goes wrong, an operator that is started again when it ends, and what must hold."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.build import children, render_revision
from btcwatcher_operator.drift import differences, stamped
from btcwatcher_operator.settings import Settings
from support.kubectl import REPOSITORY
from support.operator_fork import Supervised
from support.shared_objects import NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from btcwatcher_operator.platform import Platform
    from support.apiservers import ApiServer
    from support.faultproxy import FaultProxy, Seen
    from support.operator_fork import Forge

Object = dict[str, Any]
ChildKey = tuple[str, str]

KINDS = {
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "Service": ("api/v1", "services"),
    "Secret": ("api/v1", "secrets"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "Job": ("apis/batch/v1", "jobs"),
}
STRATEGIES = f"apis/{names.API_VERSION}"

PATIENT = {
    "REQUEST_TIMEOUT_SECONDS": "4",
    "WATCH_TIMEOUT_SECONDS": "6",
}
"""Settings with which a fault is over in seconds, and a machine with more to do than it can is no fault."""


@dataclass
class World:
    server: ApiServer
    proxy: FaultProxy
    forge: Forge
    namespace: str
    folder: Path
    operator: Supervised

    @cached_property
    def platform(self) -> Platform:
        env = {
            key.removeprefix("BTCWATCHER_").lower(): value for key, value in self.env.items() if "BTCWATCHER_" in key
        }
        return Settings(**env).platform()  # type: ignore[arg-type]

    @property
    def env(self) -> dict[str, str]:
        return environment(self.folder, self.namespace)

    def make(self, name: str, **spec: Any) -> Object:
        """A Strategy as `kubectl apply` makes it, past the proxy."""
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": names.STRATEGY_KIND,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "strategyName": "Ema",
                "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
                "timeframe": "5m",
                **spec,
            },
        }
        return self.server.ok("POST", f"/{STRATEGIES}/namespaces/{self.namespace}/strategies", manifest)

    def change(self, name: str, spec: Object) -> Object:
        path = f"/{STRATEGIES}/namespaces/{self.namespace}/strategies/{name}"
        return self.server.ok("PATCH", path, {"spec": spec}, content_type="application/merge-patch+json")

    def delete(self, name: str) -> None:
        self.server.ok("DELETE", f"/{STRATEGIES}/namespaces/{self.namespace}/strategies/{name}")

    def delete_child(self, kind: str, name: str) -> None:
        """To its end: a real API server has a volume claim wait for a controller that is not there."""
        group, plural = KINDS[kind]
        path = f"/{group}/namespaces/{self.namespace}/{plural}/{name}"
        if self.server.ok("DELETE", path).get("metadata", {}).get("finalizers"):
            nothing = {"metadata": {"finalizers": None}}
            self.server.ok("PATCH", path, nothing, content_type="application/merge-patch+json")

    def strategy(self, name: str) -> Object | None:
        answer = self.server.call("GET", f"/{STRATEGIES}/namespaces/{self.namespace}/strategies/{name}")
        found: Object | None = answer.json() if answer.status_code == 200 else None
        return found

    def strategies(self) -> list[Object]:
        items: list[Object] = self.server.ok("GET", f"/{STRATEGIES}/namespaces/{self.namespace}/strategies")["items"]
        return items

    def children(self, name: str) -> dict[ChildKey, Object]:
        """All of the operator's objects that say they are this Strategy's."""
        selector = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY},{names.LABEL_STRATEGY}={name}"
        found = {}
        for kind, (group, plural) in KINDS.items():
            path = f"/{group}/namespaces/{self.namespace}/{plural}?labelSelector={selector}"
            for item in self.server.ok("GET", path)["items"] or []:
                # List items come without their type.
                version = group.partition("/")[2]
                found[kind, item["metadata"]["name"]] = {"apiVersion": version, "kind": kind, **item}
        return found

    def writes(self, name: str | None = None) -> list[Seen]:
        """The operator's writes so far, those about one Strategy with `name`; Events and Leases aside."""
        seen = [one for one in self.proxy.requests() if one.write and one.plural not in ("events", "leases")]
        return [one for one in seen if name is None or _about(one, name)]

    def divergence(self, name: str) -> str:
        """What is not as the builders want it for the Strategy as it is now; empty when all is."""
        found = self.strategy(name)
        if found is None:
            return "no Strategy"
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return f"status of generation {status.get('observedGeneration')}"
        strategy = Strategy.model_validate(found)
        port = strategy.status.port
        if port is None:
            return "no port"
        revision = render_revision(strategy, self.platform, port, None)
        live = self.children(name)
        wanted = {(child["kind"], child["metadata"]["name"]): stamped(child) for child in
                  children(strategy, self.platform, port, revision)}  # fmt: skip
        if set(live) != set(wanted):
            return f"too much: {set(live) - set(wanted)}, missing: {set(wanted) - set(live)}"
        for key, child in wanted.items():
            if different := list(differences(child, live[key])):
                return f"{key}: {different}"
        return ""

    def converged(self, name: str, seconds: float = 60) -> None:
        """Waits until all is as it should be, and sees that no two Strategies have one port."""
        until_empty(lambda: self.divergence(name), f"{name} converges", seconds, self.operator.log)
        ports = [item["status"]["port"] for item in self.strategies() if "port" in item.get("status", {})]
        assert len(ports) == len(set(ports)), f"a port is given out twice: {ports}"


def until_empty(look: Any, what: str, seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while problem := look():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}: {problem}\n{log.read_text()[-3000:]}")
        time.sleep(0.05)


def environment(folder: Path, namespace: str, **more: str) -> dict[str, str]:
    """What an operator is started with; its API server is the one of `folder`/kubeconfig."""
    for name in ("webhook", "bot"):
        if not (folder / name).exists():
            (folder / name).write_text(f"a {name} key of at least thirty-two bytes")
    (folder / "network").write_text(json.dumps(NETWORK))
    settings = {
        "WEBHOOK_URL": "http://127.0.0.1:8000",
        "WEBHOOK_KEY_FILE": str(folder / "webhook"),
        "BOT_KEY_FILE": str(folder / "bot"),
        "BOT_NETWORK_FILE": str(folder / "network"),
        "BASE_DOMAIN": "bots.localhost",
        "NAMESPACES": namespace,
        "REPLICA": "only",
        **PATIENT,
        **more,
    }
    own = {f"BTCWATCHER_{key}": value for key, value in settings.items()}
    return {**os.environ, "KUBECONFIG": str(folder / "kubeconfig"), **own}


@contextlib.contextmanager
def world(server: ApiServer, proxy: FaultProxy, forge: Forge, folder: Path, namespace: str) -> Iterator[World]:
    """A namespace with an operator of its own behind the proxy."""
    server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    proxy.write_kubeconfig(folder / "kubeconfig")
    with Supervised(forge, environment(folder, namespace), folder / "operator.log") as operator:
        yield World(server, proxy, forge, namespace, folder, operator)


def quiet(written: Callable[[], list[str]], at_most: int) -> None:
    """Sees that no more than so many writes were made, and that they have come to an end."""
    made = written()
    assert len(made) <= at_most, f"{len(made)} writes: {made}"
    time.sleep(0.3)
    assert written() == made


def install_crds(server: ApiServer) -> None:
    for path in sorted((REPOSITORY / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        name = crd["metadata"]["name"]
        where = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        if server.call("GET", f"{where}/{name}").status_code == 404:
            server.ok("POST", where, crd)
        deadline = time.monotonic() + 30
        while True:
            conditions = server.ok("GET", f"{where}/{name}").get("status", {}).get("conditions") or []
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _about(seen: Seen, name: str) -> bool:
    return seen.name == name or seen.name.startswith(f"{name}-")

"""Fleets of simulated nodes on a real API server, filled with the operator's own pods until the real scheduler refuses.

No kubelet runs: a node is Ready because its status says so, and a pod is on its node because the scheduler bound it.
All fleets lie on one server side by side: a taint of each fleet's own keeps the others' bots out.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from btcwatcher_crds.fleet_capacity import FleetCapacityStatus, Slots
from btcwatcher_crds.pod_requests import amounts
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator import platform
from btcwatcher_operator.capacity import observed
from btcwatcher_operator.capacity.assess import Past, Platform, assess
from btcwatcher_operator.children.build import children, render_revision
from support import realscheduler
from support.apiservers import ApiServer

Object = dict[str, Any]

RUNTIME_CLASS: Final = "heavy"
"""Its pods have an overhead of 200m."""
MORE: Final = 2
"""Bots that are made beyond those that should find a place: the model must not promise too little either."""
DRIVER: Final = "disk.example.com"
_SHARED: Final = {"claimName": "shared"}
_PORT: Final = 8081
_DECIDING_SECONDS: Final = 120.0
_PLATFORM: Final = platform.Platform(
    webhook_url="http://api:8000", webhook_key=b"w" * 32, bot_key=b"b" * 32, image="bots/freqtrade:1"
)


@dataclass(frozen=True)
class Fleet:
    """Names of nodes and pods are those within the fleet: on the server they begin with its name."""

    nodes: Sequence[Object]
    bot: Object
    """The Strategy that all bots have but for their names."""
    pods: Sequence[Object] = ()
    """Of others, on their nodes."""
    csi_nodes: Sequence[Object] = ()
    bots: Sequence[str] = ()
    """The node of each bot that is there before."""
    finished: Sequence[str] = ()
    """Pods that are over."""
    ending: Sequence[str] = ()
    """Pods that were deleted and are still there."""
    tolerates_all: bool = False
    """Its bots stay here by their nodeSelector, not by a toleration of the fleet's taint."""
    loses_a_node: bool = False
    """The largest: its pods are made anew, and only then come bots."""


@dataclass
class Outcome:
    """What the model said, and what the scheduler did."""

    said: FleetCapacityStatus
    placed: int = 0
    """New bots that the scheduler found a place for."""
    homeless: int = 0
    """Pods of the lost node that it found none for."""


@dataclass
class Desk:
    """One API server with all fleets on it."""

    server: ApiServer
    fleets: dict[str, Fleet]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _claims: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By namespace, those that were made."""

    def fill(self) -> None:
        """Of each fleet: asks the model, makes as many bots as have a place and MORE, and sees what becomes of them.

        The scheduler starts when all is there, so that it decides on what the model saw.
        """
        for name, fleet in self.fleets.items():
            self._set_up(name)
            said = self._assessed(name)
            self.outcomes[name] = Outcome(said)
            if fleet.loses_a_node:
                self._lose(name, _slots(said).largest_node)
            else:
                self._make_bots(name, _slots(said).free + MORE)
        with realscheduler.running(self.server.kubeconfig):
            self._wait()
            for name, outcome in self.outcomes.items():
                if self.fleets[name].loses_a_node:
                    outcome.homeless = sum(not _placed(one) for one in self._pods(name))
                    self._make_bots(name, max(0, _slots(outcome.said).free_with_largest_node_lost or 0) + MORE)
            self._wait()
        for name, outcome in self.outcomes.items():
            new = [one for one in self._pods(name) if one["metadata"]["name"].startswith("new-")]
            outcome.placed = sum(_placed(one) for one in new)

    def _set_up(self, name: str) -> None:
        fleet = self.fleets[name]
        self._create("/api/v1/namespaces", [{"metadata": {"name": name}}])
        for one in fleet.nodes:
            node = deepcopy(one)
            node["metadata"]["name"] = f"{name}-{one['metadata']['name']}"
            node["metadata"]["labels"] |= {"kubernetes.io/hostname": node["metadata"]["name"], "fleet": name}
            taint = {"key": "fleet", "value": name, "effect": "NoSchedule"}
            node["spec"]["taints"] = [taint, *node["spec"].get("taints", [])]
            self._create("/api/v1/nodes", [node])
            if one["status"]["conditions"][0]["status"] == "True":
                # Admission taints every new node as not ready; a controller that does not run here would take it off.
                path = f"/api/v1/nodes/{node['metadata']['name']}"
                change = {"spec": {"taints": node["spec"]["taints"]}}
                self.server.ok("PATCH", path, change, content_type="application/merge-patch+json")
        for one in fleet.csi_nodes:
            csi_node = deepcopy(one)
            csi_node["metadata"]["name"] = f"{name}-{one['metadata']['name']}"
            self._create("/apis/storage.k8s.io/v1/csinodes", [csi_node])
        pods = [self._of_others(name, one) for one in fleet.pods]
        pods += [self._bot(name, f"old-{index}", f"{name}-{on}") for index, on in enumerate(fleet.bots)]
        self._create_pods(name, pods)
        for pod in fleet.finished:
            path = f"/api/v1/namespaces/{name}/pods/{pod}/status"
            over = {"status": {"phase": "Succeeded"}}
            self.server.ok("PATCH", path, over, content_type="application/merge-patch+json")
        for pod in fleet.ending:
            self.server.ok("DELETE", f"/api/v1/namespaces/{name}/pods/{pod}")

    def _assessed(self, name: str) -> FleetCapacityStatus:
        """As the operator reads it."""
        nodes = self.server.ok("GET", f"/api/v1/nodes?labelSelector=fleet={name}")["items"]
        csi_nodes = self.server.ok("GET", "/apis/storage.k8s.io/v1/csinodes")["items"]
        seen = [found for one in self._pods(name) if (found := observed.pod(one)) is not None]
        strategies = [self._strategy(name, f"old-{index}") for index in range(len(self.fleets[name].bots))]
        # One at least, so that the model knows what a bot is; it has no pod yet and takes nothing.
        wanted = [observed.wanted(one) for one in strategies or [self._strategy(name, "first")]]
        return assess(
            observed.nodes(nodes, csi_nodes, seen),
            [],
            [one for one in wanted if one is not None],
            Platform(ports=1000, ports_used=0, bot=amounts({"cpu": "1", "memory": "1Gi"})),
            Past(),
        )

    def _lose(self, name: str, node: str | None) -> None:
        assert node is not None
        moving = []
        for pod in self._pods(name):
            if pod["spec"].get("nodeName") != node:
                continue
            path = f"/api/v1/namespaces/{name}/pods/{pod['metadata']['name']}"
            self.server.ok("DELETE", path, {"gracePeriodSeconds": 0})
            if pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet":
                continue
            pod["spec"].pop("nodeName")
            kept = ("name", "namespace", "labels", "ownerReferences")
            moving.append(
                {"metadata": {key: pod["metadata"][key] for key in kept if key in pod["metadata"]}, "spec": pod["spec"]}
            )
        self.server.ok("DELETE", f"/api/v1/nodes/{node}")
        self._create(f"/api/v1/namespaces/{name}/pods", moving)

    def _make_bots(self, name: str, count: int) -> None:
        self._create_pods(name, [self._bot(name, f"new-{index}") for index in range(count)])

    def _strategy(self, fleet: str, name: str) -> Object:
        strategy = deepcopy(self.fleets[fleet].bot)
        strategy["metadata"] = {"namespace": fleet, "name": name, "uid": name, "generation": 1}
        template = strategy["spec"]["podTemplate"]
        if self.fleets[fleet].tolerates_all:
            template["nodeSelector"] = {**template.get("nodeSelector", {}), "fleet": fleet}
        else:
            toleration = {"key": "fleet", "value": fleet, "effect": "NoSchedule"}
            template["tolerations"] = [toleration, *template.get("tolerations", [])]
        return strategy

    def _bot(self, fleet: str, name: str, on: str | None = None) -> Object:
        """The pod of the StatefulSet that the operator makes of the Strategy."""
        strategy = Strategy.model_validate(self._strategy(fleet, name))
        built = children(strategy, _PLATFORM, _PORT, render_revision(strategy, _PLATFORM, _PORT, None))
        template = next(one for one in built if one["kind"] == "StatefulSet")["spec"]["template"]
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": name}
        metadata = {**template["metadata"], "namespace": fleet, "name": f"{name}-0", "ownerReferences": [owner]}
        spec = {**template["spec"], **({"nodeName": on} if on else {})}
        if not self.fleets[fleet].csi_nodes:
            # Without a limit of volumes one claim does for all bots, and spares two of three writes.
            volumes = [
                {**one, "persistentVolumeClaim": _SHARED} if "persistentVolumeClaim" in one else one
                for one in spec["volumes"]
            ]
            spec["volumes"] = volumes
        return {"metadata": metadata, "spec": spec}

    def _of_others(self, fleet: str, pod: Object) -> Object:
        spec = {**pod["spec"], "nodeName": f"{fleet}-{pod['spec']['nodeName']}"}
        toleration = {"key": "fleet", "value": fleet, "effect": "NoSchedule"}
        spec["tolerations"] = [toleration, *spec.get("tolerations", [])]
        return {"metadata": {**pod["metadata"], "namespace": fleet}, "spec": spec}

    def _create_pods(self, namespace: str, pods: Sequence[Object]) -> None:
        """With their claims, each bound to a volume of its own."""
        claims = {
            volume["persistentVolumeClaim"]["claimName"]
            for one in pods
            for volume in one["spec"].get("volumes", ())
            if "persistentVolumeClaim" in volume
        } - self._claims[namespace]
        self._claims[namespace] |= claims
        self._create("/api/v1/persistentvolumes", [_volume(namespace, name) for name in claims])
        self._create(
            f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", [_claim(namespace, name) for name in claims]
        )
        self._create(f"/api/v1/namespaces/{namespace}/pods", pods)

    def _create(self, path: str, objects: Iterable[Object]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: self.server.ok("POST", path, one), objects))

    def _pods(self, namespace: str) -> list[Object]:
        found: list[Object] = self.server.ok("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return found

    def _wait(self) -> None:
        """Until the scheduler has decided on every pod."""
        deadline = time.monotonic() + _DECIDING_SECONDS
        while waiting := [one["metadata"]["name"] for name in self.fleets for one in self._pods(name) if _open(one)]:
            assert time.monotonic() < deadline, f"not decided: {waiting}"
            time.sleep(0.2)


def runtime_class() -> Object:
    return {
        "metadata": {"name": RUNTIME_CLASS},
        "handler": RUNTIME_CLASS,
        "overhead": {"podFixed": {"cpu": "200m"}},
    }


def _slots(said: FleetCapacityStatus) -> Slots:
    assert said.slots is not None
    return said.slots


def _placed(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName"))


def _open(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return not _placed(pod) and not any(
        one["type"] == "PodScheduled" and one["status"] == "False" for one in conditions
    )


def _volume(namespace: str, claim: str) -> Object:
    return {
        "metadata": {"name": f"{namespace}-{claim}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": namespace, "name": claim},
            "csi": {"driver": DRIVER, "volumeHandle": f"{namespace}-{claim}"},
        },
    }


def _claim(namespace: str, name: str) -> Object:
    """Bound as the controller leaves it, which does not run here."""
    return {
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
            "volumeName": f"{namespace}-{name}",
        },
    }

"""The kinds of object the operator reads and writes, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Any, Final

from btcwatcher_crds import names

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, slots=True)
class Resource:
    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of one object, or of the collection (of all namespaces without `namespace`)."""
        parts = ["", "apis" if self.group else "api", self.api_version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part is not None]
        return "/".join(parts)


STRATEGY: Final = Resource(names.API_VERSION, names.STRATEGY_KIND, names.STRATEGY_PLURAL)
PROXY: Final = Resource(names.API_VERSION, names.PROXY_KIND, names.PROXY_PLURAL)
EXCHANGE: Final = Resource(names.API_VERSION, names.EXCHANGE_KIND, names.EXCHANGE_PLURAL)
FLEET_CAPACITY: Final = Resource(names.API_VERSION, names.FLEET_CAPACITY_KIND, names.FLEET_CAPACITY_PLURAL)
FLEET_SWITCH: Final = Resource(names.API_VERSION, names.FLEET_SWITCH_KIND, names.FLEET_SWITCH_PLURAL)
CLUSTER_FLEET_SWITCH: Final = Resource(
    names.API_VERSION, names.CLUSTER_FLEET_SWITCH_KIND, names.CLUSTER_FLEET_SWITCH_PLURAL
)
STATEFUL_SET: Final = Resource("apps/v1", "StatefulSet", "statefulsets")
POD: Final = Resource("v1", "Pod", "pods")
SERVICE: Final = Resource("v1", "Service", "services")
SECRET: Final = Resource("v1", "Secret", "secrets")
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
VOLUME_CLAIM: Final = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
INGRESS: Final = Resource("networking.k8s.io/v1", "Ingress", "ingresses")
JOB: Final = Resource("batch/v1", "Job", "jobs")
SERVICE_ACCOUNT: Final = Resource("v1", "ServiceAccount", "serviceaccounts")
NETWORK_POLICY: Final = Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
HTTP_ROUTE: Final = Resource("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces")
LEASE: Final = Resource("coordination.k8s.io/v1", "Lease", "leases")
NODE: Final = Resource("v1", "Node", "nodes")
CSI_NODE: Final = Resource("storage.k8s.io/v1", "CSINode", "csinodes")
EVENT: Final = Resource("v1", "Event", "events")

CHILDREN: Final = (STATEFUL_SET, SERVICE, SECRET, VOLUME_CLAIM, INGRESS, JOB, HTTP_ROUTE)
"""What the operator makes for a Strategy. Pods are the StatefulSet's and the Job's; the operator only looks at them."""

SHARED: Final = (SERVICE_ACCOUNT, NETWORK_POLICY)
"""What the operator makes once in a namespace, for all of its Strategies."""

SWITCHES: Final = (FLEET_SWITCH, CLUSTER_FLEET_SWITCH)

OPTIONAL: Final = (HTTP_ROUTE, PROXY, EXCHANGE, *SWITCHES)
"""What a cluster need not know: a kind whose CRD is not there at the start is not watched."""

BY_KIND: Final = {
    resource.kind: resource
    for resource in (STRATEGY, PROXY, EXCHANGE, POD, *CHILDREN, *SHARED, LEASE, FLEET_CAPACITY, *SWITCHES)
}

CHILD_SELECTOR: Final = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
POD_SELECTOR: Final = (
    f"{names.LABEL_COMPONENT} in ({names.COMPONENT_BOT},{names.COMPONENT_PREFLIGHT}),{names.LABEL_STRATEGY}"
)


LEASE_SELECTOR: Final = f"{CHILD_SELECTOR},{names.LABEL_COMPONENT}={names.COMPONENT_OPERATOR}"
"""Of the one that says which replica of the operator is active."""


def resource_of(obj: Object) -> Resource:
    return BY_KIND[obj["kind"]]

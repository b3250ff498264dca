"""What kinds there are: one table for the builtin ones, the same record for those that CRDs bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version, as discovery, the handlers and the store see it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    # Where the objects lie: several resources may be views of one collection (the two Event kinds, CRD versions).
    storage: tuple[str, str] = ("", "")
    storage_version: str = ""
    # generation counts changes of everything but metadata and status
    has_generation: bool = False
    unconditional_update: bool = True
    storage_kind: str = ""
    # the CustomResourceDefinition version entry, for resources that a CRD brought
    crd: CustomVersion | None = None

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage_group_version(self) -> str:
        group = self.storage[0]
        return f"{group}/{self.storage_version}" if group else self.storage_version

    @property
    def qualified(self) -> str:
        """plural.group, as error messages name a resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def list_kind(self) -> str:
        return self.crd.list_kind if self.crd else self.kind + "List"

    @property
    def path(self) -> str:
        """URL folder of the group version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class CustomVersion:
    """What a CRD says about one of its versions, in the form the handlers need."""

    name: str
    list_kind: str
    schema: Any
    printer_columns: tuple[dict[str, Any], ...] = ()
    scale: dict[str, Any] | None = None
    selectable_fields: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


def _builtin(
    group: str,
    kind: str,
    plural: str,
    short: str = "",
    *,
    sub: str = "",
    cluster: bool = False,
    category: str = "",
    generation: bool = False,
    unconditional: bool = True,
    version: str = "v1",
    storage: tuple[str, str] | None = None,
    storage_kind: str = "",
    verbs: tuple[str, ...] = ALL_VERBS,
) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        namespaced=not cluster,
        singular=kind.lower(),
        short_names=tuple(short.split()),
        categories=tuple(category.split()),
        subresources=tuple(sub.split()),
        verbs=verbs,
        storage=storage or (group, plural),
        storage_version=version,
        has_generation=generation,
        unconditional_update=unconditional,
        storage_kind=storage_kind or kind,
    )


_NO_COLLECTION = tuple(v for v in ALL_VERBS if v != "deletecollection")
_RBAC = "rbac.authorization.k8s.io"

BUILTINS: tuple[Resource, ...] = (
    _builtin("", "Namespace", "namespaces", "ns", sub="status finalize", cluster=True, verbs=_NO_COLLECTION),
    _builtin("", "Node", "nodes", "no", sub="status", cluster=True),
    _builtin(
        "",
        "Pod",
        "pods",
        "po",
        sub="status log binding eviction exec attach portforward ephemeralcontainers",
        category="all",
        generation=True,
    ),
    _builtin("", "Service", "services", "svc", sub="status", category="all"),
    _builtin("", "Endpoints", "endpoints", "ep"),
    _builtin("", "Secret", "secrets"),
    _builtin("", "ConfigMap", "configmaps", "cm"),
    _builtin("", "ServiceAccount", "serviceaccounts", "sa", sub="token"),
    _builtin("", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", sub="status"),
    _builtin("", "PersistentVolume", "persistentvolumes", "pv", sub="status", cluster=True),
    _builtin("", "Event", "events", "ev"),
    _builtin("", "ResourceQuota", "resourcequotas", "quota", sub="status"),
    _builtin("", "LimitRange", "limitranges", "limits"),
    _builtin("apps", "StatefulSet", "statefulsets", "sts", sub="status scale", category="all", generation=True),
    _builtin("apps", "Deployment", "deployments", "deploy", sub="status scale", category="all", generation=True),
    _builtin("apps", "ReplicaSet", "replicasets", "rs", sub="status scale", category="all", generation=True),
    _builtin("apps", "DaemonSet", "daemonsets", "ds", sub="status", category="all", generation=True),
    _builtin("apps", "ControllerRevision", "controllerrevisions"),
    _builtin("batch", "Job", "jobs", sub="status", category="all", generation=True),
    _builtin("batch", "CronJob", "cronjobs", "cj", sub="status", category="all", generation=True),
    _builtin("networking.k8s.io", "Ingress", "ingresses", "ing", sub="status", generation=True),
    _builtin("networking.k8s.io", "IngressClass", "ingressclasses", cluster=True, generation=True),
    _builtin("networking.k8s.io", "NetworkPolicy", "networkpolicies", "netpol", generation=True),
    _builtin("coordination.k8s.io", "Lease", "leases", unconditional=False),
    _builtin("events.k8s.io", "Event", "events", "ev", storage=("", "events")),
    _builtin(_RBAC, "Role", "roles"),
    _builtin(_RBAC, "RoleBinding", "rolebindings"),
    _builtin(_RBAC, "ClusterRole", "clusterroles", cluster=True),
    _builtin(_RBAC, "ClusterRoleBinding", "clusterrolebindings", cluster=True),
    _builtin("storage.k8s.io", "StorageClass", "storageclasses", "sc", cluster=True),
    _builtin("scheduling.k8s.io", "PriorityClass", "priorityclasses", "pc", cluster=True, generation=True),
    _builtin(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "pdb",
        sub="status",
        generation=True,
        unconditional=False,
    ),
    _builtin(
        "autoscaling",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        sub="status",
        category="all",
        version="v2",
    ),
    _builtin(
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        sub="status",
        cluster=True,
        category="api-extensions",
        generation=True,
    ),
    _builtin(
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        cluster=True,
        category="api-extensions",
        generation=True,
    ),
    _builtin("discovery.k8s.io", "EndpointSlice", "endpointslices", generation=True),
    _builtin(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd crds",
        sub="status",
        cluster=True,
        category="api-extensions",
        generation=True,
        unconditional=False,
    ),
    _builtin(
        "authorization.k8s.io",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        cluster=True,
        verbs=("create",),
    ),
    _builtin("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews", cluster=True, verbs=("create",)),
    _builtin(
        "authorization.k8s.io",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        cluster=True,
        verbs=("create",),
    ),
    _builtin("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=("create",)),
    _builtin("authentication.k8s.io", "TokenReview", "tokenreviews", cluster=True, verbs=("create",)),
    _builtin("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", cluster=True, verbs=("create",)),
)

# What each subresource is called in discovery: kind, its group and version when it differs, verbs.
SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "scale": ("Scale", "autoscaling", "v1", ("get", "patch", "update")),
    "log": ("Pod", "", "v1", ("get",)),
    "binding": ("Binding", "", "v1", ("create",)),
    "eviction": ("Eviction", "policy", "v1", ("create",)),
    "exec": ("PodExecOptions", "", "v1", ("create", "get")),
    "attach": ("PodAttachOptions", "", "v1", ("create", "get")),
    "portforward": ("PodPortForwardOptions", "", "v1", ("create", "get")),
    "finalize": ("Namespace", "", "v1", ("update",)),
    "token": ("TokenRequest", "authentication.k8s.io", "v1", ("create",)),
}

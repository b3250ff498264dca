"""Behaviour of each kind, looked up by group and kind."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .builtin import BuiltinBehaviour
from .crd import CrdBehaviour
from .custom import CustomBehaviour
from .endpoints import EndpointsBehaviour, EndpointSliceBehaviour
from .plain import (
    ClaimBehaviour,
    DataBehaviour,
    EventBehaviour,
    IngressBehaviour,
    NamespaceBehaviour,
    NodeBehaviour,
    VolumeBehaviour,
)
from .pod import PodBehaviour
from .policies import (
    AdmissionBindingBehaviour,
    AdmissionPolicyBehaviour,
    AutoscalerBehaviour,
    DisruptionBudgetBehaviour,
    NetworkPolicyBehaviour,
    PriorityClassBehaviour,
)
from .rbac import BindingBehaviour, RoleBehaviour
from .service import ServiceBehaviour
from .workloads import (
    CronJobBehaviour,
    DaemonSetBehaviour,
    DeploymentBehaviour,
    JobBehaviour,
    ReplicaSetBehaviour,
    StatefulSetBehaviour,
)

if TYPE_CHECKING:
    from ..resources import CustomVersion, Resource
    from .behaviour import Behaviour

_CLASSES: dict[tuple[str, str], type[BuiltinBehaviour]] = {
    ("", "ConfigMap"): DataBehaviour,
    ("", "Secret"): DataBehaviour,
    ("", "PersistentVolumeClaim"): ClaimBehaviour,
    ("", "PersistentVolume"): VolumeBehaviour,
    ("", "Namespace"): NamespaceBehaviour,
    ("", "Node"): NodeBehaviour,
    ("", "Event"): EventBehaviour,
    ("", "Pod"): PodBehaviour,
    ("", "Service"): ServiceBehaviour,
    ("apps", "StatefulSet"): StatefulSetBehaviour,
    ("apps", "Deployment"): DeploymentBehaviour,
    ("apps", "ReplicaSet"): ReplicaSetBehaviour,
    ("apps", "DaemonSet"): DaemonSetBehaviour,
    ("batch", "Job"): JobBehaviour,
    ("batch", "CronJob"): CronJobBehaviour,
    ("networking.k8s.io", "Ingress"): IngressBehaviour,
    ("rbac.authorization.k8s.io", "Role"): RoleBehaviour,
    ("rbac.authorization.k8s.io", "ClusterRole"): RoleBehaviour,
    ("rbac.authorization.k8s.io", "RoleBinding"): BindingBehaviour,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): BindingBehaviour,
    ("networking.k8s.io", "NetworkPolicy"): NetworkPolicyBehaviour,
    ("autoscaling", "HorizontalPodAutoscaler"): AutoscalerBehaviour,
    ("policy", "PodDisruptionBudget"): DisruptionBudgetBehaviour,
    ("scheduling.k8s.io", "PriorityClass"): PriorityClassBehaviour,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSliceBehaviour,
    ("", "Endpoints"): EndpointsBehaviour,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): AdmissionPolicyBehaviour,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): AdmissionBindingBehaviour,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): CrdBehaviour,
}

_custom: WeakKeyDictionary[CustomVersion, CustomBehaviour] = WeakKeyDictionary()


@cache
def _builtin(group: str, version: str, kind: str) -> BuiltinBehaviour:
    return _CLASSES.get((group, kind), BuiltinBehaviour)(group, version, kind)


def behaviour_of(resource: Resource) -> Behaviour:
    if resource.crd is None:
        return _builtin(resource.storage[0] or "", resource.storage_version, resource.storage_kind)
    known = _custom.get(resource.crd)
    if known is None:
        known = CustomBehaviour(resource.crd.schema)
        _custom[resource.crd] = known
    return known

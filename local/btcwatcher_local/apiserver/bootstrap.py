"""What is there before anybody writes: the namespaces every cluster has, and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lifecycle
from .access import defaults
from .lifecycle import Target
from .request import WriteOptions

if TYPE_CHECKING:
    from .context import Api

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def populate(api: Api) -> None:
    resource = api.registry.find("", "v1", "namespaces")
    if resource is None:
        return
    for name in NAMESPACES:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        lifecycle.create(api, Target(resource, "", name), body, WriteOptions(field_manager="kube-apiserver"))
    defaults.populate(api)

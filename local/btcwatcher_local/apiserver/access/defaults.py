"""The roles and bindings that every cluster has: those of a real API server that clients and charts count on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .. import lifecycle
from ..lifecycle import Target
from ..request import WriteOptions
from .rbac import GROUP

if TYPE_CHECKING:
    from ..context import Api

FILE = Path(__file__).with_name("default_roles.yaml")
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}


def populate(api: Api) -> None:
    """Aggregated roles are made without rules; a controller fills them, as in a real cluster."""
    options = WriteOptions(field_manager="kube-apiserver")
    for document in yaml.safe_load(FILE.read_text()):
        plural = document["kind"].lower() + "s"
        resource = api.registry.find(GROUP, "v1", plural)
        if resource is None:
            continue
        meta = document["metadata"]
        meta["labels"] = _LABELS | meta.get("labels", {})
        meta["annotations"] = dict(_ANNOTATIONS)
        lifecycle.create(api, Target(resource, "", meta["name"]), document, options)

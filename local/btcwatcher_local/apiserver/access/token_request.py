"""serviceaccounts/{name}/token: a token for an account, for a time, bound to a pod if asked."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .. import errors, lifecycle, objects
from ..lifecycle import Target
from .tokens import ISSUER, Named, new_claims

if TYPE_CHECKING:
    from ..context import Api
    from ..objects import JsonObject

_GROUP_VERSION = "authentication.k8s.io/v1"
_DEFAULT_SECONDS = 3600
_LEAST_SECONDS = 600
_MOST_SECONDS = 1 << 32
_PLURALS = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


def issue(api: Api, target: Target, body: Any) -> JsonObject:
    """The TokenRequest with its status; `target` is the account."""
    if not isinstance(body, dict):
        raise errors.bad_request("the body of the request is not an object")
    account = lifecycle.read(api, Target(target.resource, target.namespace, target.name)).obj
    spec: JsonObject = dict(body.get("spec") or {})
    audiences = spec.get("audiences") or [ISSUER]
    seconds = _DEFAULT_SECONDS if spec.get("expirationSeconds") is None else spec["expirationSeconds"]
    _check(seconds)
    reference = spec.get("boundObjectRef")
    bound, node = _bound(api, target, reference) if reference else (None, None)
    claims = new_claims(
        target.namespace,
        _named(account),
        audiences,
        time.time(),
        seconds,
        bound_kind=reference["kind"] if reference else "",
        bound=bound,
        node=node,
    )
    return {
        "kind": "TokenRequest",
        "apiVersion": _GROUP_VERSION,
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "uid": account["metadata"]["uid"],
            "creationTimestamp": objects.now(),
        },
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference},
        "status": {
            "token": api.keys.sign(claims),
            "expirationTimestamp": datetime.fromtimestamp(claims.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def _check(seconds: Any) -> None:
    path = "spec.expirationSeconds"
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise errors.bad_request(f'TokenRequest in version "v1" cannot be handled as a TokenRequest: {path}')
    if seconds < _LEAST_SECONDS:
        cause = errors.invalid_value(path, seconds, "may not specify a duration less than 10 minutes")
    elif seconds > _MOST_SECONDS:
        cause = errors.invalid_value(path, seconds, "may not specify a duration larger than 2^32 seconds")
    else:
        return
    raise errors.invalid("authentication.k8s.io", "TokenRequest", "", [cause])


def _bound(api: Api, target: Target, reference: JsonObject) -> tuple[Named, Named | None]:
    """The object that the token ends with, and the node it runs on when it is a pod on one."""
    version, kind, name = (str(reference.get(key) or "") for key in ("apiVersion", "kind", "name"))
    plural = _PLURALS.get(kind) if version == "v1" else None
    resource = api.registry.find("", "v1", plural) if plural else None
    if resource is None:
        gvk = f"{version if '/' in version else '/' + version}, Kind={kind}"
        raise errors.bad_request(f"cannot bind token to object of type {gvk}")
    place = Target(resource, target.namespace if resource.namespaced else "", name)
    found = lifecycle.read(api, place).obj
    if kind == "Pod" and found["spec"].get("serviceAccountName") != target.name:
        raise errors.bad_request(
            f'cannot bind token for serviceaccount "{target.name}" to pod running with different serviceaccount name.'
        )
    uid = reference.get("uid")
    if uid and uid != found["metadata"]["uid"]:
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        details = {"name": name, "kind": kind}
        raise errors.StatusError(409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": {why}', details)
    return _named(found), _node_of(api, found) if kind == "Pod" else None


def _node_of(api: Api, pod: JsonObject) -> Named | None:
    name = pod["spec"].get("nodeName")
    stored = api.store.collection("", "nodes").get("", name) if name else None
    return _named(stored.obj) if stored is not None else None


def _named(obj: JsonObject) -> Named:
    return Named(obj["metadata"]["name"], obj["metadata"]["uid"])

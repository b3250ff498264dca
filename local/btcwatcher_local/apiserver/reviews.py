"""Questions about access: whose token this is, and what its user, or somebody else, may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from .access import authenticate
from .access.attributes import Attributes
from .access.rbac import review_rules
from .access.tokens import ISSUER
from .access.user import User

if TYPE_CHECKING:
    from .context import Api
    from .lifecycle import Target
    from .objects import JsonObject


def answer(api: Api, target: Target, body: Any, user: User) -> JsonObject:
    """The review with its status filled in; `user` is who asks."""
    if not isinstance(body, dict):
        raise errors.bad_request("the body of the request is not an object")
    resource = target.resource
    review: JsonObject = {**body, "apiVersion": resource.group_version, "kind": resource.kind}
    review.setdefault("metadata", {"creationTimestamp": None})
    spec = body.get("spec") or {}
    match resource.kind:
        case "TokenReview":
            review["status"] = _token_review(api, spec)
        case "SelfSubjectReview":
            review["status"] = {"userInfo": user.as_info()}
        case "SelfSubjectRulesReview":
            review["status"] = _rules(api, user, spec)
        case "SelfSubjectAccessReview":
            review["status"] = _access(api, user, _wanted(spec, []))
        case _:
            review["status"] = _access_of_another(api, target, spec)
    return review


def _token_review(api: Api, spec: JsonObject) -> JsonObject:
    try:
        found, audiences = authenticate.of_token(api, str(spec.get("token", "")), spec.get("audiences") or [ISSUER])
    except authenticate.InvalidTokenError as error:
        return {"user": {}, "error": str(error)}
    return {"authenticated": True, "user": found.as_info(), "audiences": audiences}


def _rules(api: Api, user: User, spec: JsonObject) -> JsonObject:
    namespace = spec.get("namespace")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    resources, urls = review_rules(api.authorizer.policy.grants(user, namespace))
    return {"resourceRules": resources, "nonResourceRules": urls, "incomplete": False}


def _access(api: Api, user: User, wanted: Attributes) -> JsonObject:
    decision = api.authorizer.policy.decide(user, wanted)
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _access_of_another(api: Api, target: Target, spec: JsonObject) -> JsonObject:
    causes: list[errors.Cause] = []
    if not spec.get("user") and not spec.get("groups"):
        text = "at least one of user or group must be specified"
        causes.append(errors.invalid_value("spec.user", spec.get("user", ""), text))
    local = target.namespace
    asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if local and asked != local:
        path = "spec.resourceAttributes.namespace"
        causes.append(errors.invalid_value(path, asked, "must match metadata.namespace"))
    wanted = _wanted(spec, causes)
    user = User(str(spec.get("user") or ""), tuple(spec.get("groups") or ()))
    return _access(api, user, wanted)


def _wanted(spec: JsonObject, causes: list[errors.Cause]) -> Attributes:
    """What is asked about. Raises 422 with `causes`, and when it is not exactly one thing."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        causes.insert(0, errors.invalid_value("spec.resourceAttributes", resource, text))
    if causes:
        raise errors.invalid("authorization.k8s.io", "", "", causes)
    if path is not None:
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    resource = resource or {}
    keys = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{key: str(resource.get(key) or "") for key in keys})

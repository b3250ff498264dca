"""Protobuf bodies: kubectl's typed commands (create namespace, configmap, secret, role, ..., auth can-i) send no JSON.

Only what those commands send is known here; other kinds are answered with 415, as a custom kind would be.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .objects import JsonObject

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# message: "number name type, ..."; a type is a scalar, a message of this table, or either in [] (repeated) or {} (map).
_TABLE = {
    "Unknown": "1 typeMeta TypeMeta, 2 raw bytes",
    "TypeMeta": "1 apiVersion str, 2 kind str",
    "ObjectMeta": "1 name str, 2 generateName str, 3 namespace str, 5 uid str, 6 resourceVersion str, "
    "8 creationTimestamp Time, 11 labels {str}, 12 annotations {str}, 13 ownerReferences [OwnerReference], "
    "14 finalizers [str]",
    "OwnerReference": "1 kind str, 3 name str, 4 uid str, 5 apiVersion str, 6 controller bool, "
    "7 blockOwnerDeletion bool",
    "LabelSelector": "1 matchLabels {str}, 2 matchExpressions [Requirement]",
    "Requirement": "1 key str, 2 operator str, 3 values [str]",
    "DeleteOptions": "1 gracePeriodSeconds int, 2 preconditions Preconditions, 3 orphanDependents bool, "
    "4 propagationPolicy str, 5 dryRun [str]",
    "Preconditions": "1 uid str, 2 resourceVersion str",
    "LocalObjectReference": "1 name str",
    "ObjectReference": "1 kind str, 2 namespace str, 3 name str, 4 uid str, 5 apiVersion str, 7 fieldPath str",
    "Namespace": "1 metadata ObjectMeta",
    "ConfigMap": "1 metadata ObjectMeta, 2 data {str}, 3 binaryData {bytes}, 4 immutable bool",
    "Secret": "1 metadata ObjectMeta, 2 data {bytes}, 3 type str, 4 stringData {str}, 5 immutable bool",
    "ServiceAccount": "1 metadata ObjectMeta, 3 imagePullSecrets [LocalObjectReference]",
    "Service": "1 metadata ObjectMeta, 2 spec ServiceSpec",
    "ServiceSpec": "1 ports [ServicePort], 2 selector {str}, 3 clusterIP str, 4 type str, 5 externalIPs [str], "
    "7 sessionAffinity str, 10 externalName str",
    "ServicePort": "1 name str, 2 protocol str, 3 port int, 4 targetPort IntOrString, 5 nodePort int",
    "ResourceQuota": "1 metadata ObjectMeta, 2 spec ResourceQuotaSpec",
    "ResourceQuotaSpec": "1 hard {Quantity}, 2 scopes [str]",
    "Role": "1 metadata ObjectMeta, 2 rules [PolicyRule]",
    "ClusterRole": "1 metadata ObjectMeta, 2 rules [PolicyRule], 3 aggregationRule AggregationRule",
    "AggregationRule": "1 clusterRoleSelectors [LabelSelector]",
    "PolicyRule": "1 verbs [str], 2 apiGroups [str], 3 resources [str], 4 resourceNames [str], 5 nonResourceURLs [str]",
    "RoleBinding": "1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef",
    "ClusterRoleBinding": "1 metadata ObjectMeta, 2 subjects [Subject], 3 roleRef RoleRef",
    "Subject": "1 kind str, 2 apiGroup str, 3 name str, 4 namespace str",
    "RoleRef": "1 apiGroup str, 2 kind str, 3 name str",
    "SelfSubjectAccessReview": "1 metadata ObjectMeta, 2 spec AccessSpec",
    "AccessSpec": "1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes",
    "ResourceAttributes": "1 namespace str, 2 verb str, 3 group str, 4 version str, 5 resource str, 6 subresource str, "
    "7 name str",
    "NonResourceAttributes": "1 path str, 2 verb str",
    "TokenRequest": "1 metadata ObjectMeta, 2 spec TokenRequestSpec",
    "TokenRequestSpec": "1 audiences [str], 3 boundObjectRef BoundObjectReference, 4 expirationSeconds int",
    "BoundObjectReference": "1 kind str, 2 apiVersion str, 3 name str, 4 uid str",
    "SelfSubjectRulesReview": "1 metadata ObjectMeta, 2 spec RulesSpec",
    "RulesSpec": "1 namespace str",
    "SelfSubjectReview": "1 metadata ObjectMeta",
    "Eviction": "1 metadata ObjectMeta, 2 deleteOptions DeleteOptions",
    "PodDisruptionBudget": "1 metadata ObjectMeta, 2 spec BudgetSpec",
    "BudgetSpec": "1 minAvailable IntOrString, 2 selector LabelSelector, 3 maxUnavailable IntOrString",
    "PriorityClass": "1 metadata ObjectMeta, 2 value int, 3 globalDefault bool, 4 description str, "
    "5 preemptionPolicy str",
    "Ingress": "1 metadata ObjectMeta, 2 spec IngressSpec",
    "IngressSpec": "1 defaultBackend IngressBackend, 2 tls [IngressTLS], 3 rules [IngressRule], 4 ingressClassName str",
    "IngressBackend": "4 service IngressService",
    "IngressService": "1 name str, 2 port BackendPort",
    "BackendPort": "1 name str, 2 number int",
    "IngressTLS": "1 hosts [str], 2 secretName str",
    "IngressRule": "1 host str, 2 ingressRuleValue IngressRuleValue",
    "IngressRuleValue": "1 http IngressHttp",
    "IngressHttp": "1 paths [IngressPath]",
    "IngressPath": "1 path str, 2 backend IngressBackend, 3 pathType str",
}  # fmt: skip

_FIELDS: dict[str, dict[int, tuple[str, str]]] = {}
for _message, _text in _TABLE.items():
    _FIELDS[_message] = {}
    for _field in _text.split(", "):
        _number, _name, _type = _field.split()
        _FIELDS[_message][int(_number)] = (_name, _type)

_INLINE = ("ingressRuleValue",)  # members of these belong to the message around them


def decode(body: bytes) -> JsonObject:
    """The object of a body; 415 for kinds that are not in the table, 400 when it is malformed."""
    if not body.startswith(_MAGIC):
        raise errors.bad_request("the protobuf body does not begin with the Kubernetes prefix")
    try:
        envelope = _message_of("Unknown", body[len(_MAGIC) :], raw_bytes=True)
        about = envelope.get("typeMeta") or {}
        kind = about.get("kind", "")
        if kind not in _FIELDS or kind[0].islower():
            raise errors.unsupported_media_type(["application/json", "application/yaml"])
        return {**about, **_message_of(kind, envelope.get("raw", b""))}
    except (IndexError, UnicodeDecodeError, ValueError, OverflowError):
        raise errors.bad_request("the protobuf body is malformed") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their raw values."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                value, at = _varint(data, at)
                yield tag >> 3, value
            case 2:
                length, at = _varint(data, at)
                if at + length > len(data):
                    raise ValueError("truncated")
                yield tag >> 3, data[at : at + length]
                at += length
            case 1 | 5 as wire:
                at += 8 if wire == 1 else 4
            case _:
                raise ValueError("unknown wire type")


def _message_of(message: str, data: bytes, *, raw_bytes: bool = False) -> JsonObject:
    """A message without its empty fields, as Go's JSON leaves them out."""
    fields = _FIELDS[message]
    out: JsonObject = {}
    for number, raw in _parts(data):
        if number not in fields:
            continue
        name, kind = fields[number]
        if kind.startswith("["):
            out.setdefault(name, []).append(_value(kind[1:-1], raw))
        elif kind.startswith("{"):
            entry = dict(_parts(raw)) if isinstance(raw, bytes) else {}
            key = entry.get(1, b"")
            out.setdefault(name, {})[key.decode() if isinstance(key, bytes) else ""] = _value(
                kind[1:-1], entry.get(2, b"")
            )
        elif kind == "bytes" and raw_bytes:
            out[name] = raw
        else:
            value = _value(kind, raw)
            if name in _INLINE:
                out.update(value)
            elif value not in ("", 0, False, None):
                out[name] = value
    return out


def _value(kind: str, raw: int | bytes) -> Any:
    if isinstance(raw, int):
        if kind == "bool":
            return bool(raw)
        return raw - (1 << 64) if raw >= 1 << 63 else raw
    match kind:
        case "str":
            return raw.decode()
        case "bytes":
            return base64.b64encode(raw).decode()
        case "Quantity":
            return _first(raw, 1)
        case "IntOrString":
            parts = dict(_parts(raw))
            return _first(raw, 3) if parts.get(1) else parts.get(2, 0)
        case "Time":
            seconds = dict(_parts(raw)).get(1)
            return (
                datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                if isinstance(seconds, int)
                else None
            )
    return _message_of(kind, raw)


def _first(data: bytes, number: int) -> str:
    found = dict(_parts(data)).get(number, b"")
    return found.decode() if isinstance(found, bytes) else ""

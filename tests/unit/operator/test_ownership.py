from typing import Any

from btcwatcher_crds import names
from btcwatcher_operator.ownership import handed_over, made_by_post, trim

KUBECTL = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}


def ours(operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": names.FIELD_MANAGER, "operation": operation, "fieldsV1": fields, **more}


def held(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def test_what_our_post_holds_is_told_apart_and_kept_when_trimmed() -> None:
    obj = held(KUBECTL, ours("Update", {"f:data": {}}))
    trim(obj)
    assert made_by_post(obj)
    assert "fieldsV1" not in str(obj)
    for entry in (KUBECTL, ours("Apply", {}), ours("Update", {}, subresource="status")):
        other = held(entry)
        trim(other)
        assert not made_by_post(other)
        assert other == {"metadata": {}}


def test_our_apply_gets_what_our_post_holds_and_nobody_else_loses() -> None:
    post = ours("Update", {"f:spec": {"f:a": {}, "f:b": {".": {}}}}, time="2026-11-25T00:00:00Z")
    apply = ours("Apply", {"f:spec": {"f:b": {"f:c": {}}}, "f:metadata": {}})
    kept, merged = handed_over([KUBECTL, post, apply])
    assert kept == KUBECTL
    assert merged["operation"] == "Apply"
    assert merged["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {".": {}, "f:c": {}}}, "f:metadata": {}}
    assert handed_over([KUBECTL]) == [KUBECTL]

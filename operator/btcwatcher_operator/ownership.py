"""Which of our requests holds a child's fields, as its managedFields tell.

A child is made by POST, which is cheaper than an apply and never touches what is there already. The API server then
holds the fields for "our update", and an apply that leaves a field out would not remove it: so before the first such
apply they are handed over to "our apply", as kubectl does with what was made before server-side apply.
"""

from typing import Any

from btcwatcher_crds import names
from btcwatcher_operator.resources import Object


def trim(obj: Object) -> None:
    """Drops the managedFields, half of an object, but for the one thing that is asked of them: `made_by_post`."""
    if any(_by_post(entry) for entry in obj["metadata"].pop("managedFields", ())):
        obj["metadata"]["managedFields"] = [{"manager": names.FIELD_MANAGER, "operation": "Update"}]


def made_by_post(obj: Object) -> bool:
    """Whether fields are held by our POST still."""
    return any(_by_post(entry) for entry in obj["metadata"].get("managedFields", ()))


def handed_over(managed_fields: list[Object]) -> list[Object]:
    """The managedFields with what our POST holds held by our apply."""
    ours = [entry for entry in managed_fields if _by_post(entry) or _by_apply(entry)]
    others = [entry for entry in managed_fields if entry not in ours]
    if not ours:
        return others
    fields: Object = {}
    for entry in ours:
        fields = _union(fields, entry.get("fieldsV1", {}))
    return [*others, {**ours[0], "operation": "Apply", "fieldsV1": fields}]


def _by_post(entry: Object) -> bool:
    return _ours(entry) and entry.get("operation") == "Update"


def _by_apply(entry: Object) -> bool:
    return _ours(entry) and entry.get("operation") == "Apply"


def _ours(entry: Object) -> bool:
    return entry.get("manager") == names.FIELD_MANAGER and not entry.get("subresource")


def _union(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both sets of fields; a set is a tree of empty leaves."""
    return {key: _union(first.get(key, {}), second.get(key, {})) for key in {**first, **second}}

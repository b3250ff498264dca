"""What REST takes and answers of custom resources of any kind: the spec word for word, and what lies around it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

NAMESPACE_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Labels = Annotated[dict[str, str], Field(max_length=64)]
Namespace = Annotated[str, Field(max_length=63, pattern=NAMESPACE_PATTERN, examples=["trading"])]
NamespaceQuery = Annotated[str | None, Query(max_length=63, pattern=NAMESPACE_PATTERN)]


class Answer(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Input(BaseModel):
    """Base of what is taken: a misspelt field is refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ConditionAnswer(Answer):
    """One condition; `kubectl describe` shows the same."""

    type: str
    status: str
    """True, False or Unknown."""
    reason: str
    message: str
    observed_generation: int | None
    last_transition_time: datetime | None


class Change(Input):
    """What replaces a resource's spec, and, where they are given, its labels and annotations."""

    spec: dict[str, Any]
    labels: Labels | None = None
    annotations: Labels | None = None


class Identified(Protocol):
    """A line of a list."""

    id: str


L = TypeVar("L", bound=Identified)


def page_of(lines: Iterable[L], after: str | None, limit: int) -> tuple[list[L], str | None]:
    """The page of lines by id that begins after this id, and `after` of the next page; None on the last."""
    left = sorted((line for line in lines if after is None or line.id > after), key=lambda line: line.id)
    page = left[:limit]
    return page, page[-1].id if len(left) > limit else None


def conditions(item: Mapping[str, Any]) -> list[ConditionAnswer]:
    """Read leniently: what an older or newer contract left out is null."""
    return [
        ConditionAnswer(
            type=str(one.get("type", "")),
            status=str(one.get("status", "Unknown")),
            reason=str(one.get("reason", "")),
            message=str(one.get("message", "")),
            observed_generation=one.get("observedGeneration"),
            last_transition_time=one.get("lastTransitionTime"),
        )
        for one in (item.get("status") or {}).get("conditions") or ()
    ]


def condition(said: Sequence[ConditionAnswer], kind: str) -> ConditionAnswer | None:
    return next((one for one in said if one.type == kind), None)


def around(item: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that every kind has."""
    metadata = item["metadata"]
    return {
        "resource_version": str(metadata.get("resourceVersion", "")),
        "labels": metadata.get("labels") or {},
        "annotations": metadata.get("annotations") or {},
        "spec": item.get("spec") or {},
        "conditions": conditions(item),
    }

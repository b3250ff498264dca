"""Nobody gives away what they do not have: what RBAC asks of who writes roles and bindings."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from .. import errors
from .attributes import Attributes
from .rbac import ALL, GROUP, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..context import Api
    from ..lifecycle import Target
    from ..objects import JsonObject
    from .user import User


_EVERYTHING = (Rule((ALL,), (ALL,), (ALL,)), Rule((ALL,), urls=(ALL,)))


def require(api: Api, target: Target, obj: JsonObject, old: JsonObject | None, user: User | None) -> None:
    """Raises 403 when the write of a role or a binding gives more than its writer has; None is the system itself."""
    if user is None or user.may_everything:
        return
    policy, resource = api.authorizer.policy, target.resource
    if "roleRef" in obj:
        reference = obj["roleRef"]
        if old is not None and (old["roleRef"], old.get("subjects")) == (reference, obj.get("subjects")):
            return
        plural = reference["kind"].lower() + "s"
        allowing = Attributes("bind", GROUP, plural, "", target.namespace, reference["name"])
        rules = policy.rules_of(target.namespace, reference)
        if rules is None and not policy.decide(user, allowing).allowed:
            role = api.registry.find(GROUP, "v1", plural)
            raise errors.not_found(role, reference["name"]) if role else errors.no_such_resource()
    else:
        if old is not None and all(old.get(part) == obj.get(part) for part in ("rules", "aggregationRule")):
            return
        allowing = Attributes("escalate", GROUP, resource.plural, "", target.namespace, obj["metadata"]["name"])
        rules = tuple(Rule.of(rule) for rule in obj.get("rules") or [])
    if policy.decide(user, allowing).allowed:
        return
    held = [rule for grant in policy.grants(user, target.namespace) for rule in grant.rules]
    # What an aggregation gathers is not known beforehand.
    if obj.get("aggregationRule") and uncovered(held, _EVERYTHING):
        why = "must have cluster-admin privileges to use the aggregationRule"
        raise errors.forbidden(resource, obj["metadata"]["name"], why)
    missing = described(uncovered(held, rules or ()))
    if missing:
        who = f'user "{user.name}" (groups={_listed(user.groups)})'
        why = f"{who} is attempting to grant RBAC permissions not currently held:\n"
        raise errors.forbidden(resource, obj["metadata"]["name"], why + "\n".join(missing))


def uncovered(held: Iterable[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The parts of the rules wanted, each one verb on one thing, that no single rule held allows."""
    owned = list(held)
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(rule, part) for rule in owned)]


def _parts(rule: Rule) -> Iterator[Rule]:
    for url, verb in product(rule.urls, rule.verbs):
        yield Rule((verb,), urls=(url,))
    names: tuple[tuple[str, ...], ...] = tuple((name,) for name in rule.names) or ((),)
    for group, resource, verb, name in product(rule.groups, rule.resources, rule.verbs, names):
        yield Rule((verb,), (group,), (resource,), name)


def _covers(owner: Rule, part: Rule) -> bool:
    if ALL not in owner.verbs and part.verbs[0] not in owner.verbs:
        return False
    if part.urls:
        wanted = part.urls[0]
        return any(
            url in (ALL, wanted) or (url.endswith(ALL) and wanted.startswith(url.rstrip(ALL))) for url in owner.urls
        )
    resource = part.resources[0]
    sub = resource.partition("/")[2]
    return (
        (ALL in owner.groups or part.groups[0] in owner.groups)
        and (ALL in owner.resources or resource in owner.resources or (sub != "" and f"{ALL}/{sub}" in owner.resources))
        and (not owner.names or (bool(part.names) and part.names[0] in owner.names))
    )


def described(parts: Iterable[Rule]) -> list[str]:
    """As a real server lists them: one line for all verbs on one thing."""
    verbs: dict[Rule, list[str]] = {}
    for part in parts:
        verbs.setdefault(replace(part, verbs=()), []).append(part.verbs[0])
    return sorted(_text(thing, tuple(found)) for thing, found in verbs.items())


def _text(thing: Rule, verbs: tuple[str, ...]) -> str:
    fields = {
        "APIGroups": thing.groups,
        "Resources": thing.resources,
        "NonResourceURLs": thing.urls,
        "ResourceNames": thing.names,
        "Verbs": verbs,
    }
    return "{" + ", ".join(f"{name}:{_listed(values)}" for name, values in fields.items() if values) + "}"


def _listed(values: Iterable[str]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"

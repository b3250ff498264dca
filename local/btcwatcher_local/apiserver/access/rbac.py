"""RBAC as Kubernetes evaluates it: rules, roles and bindings in, a decision out. Reads nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .user import account_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..objects import JsonObject
    from .attributes import Attributes
    from .user import User

ALL = "*"
GROUP = "rbac.authorization.k8s.io"
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: JsonObject) -> Rule:
        def words(key: str) -> tuple[str, ...]:
            return tuple(rule.get(key) or ())

        return cls(
            words("verbs"), words("apiGroups"), words("resources"), words("resourceNames"), words("nonResourceURLs")
        )

    def allows(self, wanted: Attributes) -> bool:
        if ALL not in self.verbs and wanted.verb not in self.verbs:
            return False
        if wanted.path:
            return any(_url_matches(url, wanted.path) for url in self.urls)
        return (
            (ALL in self.groups or wanted.group in self.groups)
            and any(_resource_matches(resource, wanted) for resource in self.resources)
            and (not self.names or wanted.name in self.names)
        )


def _url_matches(rule: str, path: str) -> bool:
    return rule in (ALL, path) or (rule.endswith(ALL) and path.startswith(rule.rstrip(ALL)))


def _resource_matches(rule: str, wanted: Attributes) -> bool:
    if rule in (ALL, wanted.combined):
        return True
    return bool(wanted.subresource) and rule == f"{ALL}/{wanted.subresource}"


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one subject of one binding gets."""

    rules: tuple[Rule, ...]
    text: str
    # why there are no rules: the role that the binding names is not there
    problem: str = ""


class Policy:
    """All roles and bindings at one moment."""

    def __init__(
        self,
        cluster_roles: Iterable[JsonObject],
        roles: Iterable[JsonObject],
        cluster_bindings: Iterable[JsonObject],
        bindings: Iterable[JsonObject],
    ) -> None:
        self._cluster_roles = {obj["metadata"]["name"]: _rules(obj) for obj in cluster_roles}
        self._roles = {(_namespace(obj), obj["metadata"]["name"]): _rules(obj) for obj in roles}
        # subject -> its grants, in the cluster ("") and in each namespace
        self._granted: dict[str, dict[tuple[str, str], list[Grant]]] = {}
        for binding in (*cluster_bindings, *bindings):
            self._bind(binding)
        # Clients ask for the same again and again.
        self._decided: dict[tuple[str, tuple[str, ...], Attributes], Decision] = {}

    def decide(self, user: User, wanted: Attributes) -> Decision:
        if user.may_everything:
            return Decision(True)
        key = (user.name, user.groups, wanted)
        found = self._decided.get(key)
        if found is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            found = self._decided[key] = self._decide(user, wanted)
        return found

    def _decide(self, user: User, wanted: Attributes) -> Decision:
        problems: dict[str, None] = {}
        for grant in self.grants(user, wanted.namespace):
            if grant.problem:
                problems[grant.problem] = None
            elif any(rule.allows(wanted) for rule in grant.rules):
                return Decision(True, f"RBAC: allowed by {grant.text}")
        if not problems:
            return Decision(False)
        listed = ", ".join(problems)
        return Decision(False, f"RBAC: {listed}" if len(problems) == 1 else f"RBAC: [{listed}]")

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """What a user has in the cluster, then what they have in the namespace (none for "")."""
        for place in ("", namespace) if namespace else ("",):
            here = self._granted.get(place)
            if here is None:
                continue
            yield from here.get(("User", user.name), ())
            for group in user.groups:
                yield from here.get(("Group", group), ())

    def rules_of(self, namespace: str, role_ref: JsonObject) -> tuple[Rule, ...] | None:
        """The rules of the role that a binding in a namespace names, None when it is not there."""
        if role_ref.get("kind") == "ClusterRole":
            return self._cluster_roles.get(role_ref.get("name", ""))
        return self._roles.get((namespace, role_ref.get("name", "")))

    def _bind(self, binding: JsonObject) -> None:
        namespace = _namespace(binding)
        role_ref = binding.get("roleRef") or {}
        rules = self.rules_of(namespace, role_ref)
        problem = "" if rules is not None else f'{role_ref["kind"].lower()}.{GROUP} "{role_ref["name"]}" not found'
        here = self._granted.setdefault(namespace, {})
        for subject in binding.get("subjects") or []:
            key = _subject_key(subject, namespace)
            text = _binding_text(binding, namespace, role_ref, subject)
            here.setdefault(key, []).append(Grant(rules or (), text, problem))


def _rules(role: JsonObject) -> tuple[Rule, ...]:
    return tuple(Rule.of(rule) for rule in role.get("rules") or [])


def _namespace(obj: JsonObject) -> str:
    return obj["metadata"].get("namespace") or ""


def _subject_key(subject: JsonObject, namespace: str) -> tuple[str, str]:
    """A ServiceAccount is the user of its name."""
    kind, name = subject["kind"], subject["name"]
    if kind != "ServiceAccount":
        return kind, name
    return "User", account_name(subject.get("namespace") or namespace, name)


def _binding_text(binding: JsonObject, namespace: str, role_ref: JsonObject, subject: JsonObject) -> str:
    kind, name = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    bound = binding["metadata"]["name"]
    what = f'RoleBinding "{bound}/{namespace}"' if namespace else f'ClusterRoleBinding "{bound}"'
    return f'{what} of {role_ref["kind"]} "{role_ref["name"]}" to {kind} "{name}"'


def review_rules(grants: Iterable[Grant]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """resourceRules and nonResourceRules of a SelfSubjectRulesReview."""
    resources: list[dict[str, Any]] = []
    urls: list[dict[str, Any]] = []
    for rule in (rule for grant in grants for rule in grant.rules):
        if rule.resources:
            found = {"verbs": list(rule.verbs), "apiGroups": list(rule.groups), "resources": list(rule.resources)}
            if rule.names:
                found["resourceNames"] = list(rule.names)
            resources.append(found)
        if rule.urls:
            urls.append({"verbs": list(rule.verbs), "nonResourceURLs": list(rule.urls)})
    return resources, urls

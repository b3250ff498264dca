"""A container's environment."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from btcwatcher_local.node.env import ConfigError, container_env
from btcwatcher_local.node.expand import expand
from support.objects import pod

Obj = dict[str, Any]


class Fake:
    """Two objects of namespace ns: Secret s and ConfigMap c."""

    async def secret(self, namespace: str, name: str) -> Obj | None:
        value = base64.b64encode(b"hidden").decode()
        return {"data": {"KEY": value}} if (namespace, name) == ("ns", "s") else None

    async def config_map(self, namespace: str, name: str) -> Obj | None:
        return {"data": {"COLOUR": "red", "not a name!": "x"}} if (namespace, name) == ("ns", "c") else None


async def made(*entries: Obj, **container: Any) -> dict[str, str]:
    facts = {"status.podIP": "127.0.0.1", "limits.memory": "1Gi", "limits.cpu": "2"}
    spec = {"name": "main", "env": list(entries), **container}
    return await container_env(pod(), spec, {"FROM_IMAGE": "1"}, Fake(), facts)


def from_(kind: str, **ref: Any) -> Obj:
    return {"name": "X", "valueFrom": {kind: ref}}


async def test_literals_expand_what_came_before() -> None:
    env = await made(
        {"name": "A", "value": "a"},
        {"name": "B", "value": "$(A)-$(FROM_IMAGE)-$(LATER)-$$(A)"},
        {"name": "LATER", "value": "z"},
    )
    assert env["B"] == "a-1-$(LATER)-$(A)"


async def test_references() -> None:
    assert (await made(from_("secretKeyRef", name="s", key="KEY")))["X"] == "hidden"
    assert (await made(from_("configMapKeyRef", name="c", key="COLOUR")))["X"] == "red"
    assert (await made(from_("fieldRef", fieldPath="metadata.labels['app']")))["X"] == "x"
    assert (await made(from_("fieldRef", fieldPath="metadata.name")))["X"] == "p"
    assert (await made(from_("fieldRef", fieldPath="status.podIP")))["X"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (from_("secretKeyRef", name="no", key="k"), 'secret "no" not found'),
        (from_("secretKeyRef", name="s", key="no"), "couldn't find key no in Secret ns/s"),
        (from_("configMapKeyRef", name="no", key="k"), 'configmap "no" not found'),
        (from_("fieldRef", fieldPath="spec.nothing"), "unsupported fieldPath: spec.nothing"),
    ],
)
async def test_missing_references_in_the_kubelets_words(entry: Obj, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await made(entry)


async def test_optional_references_may_be_missing() -> None:
    env = await made(
        from_("secretKeyRef", name="no", key="k", optional=True),
        envFrom=[{"configMapRef": {"name": "no", "optional": True}}],
    )
    assert env == {"FROM_IMAGE": "1"}


async def test_env_from_with_prefix_leaves_out_what_is_no_name() -> None:
    env = await made(envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}}])
    assert env == {"FROM_IMAGE": "1", "P_COLOUR": "red", "KEY": "hidden"}


async def test_resources_round_up_and_fall_back_to_the_node() -> None:
    limits = {"limits": {"cpu": "1500m", "memory": "300Mi"}}
    assert (await made(from_("resourceFieldRef", resource="limits.cpu"), resources=limits))["X"] == "2"
    divided = from_("resourceFieldRef", resource="limits.memory", divisor="1Mi")
    assert (await made(divided, resources=limits))["X"] == "300"
    assert (await made(divided))["X"] == "1024"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$(A)", "1"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("a$", "a$"), ("$(A", "$(A"), ("$A", "$A")],
)
def test_expand(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded

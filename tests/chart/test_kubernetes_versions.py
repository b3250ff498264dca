"""Every object, for many values, is one that each version of Kubernetes knows, without a field that it does not."""

import json
from typing import Any

import pytest
from jsonschema import ValidationError
from jsonschema.validators import Draft202012Validator
from kubernetes_validate.utils import schema_contents, validate
from referencing import Registry, Resource

from support import chart
from support.chart_values import VARIANTS

VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
OTHERS = ("monitoring.coreos.com", "gateway.networking.k8s.io")
"""Groups of kinds that Kubernetes' own description does not hold."""


def distinct() -> list[dict[str, Any]]:
    """Most objects are the same for many values."""
    every = [item for variant in VARIANTS.values() for item in chart.rendered(variant, database={})]
    return list({json.dumps(item, sort_keys=True): item for item in every}.values())


class Strict:
    """What kubernetes_validate.validate does, but it reads a version's definitions once, not for each object."""

    def __init__(self, version: str) -> None:
        self._folder = f"kubernetes-json-schema/v{version}.0-local-strict"
        self._version = version
        definitions = Resource.from_contents(schema_contents(f"{self._folder}/_definitions.json", version))
        self._registry: Any = (definitions @ Registry()).crawl()

    def validate(self, item: dict[str, Any]) -> None:
        group, _, version = item["apiVersion"].rpartition("/")
        name = "-".join(part for part in (item["kind"].lower(), group.partition(".")[0], version) if part)
        schema = schema_contents(f"{self._folder}/{name}.json", self._version)
        resource: Any = Resource.from_contents(schema)
        Draft202012Validator(schema, registry=resource @ self._registry).validate(item)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_known(version: str) -> None:
    strict = Strict(version)
    seen = 0
    for item in distinct():
        if not item["apiVersion"].startswith(OTHERS):
            strict.validate(item)
            seen += 1
    assert seen > 60


def test_a_field_that_is_not_known_would_be_found() -> None:
    deployment = chart.one(chart.rendered(), "Deployment", "btcwatcher-api")
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 3}}
    for version in (VERSIONS[0], VERSIONS[-1]):
        validate(deployment, version, strict=True)
        with pytest.raises(ValidationError, match="replica"):
            Strict(version).validate(wrong)

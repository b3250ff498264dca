"""The chart brings the kinds as crds/ has them, and takes no Strategy with it when it goes."""

import re

import yaml

from btcwatcher_chart.crds import crd_templates
from support import chart
from support.chart import HELMS, REPOSITORY, Object

CRD = "CustomResourceDefinition"


def crds(**values: bool) -> list[Object]:
    return [item for item in chart.rendered({"crds": values}) if item["kind"] == CRD]


def test_they_are_those_of_the_contract() -> None:
    source = [yaml.safe_load(file.read_text()) for file in sorted((REPOSITORY / "crds").glob("*.yaml"))]
    assert len(source) == 7
    for version in HELMS:
        found = [item for item in chart.rendered(version=version) if item["kind"] == CRD]
        assert [(item["metadata"]["name"], item["spec"]) for item in found] == [
            (item["metadata"]["name"], item["spec"]) for item in source
        ]


def test_they_stay_when_the_release_is_uninstalled_unless_told_otherwise() -> None:
    assert {item["metadata"]["annotations"]["helm.sh/resource-policy"] for item in crds()} == {"keep"}
    assert not any("annotations" in item["metadata"] for item in crds(keep=False))
    both = chart.rendered({"commonAnnotations": {"example.com/owner": "desk"}})
    annotations = next(item for item in both if item["kind"] == CRD)["metadata"]["annotations"]
    assert annotations == {"helm.sh/resource-policy": "keep", "example.com/owner": "desk"}


def test_they_can_be_installed_by_somebody_else() -> None:
    assert crds(enabled=False) == []


def test_a_templates_braces_in_a_description_are_no_template() -> None:
    for text in crd_templates(REPOSITORY).values():
        for expression in re.findall(r"{{.*?}}", text):
            assert re.match(r"{{-? ?(if|end|include|with|toYaml|\$policy|\"{{\")", expression), expression

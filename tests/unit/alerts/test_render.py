"""The PrometheusRule has the rules of the plain file, and no others."""

import yaml

from btcwatcher_rules.render import rendered
from support.alerts import RULES

MANIFEST = RULES.parents[1] / "prometheusrule.yaml"


def test_the_committed_manifest_is_what_is_rendered() -> None:
    assert MANIFEST.read_text() == rendered(RULES.read_text()), "run `make rules` and commit"


def test_it_is_the_same_for_whoever_reads_it() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert manifest["spec"] == yaml.safe_load(RULES.read_text())

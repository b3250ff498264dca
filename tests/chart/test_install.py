"""manifests/install/ is what the chart renders, for plain kubectl."""

import yaml

from btcwatcher_chart.install import MANIFEST, VALUES, manifest
from support import chart
from support.chart import REPOSITORY, Object, one, pods

TEXT = (REPOSITORY / MANIFEST).read_text()
OBJECTS: list[Object] = [
    item for item in yaml.load_all(TEXT, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if item
]


def test_it_is_up_to_date() -> None:
    values = yaml.safe_load((REPOSITORY / VALUES).read_text())
    assert manifest(chart.rendered(values, database={})) == TEXT, "run `make chart`"


def test_it_needs_nothing_of_helm() -> None:
    assert "helm.sh" not in TEXT
    assert "Helm" not in TEXT


def test_the_keys_are_made_by_a_plain_job_that_removes_itself() -> None:
    job = one(OBJECTS, "Job", "btcwatcher-make-keys")
    assert "annotations" not in job["metadata"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 600
    one(OBJECTS, "ServiceAccount", "btcwatcher-make-keys")


def test_what_others_need_comes_first() -> None:
    kinds = [item["kind"] for item in OBJECTS]
    assert kinds[0] == "Namespace"
    assert kinds.index("CustomResourceDefinition") == 1
    first_pod = min(OBJECTS.index(item) for item in OBJECTS if dict(pods([item])))
    assert max(index for index, kind in enumerate(kinds) if kind.endswith(("Role", "Binding", "Account"))) < first_pod


def test_its_secrets_are_those_that_it_names() -> None:
    named = {
        source["secretKeyRef"]["name"]
        for _, pod in pods(OBJECTS)
        for container in chart.containers(pod)
        for source in chart.environment(container).values()
        if isinstance(source, dict) and "secretKeyRef" in source
    }
    assert named == {"btcwatcher-database"}
    assert "create secret generic btcwatcher-database" in TEXT

"""The bundled Postgres: for trying out, and said to be."""

from __future__ import annotations

from btcwatcher_api.platform_keys import database_access
from support import chart
from support.chart import one, rendered
from support.chart_values import VARIANTS

BUNDLED = VARIANTS["bundled"]
NAME = "btcwatcher-database"


def test_its_access_is_what_the_job_makes() -> None:
    objects = rendered(BUNDLED, database={})
    keys = database_access(NAME).keys()
    (container,) = one(objects, "StatefulSet", NAME)["spec"]["template"]["spec"]["containers"]
    sources = [item["valueFrom"]["secretKeyRef"] for item in container["env"] if "valueFrom" in item]
    assert {source["name"] for source in sources} == {NAME}
    assert {source["key"] for source in sources} == {"username", "password", "dbname"} <= keys
    for component in ("api", "worker", "collector"):
        spec = one(objects, "Deployment", f"btcwatcher-{component}")["spec"]["template"]["spec"]
        for each in [*spec["initContainers"], *spec["containers"]]:
            source = chart.environment(each)["BTCWATCHER_DATABASE_URL"]["secretKeyRef"]
            assert source == {"name": NAME, "key": "uri"}
    assert "uri" in keys


def test_its_service_is_the_host_in_that_access() -> None:
    service = one(rendered(BUNDLED, database={}), "Service", NAME)
    access = database_access(NAME)
    assert (service["metadata"]["name"], str(service["spec"]["ports"][0]["port"])) == (access["host"], access["port"])


def test_what_it_wrote_outlives_the_release() -> None:
    spec = one(rendered(BUNDLED, database={}), "StatefulSet", NAME)["spec"]
    assert spec["replicas"] == 1
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    (claim,) = spec["volumeClaimTemplates"]
    (container,) = spec["template"]["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert chart.environment(container)["PGDATA"].startswith(f"{mounts[claim['metadata']['name']]}/")


def test_it_has_no_way_to_kubernetes() -> None:
    assert (
        one(rendered(BUNDLED, database={}), "StatefulSet", NAME)["spec"]["template"]["spec"][
            "automountServiceAccountToken"
        ]
        is False
    )


def test_nothing_of_it_is_there_otherwise() -> None:
    assert not [item for item in rendered() if item["metadata"]["name"] == NAME]

"""The Job that makes the platform's keys: before all else, with rights that go with it, and never twice."""

from btcwatcher_api.platform_keys import KEYS
from support import chart
from support.chart import one
from support.chart_values import VARIANTS

NAME = "btcwatcher-make-keys"


def test_it_runs_before_everything_and_its_rights_before_it() -> None:
    objects = [item for item in chart.rendered() if item["metadata"]["name"] == NAME]
    assert {item["kind"] for item in objects} == {"Job", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy"}
    for item in objects:
        annotations = item["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
        assert (int(annotations["helm.sh/hook-weight"]) == 0) is (item["kind"] == "Job")
        assert int(annotations["helm.sh/hook-weight"]) <= 0


def test_no_manifest_holds_a_key() -> None:
    """They are the Job's to make: rendered without a cluster they would be others each time."""
    for variant in VARIANTS.values():
        assert not [item for item in chart.rendered(variant, database={}) if item["kind"] == "Secret"]


def test_it_may_read_and_complete_what_it_makes_and_nothing_else() -> None:
    rules = one(chart.rendered(VARIANTS["bundled"], database={}), "Role", NAME)["rules"]
    assert rules == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["btcwatcher-keys", "btcwatcher-database"],
            "verbs": ["get", "patch"],
        },
    ]


def test_what_it_makes_is_what_the_pods_mount() -> None:
    objects = chart.rendered()
    (container,) = one(objects, "Job", NAME)["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["keys", "--namespace=btcwatcher", "--secret=btcwatcher-keys"]
    mounted = {
        item["key"]
        for _, pod in chart.pods(objects)
        for volume in pod["spec"]["volumes"]
        if volume["name"] == "keys" and volume["secret"]["secretName"] == "btcwatcher-keys"
        for item in volume["secret"]["items"]
    }
    assert mounted == set(KEYS)


def test_it_makes_the_bundled_databases_password() -> None:
    bundled = {"keys": {"existingSecret": "ours"}, "database": {"bundled": {"enabled": True}}}
    objects = chart.rendered(bundled, database={})
    (container,) = one(objects, "Job", NAME)["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "keys",
        "--namespace=btcwatcher",
        "--database-secret=btcwatcher-database",
        "--database-host=btcwatcher-database",
    ]
    assert one(objects, "Role", NAME)["rules"][1]["resourceNames"] == ["btcwatcher-database"]


def test_there_is_none_where_somebody_else_made_the_keys() -> None:
    objects = chart.rendered(VARIANTS["everything"], database={})
    assert not [item for item in objects if item["metadata"]["name"] == NAME]
    volumes = one(objects, "Deployment", "btcwatcher-api")["spec"]["template"]["spec"]["volumes"]
    assert next(volume for volume in volumes if volume["name"] == "keys")["secret"]["secretName"] == "our-keys"

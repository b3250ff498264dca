"""Where nothing is sent."""

import pytest

from btcwatcher_api.notifications.senders.networks import Forbidden, check
from btcwatcher_api.notifications.worker.settings import WorkerSettings
from btcwatcher_api.settings import SettingsError, load

URL = "postgresql://u:sesame@h/d"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_metadata_of_clouds_is_asked_by_nobody(address: str) -> None:
    with pytest.raises(Forbidden, match="BTCWATCHER_WORKER_FORBIDDEN_NETWORKS"):
        check(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "149.154.167.220", "/a/socket"])
def test_others_are_for_whoever_makes_the_channel(address: str) -> None:
    """A mail server or a gateway of one's own is inside."""
    check(address)


def test_the_networks_are_a_setting() -> None:
    assert len(load(WorkerSettings, database_url=URL).forbidden_networks) == 6
    wider = load(WorkerSettings, database_url=URL, worker_forbidden_networks="10.0.0.0/8, fd00::/8,")
    assert [str(network) for network in wider.forbidden_networks] == ["10.0.0.0/8", "fd00::/8"]
    assert load(WorkerSettings, database_url=URL, worker_forbidden_networks="").forbidden_networks == ()
    with pytest.raises(SettingsError, match="BTCWATCHER_WORKER_FORBIDDEN_NETWORKS"):
        load(WorkerSettings, database_url=URL, worker_forbidden_networks="10.0.0.1/8")

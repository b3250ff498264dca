"""URLs of users lead to the internet, whatever way they are written."""

import pytest

from btcwatcher_api.guard import check_public
from btcwatcher_api.problems import Problem

INSIDE = [
    "http://127.0.0.1/x",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://metadata.google.internal/",
    "http://api.btcwatcher.svc/",
    "http://api.btcwatcher.svc.cluster.local./",
    "http://kubernetes/",
    "http://user:pw@127.0.0.1/",
]


@pytest.mark.parametrize("url", INSIDE)
async def test_ways_into_our_own_network_are_refused(url: str) -> None:
    with pytest.raises(Problem) as refused:
        await check_public("spec.test.url", url, allow_private=False)
    assert refused.value.status == 422
    assert refused.value.errors[0][0] == "spec.test.url"
    assert "BTCWATCHER_ALLOW_PRIVATE_URLS" in refused.value.detail
    await check_public("spec.test.url", url, allow_private=True)


@pytest.mark.parametrize(
    "url", ["https://1.1.1.1/", "https://[2606:4700:4700::1111]/x", "https://no-such-name.example/"]
)
async def test_the_internet_is_allowed(url: str) -> None:
    await check_public("spec.test.url", url, allow_private=False)


@pytest.mark.parametrize("url", ["http://", "http:///path", "http://[::1/", "http://a.b:port/", ""])
async def test_what_has_no_host(url: str) -> None:
    with pytest.raises(Problem, match="no URL with a host"):
        await check_public("url", url, allow_private=False)

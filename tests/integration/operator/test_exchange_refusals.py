"""What a user must not apply as an Exchange is refused at apply, with a sentence that says what to do."""

from typing import Any

import pytest

from support.kubectl import Kubectl

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

NOT_PUBLIC = "does not go through the cache where it has an address of its own"
REFUSED: list[tuple[str, Object, str]] = [
    ("private addresses", {"upstreams": {"fapiPrivate": "https://fapi.binance.com/fapi/v1"}}, NOT_PUBLIC),
    ("Binance's signed addresses", {"upstreams": {"sapi": "https://api.binance.com/sapi/v1"}}, NOT_PUBLIC),
    ("a key with a slash", {"upstreams": {"public/spot": "https://api.binance.com"}}, "public.spot"),
    (
        "an address of another kind",
        {"upstreams": {"public": "ftp://api.binance.com"}},
        "must be an http:// or https://",
    ),
    ("a user in an address", {"upstreams": {"public": "https://me:secret@api.binance.com"}}, "without user"),
    ("a query in an address", {"upstreams": {"public": "https://api.binance.com?a=1"}}, "query"),
    ("no weight at all", {"limits": {"weightPerMinute": 0}}, "greater than or equal to 1"),
    ("too many calls at a time", {"limits": {"maxConcurrent": 1000}}, "less than or equal to 256"),
    ("a Secret without a name", {"proxySecretRef": {"key": "url"}}, "spec.proxySecretRef.name: Required value"),
    ("another way when it is away", {"whenAway": "Panic"}, 'supported values: "Wait", "Direct"'),
    ("a proxy's URL", {"proxy": "socks5://u:p@h"}, 'unknown field "spec.proxy"'),
]


def exchange(spec: Object, name: str = "binance") -> Object:
    return {"apiVersion": "btcwatcher.io/v1alpha1", "kind": "Exchange", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("spec", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(kubectl: Kubectl, spec: Object, sentence: str) -> None:
    assert sentence in kubectl.refused(exchange(spec))


def test_a_name_is_an_exchanges(kubectl: Kubectl) -> None:
    assert "lower-case letters, digits and dashes only" in kubectl.refused(exchange({}, "bin.ance"))


def test_taken_with_its_defaults_and_shown(kubectl: Kubectl) -> None:
    kubectl.apply(exchange({}))
    try:
        (made,) = kubectl.list("exchanges", "")
        assert made["spec"] == {"limits": {"maxConcurrent": 8}, "whenAway": "Wait"}
        assert kubectl("get", "xchg").split("\n")[0].split() == ["NAME", "READY", "REASON", "WHEN-AWAY", "AGE"]
        assert "exchange.btcwatcher.io/binance" in kubectl("get", "trading", "-A", "-o", "name")
    finally:
        kubectl("delete", "exchange", "binance")

"""Small formats: quantities, ages, selectors, JSONPath, protobuf, certificates, CEL values."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from btcwatcher_local.apiserver import bodies, quantity
from btcwatcher_local.apiserver.cel.engine import CelError, Expression, uses_old
from btcwatcher_local.apiserver.cel.values import escaped, to_cel
from btcwatcher_local.apiserver.certificate import self_signed
from btcwatcher_local.apiserver.errors import StatusError
from btcwatcher_local.apiserver.registry import version_priority
from btcwatcher_local.apiserver.request import negotiate, parse_path
from btcwatcher_local.apiserver.schema.node import Node
from btcwatcher_local.apiserver.schema.patterns import compiled
from btcwatcher_local.apiserver.selectors import label_selector
from btcwatcher_local.apiserver.storage import Store
from btcwatcher_local.apiserver.table import jsonpath
from btcwatcher_local.apiserver.table.columns import human_duration
from btcwatcher_local.apiserver.table.pods import ready_text, restarts_text, status_text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1000Mi", "1000Mi"), ("1.5Gi", "1536Mi"), ("1000", "1k"),
        ("0.5Ki", "512"), ("1e3", "1e3"), ("0", "0"), ("250m", "250m"), ("-1000m", "-1"),
    ],
)  # fmt: skip
def test_quantities(text: str, canonical: str) -> None:
    assert quantity.canonical(text) == canonical
    assert quantity.parse(text) == quantity.parse(canonical)


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1GB", "--1"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (3600, "60m"), (4 * 3600, "4h"),
        (5 * 3600 + 720, "5h12m"), (30 * 3600, "30h"), (3 * 86400, "3d"), (100 * 86400, "100d"), (800 * 86400, "2y70d"),
    ],
)  # fmt: skip
def test_ages(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def pod(status: dict[str, Any], **meta: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}, {"name": "j"}]}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Pending", **status}}


DONE = {"name": "i", "state": {"terminated": {"exitCode": 0}}}


def early(state: dict[str, Any]) -> dict[str, Any]:
    return pod({"initContainerStatuses": [{"name": "i", "state": state}]})


def main(state: dict[str, Any]) -> dict[str, Any]:
    return pod({"containerStatuses": [{"name": "c", "state": state}]})


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (pod({}), "Pending"),
        (pod({"initContainerStatuses": [DONE, {"name": "j", "state": {"running": {}}}]}), "Init:1/2"),
        (early({"terminated": {"exitCode": 1, "reason": "Error"}}), "Init:Error"),
        (early({"terminated": {"exitCode": 3}}), "Init:ExitCode:3"),
        (early(BACK_OFF), "Init:CrashLoopBackOff"),
        (main(BACK_OFF), "CrashLoopBackOff"),
        (main({"terminated": {"exitCode": 0, "reason": "Completed"}}), "Completed"),
        (main({"terminated": {"signal": 9}}), "Signal:9"),
        (pod({"phase": "Running"}, deletionTimestamp="2026-01-01T00:00:00Z"), "Terminating"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
    ],
)
def test_the_word_for_a_pod(obj: dict[str, Any], text: str) -> None:
    assert status_text(obj) == text


def test_ready_and_restarts_of_a_pod() -> None:
    last = {"terminated": {"finishedAt": "2020-01-01T00:00:00Z"}}
    running = {"name": "c", "ready": True, "restartCount": 3, "state": {"running": {}}, "lastState": last}
    obj = pod({"containerStatuses": [running]})
    assert ready_text(obj) == "1/1"
    assert restarts_text(obj).startswith("3 (")
    assert restarts_text(pod({})) == "0"


def test_label_selectors() -> None:
    def selects(text: str, **labels: str) -> bool:
        test = label_selector(text)
        assert test is not None
        return test({"metadata": {"labels": labels}})

    assert selects("a=b,c!=d", a="b")
    assert not selects("a=b,c!=d", a="b", c="d")
    assert selects("a in (b, c),!x", a="c")
    assert not selects("a notin (b)", a="b")
    assert label_selector("") is None
    with pytest.raises(StatusError):
        label_selector("a b c")


def test_paths() -> None:
    one = parse_path("/apis/apps/v1/namespaces/n/statefulsets/s/scale")
    assert one is not None
    assert (one.group, one.version, one.namespace, one.plural, one.name, one.subresource) == (
        "apps", "v1", "n", "statefulsets", "s", "scale"
    )  # fmt: skip
    namespace = parse_path("/api/v1/namespaces/n/status")
    assert namespace is not None
    assert (namespace.plural, namespace.name, namespace.subresource) == ("namespaces", "n", "status")
    assert parse_path("/apis/apps") is None


def test_accept_takes_the_first_that_can_be_served() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    assert negotiate(f"application/vnd.kubernetes.protobuf,{table},application/json").form == "Table"
    assert negotiate("application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json").form == ""
    with pytest.raises(StatusError):
        negotiate("application/cbor")


def test_versions_in_order_of_preference() -> None:
    assert sorted(["v1alpha1", "v1", "v2beta1", "x", "v10"], key=version_priority) == [
        "v10",
        "v1",
        "v2beta1",
        "v1alpha1",
        "x",
    ]


def test_json_paths() -> None:
    obj = {"a": {"b.c": 1}, "l": [{"type": "x", "v": 1}, {"type": "y", "v": 2}]}
    assert jsonpath.find(obj, '.l[?(@.type=="y")].v') == [2]
    assert jsonpath.find(obj, ".l[*].v") == [1, 2]
    assert jsonpath.find(obj, ".l[0].type") == ["x"]
    assert jsonpath.find(obj, r".a.b\.c") == [1]
    assert jsonpath.find(obj, ".none.x") == []
    with pytest.raises(ValueError, match="unrecognised"):
        jsonpath.compiled(".a[")


def test_protobuf_of_a_config_map() -> None:
    name = b"\x0a\x01c"
    entry = b"\x0a\x01a\x12\x01b"
    raw = b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(entry)]) + entry
    about = b"\x0a\x02v1\x12\x09ConfigMap"
    body = b"k8s\x00\x0a" + bytes([len(about)]) + about + b"\x12" + bytes([len(raw)]) + raw
    assert bodies.parse("application/vnd.kubernetes.protobuf", body) == {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}
    }  # fmt: skip
    for broken, code in ((body[:-3], 400), (b"{}", 400), (body.replace(b"ConfigMap", b"Wonderful"), 415)):
        with pytest.raises(StatusError) as refused:
            bodies.parse("application/vnd.kubernetes.protobuf", broken)
        assert refused.value.code == code


def test_a_certificate_serves() -> None:
    made = self_signed(("127.0.0.1", "localhost"))
    made.server_context()
    trusting = ssl.create_default_context(cadata=made.certificate)
    found = trusting.get_ca_certs()[0]
    assert found["issuer"] == found["subject"]


def test_cel() -> None:
    assert escaped("a-b") == "a__dash__b"
    assert escaped("namespace") == "__namespace__"
    assert uses_old("self == oldSelf")
    assert not uses_old("self == 'oldSelf'")
    node = Node({"properties": {"n": {"type": "number"}, "t": {"type": "string", "format": "date-time"}}})
    value = to_cel({"n": 1, "t": "2026-01-01T00:00:00Z"}, node)
    assert isinstance(value["n"], float)
    assert Expression("timestamp(self.t) > timestamp('2025-01-01T00:00:00Z')", wanted="BOOL").value(value) is True
    assert Expression("isURL(self) && url(self).getHost() == 'a.b'", wanted="BOOL").value("http://a.b/c") is True
    assert Expression("quantity(self).isLessThan(quantity('1Gi'))", wanted="BOOL").value("1000Mi") is True
    assert Expression("oldSelf.hasValue()", wanted="BOOL", optional_old=True).value(1, 2, has_old=True) is True
    assert Expression("oldSelf.hasValue()", wanted="BOOL", optional_old=True).value(1) is False
    with pytest.raises(CelError):
        Expression("self.nothing(", wanted="BOOL")
    with pytest.raises(CelError, match="must evaluate to a bool"):
        Expression("'text'", wanted="BOOL")
    with pytest.raises(CelError):
        Expression("self.a == 1", wanted="BOOL").value({})


def test_patterns_are_read_as_re2_does() -> None:
    assert compiled("^[a-z]+$").search("abc")
    assert not compiled("^[a-z]+$").search("abc\n")
    assert compiled("[[:digit:]$]+").search("1$")


def test_the_store_forgets_the_oldest_changes() -> None:
    store = Store(history=5)
    things = store.collection("", "things")
    for index in range(20):
        things.put(("", "x"), {"metadata": {"name": "x"}, "n": index})
    assert len(things.history) <= 10
    assert things.position(2) is None
    sequence = things.position(store.rv - 2)
    assert sequence is not None
    found = things.since(sequence)
    assert found is not None
    assert [c.new.obj["n"] for c in found[0]] == [18, 19]
    assert [c.kind for c in found[0]] == ["MODIFIED", "MODIFIED"]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("url(self).getHost() == 'a.b' && url(self).getScheme() == 'http'", "http://a.b/c"),
        ("url(self).getPort() == '80' && url(self).getQuery()['a'][0] == '1'", "http://x:80/?a=1"),
        ("!isURL(self)", "nope"),
        ("quantity(self).add(quantity('1')).compareTo(quantity('2')) == 0", "1"),
        ("quantity(self).sub(1).sign() == 0 && quantity(self) == quantity('1000m')", "1"),
        ("quantity(self).asInteger() == 5 && quantity(self).isInteger()", "5"),
        ("ip(self).family() == 4 && cidr('10.0.0.0/8').containsIP(self)", "10.1.2.3"),
        ("cidr('10.0.0.0/8').containsCIDR(self) && cidr(self).prefixLength() == 24", "10.1.2.0/24"),
        ("self.find('[0-9]+') == '12' && self.findAll('[0-9]') == ['1', '2']", "ab12"),
        ("self.sum() == 3 && self.max() == 2 && self.min() == 1 && self.isSorted()", [1, 2]),
        ("self.split(',').map(x, x.trim()).join('-').lowerAscii() == 'a-b'", "A, B"),
    ],
)
def test_functions_of_kubernetes(rule: str, value: Any) -> None:
    assert Expression(rule, wanted="BOOL").value(value) is True

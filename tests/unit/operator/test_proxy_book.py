from typing import Any

from btcwatcher_operator.children.proxies import ProxySource
from btcwatcher_operator.proxies.book import ProxyBook
from btcwatcher_operator.store import Key

TOKYO = Key("desk", "tokyo")


def proxy(name: str = "tokyo", version: int = 1, uid: str = "1", source: str = "px", **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Proxy",
        "metadata": {"name": name, "namespace": "desk", "uid": uid, "resourceVersion": str(version)},
        "spec": {"urlSecretRef": {"name": source, "key": "url"}},
        "status": status,
    }


def test_what_changes_a_bots_pod_is_told_from_what_does_not() -> None:
    book = ProxyBook()
    assert book.put(proxy(version=1))
    assert not book.put(proxy(version=1)), "the same again"
    assert not book.put(proxy(version=2, latencyMilliseconds=5)), "a test's outcome"
    assert book.put(proxy(version=3, source="other"))
    assert not book.put(proxy(version=2)), "an older one"
    assert book.sources("desk", ["tokyo"]) == ([ProxySource("tokyo", "other", "url")], [])


def test_sources_keep_the_order_and_name_what_is_missing() -> None:
    book = ProxyBook()
    book.put(proxy("a"))
    book.put(proxy("b"))
    found, missing = book.sources("desk", ["b", "gone", "a", "away"])
    assert [source.name for source in found] == ["b", "a"]
    assert missing == ["gone", "away"]
    assert book.sources("elsewhere", ["a"])[1] == ["a"], "a Proxy of another namespace is none"


def test_a_late_deletion_leaves_the_one_made_again() -> None:
    book = ProxyBook()
    book.put(proxy(version=5, uid="2"))
    assert not book.remove(proxy(version=4, uid="1"))
    assert book.get(TOKYO)
    assert book.remove(proxy(version=6, uid="2"))
    assert book.get(TOKYO) is None


def test_a_list_finds_what_the_watch_lost() -> None:
    book = ProxyBook()
    book.put(proxy("a", version=1))
    book.put(proxy("b", version=2))
    book.put(proxy("new", version=20))
    assert book.replace([proxy("b", version=2), proxy("c", version=3)], "10", None) == {
        Key("desk", "a"),
        Key("desk", "c"),
    }
    assert {key.name for key, _ in book} == {"b", "c", "new"}, "what is newer than the list stays"
    assert book.replace([], "30", "elsewhere") == set(), "a list of another namespace says nothing of this one"


def test_one_that_the_contract_does_not_take_is_not_there() -> None:
    book = ProxyBook()
    book.put(proxy(version=1))
    assert book.put({**proxy(version=2), "spec": {"urlSecretRef": {}}})
    assert book.get(TOKYO) is None

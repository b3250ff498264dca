from typing import Any

from btcwatcher_crds import names
from btcwatcher_operator.resources import SERVICE, STRATEGY
from btcwatcher_operator.store import REMOVED_REMEMBERED, Key, Store

KEY = Key("trading", "ema")


def obj(kind: str = "Service", version: int = 1, uid: str = "u1", name: str = "ema") -> dict[str, Any]:
    labels = {} if kind == "Strategy" else {names.LABEL_STRATEGY: "ema"}
    metadata = {"name": name, "namespace": "trading", "resourceVersion": str(version), "uid": uid, "labels": labels}
    return {"kind": kind, "metadata": metadata}


def test_an_older_version_never_replaces_a_newer_one() -> None:
    store = Store()
    assert store.put(obj(version=5))
    assert not store.put(obj(version=4))
    assert not store.put(obj(version=5))
    assert store.put(obj(version=10))
    assert store.children(KEY)["Service", "ema"]["metadata"]["resourceVersion"] == "10"


def test_a_late_deletion_does_not_remove_a_namesake() -> None:
    store = Store()
    store.put(obj(version=1, uid="old"))
    store.put(obj(version=9, uid="new"))
    assert not store.remove(obj(version=2, uid="old"))
    assert store.remove(obj(version=11, uid="new"))
    assert store.children(KEY) == {}


def test_a_list_repairs_what_the_watch_lost() -> None:
    store = Store()
    store.put(obj(version=3, uid="lost"))
    store.put(obj(version=99, uid="newer", name="ema2"))
    assert store.replace(SERVICE, [], "50") == {KEY}
    assert list(store.children(KEY)) == [("Service", "ema2")], "what is newer than the list stays"


def test_strategies_and_children_are_kept_apart() -> None:
    store = Store()
    store.put(obj("Strategy"))
    store.put(obj("Service"))
    assert list(store.strategies()) == [KEY]
    store.replace(STRATEGY, [], "50")
    assert list(store.strategies()) == []
    assert list(store.children(KEY)) == [("Service", "ema")]


def test_what_belongs_to_no_strategy_is_ignored() -> None:
    store = Store()
    stranger = obj()
    stranger["metadata"]["labels"] = {}
    assert not store.put(stranger)
    assert not store.remove(stranger)


def test_what_was_handed_out_shows_nothing_that_came_later() -> None:
    store = Store()
    store.put(obj("Strategy"))
    store.put(obj("Service"))
    before = store.children(KEY)
    assert store.children(KEY) is before, "one pass asks several times"
    assert store.put(obj("Service", version=2))
    assert before == {("Service", "ema"): obj("Service")}
    assert store.children(KEY) == {("Service", "ema"): obj("Service", version=2)}
    assert store.child(KEY, ("Service", "ema")) == obj("Service", version=2)
    store.remove(obj("Service", version=3))
    assert store.children(KEY) == {}
    assert store.child(KEY, ("Service", "ema")) is None


def test_a_child_that_is_not_there_is_none() -> None:
    assert Store().child(KEY, ("Service", "ema")) is None


def test_managed_fields_are_not_kept() -> None:
    store = Store()
    service = obj()
    service["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    store.put(service)
    assert store.child(KEY, ("Service", "ema")) == obj()


def test_a_list_from_before_a_deletion_does_not_bring_the_object_back() -> None:
    store = Store()
    store.put(obj(version=3))
    store.remove(obj(version=7))
    assert store.replace(SERVICE, [obj(version=3)], "5") == set()
    assert store.children(KEY) == {}
    assert store.put(obj(version=8)), "what only lost its label for a while comes back"


def test_what_is_remembered_of_removals_is_bounded() -> None:
    store = Store()
    for number in range(REMOVED_REMEMBERED + 1):
        store.remove(obj(version=2, uid=f"u{number}"))
    assert store.put(obj(version=1, uid="u0")), "the first one is forgotten"
    store.remove(obj(version=2, uid="u0"))
    assert not store.put(obj(version=1, uid=f"u{REMOVED_REMEMBERED}"))

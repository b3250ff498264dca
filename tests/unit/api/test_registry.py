"""What the API knows of Strategies."""

from typing import Any

from btcwatcher_api.strategies.registry import LEAVING_SECONDS, Registry
from btcwatcher_crds.derive import webhook_token

KEY = b"k" * 32


def strategy(name: str = "ema", namespace: str = "trading", **signals: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"signals": signals}}


def test_two_generations_of_tokens_are_valid() -> None:
    registry = Registry(KEY)
    for generation, valid in ((1, [1]), (2, [2, 1]), (7, [7, 6])):
        registry.put(strategy(tokenGeneration=generation))
        known = registry.get("trading.ema")
        assert known is not None
        expected = [webhook_token(KEY, "trading", "ema", number).encode() for number in valid]
        assert list(known.tokens) == expected


def test_a_list_replaces_everything_and_makes_it_synced() -> None:
    registry = Registry(KEY)
    registry.put(strategy("old"))
    assert not registry.synced
    registry.replace([strategy("new")])
    assert registry.synced
    assert registry.get("trading.old") is None
    assert registry.get("trading.new") is not None
    registry.remove(strategy("new"))
    assert len(registry) == 0


def test_what_cannot_be_read_has_the_defaults() -> None:
    registry = Registry(KEY)
    registry.put(strategy(thresholds={"strong": 5}))
    known = registry.get("trading.ema")
    assert known is not None
    assert known.signals.thresholds.strong == "0.8"


def test_only_chosen_namespaces_are_known() -> None:
    registry = Registry(KEY, frozenset({"trading"}))
    registry.replace([strategy(), strategy(namespace="other")])
    assert registry.get("trading.ema") is not None
    assert registry.get("other.ema") is None


def test_what_is_kept_for_the_list_has_no_bulk() -> None:
    registry = Registry(KEY, frozenset({"trading"}))
    item = strategy("a")
    item["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    item["spec"] |= {"source": {"inline": "#" * 1000}, "timeframe": "5m"}
    registry.replace([item, strategy("b", "desk")])
    assert [kept["metadata"] for kept in registry.items()] == [{"namespace": "trading", "name": "a"}]
    assert set(registry.items()[0]["spec"]) == {"signals", "timeframe"}
    assert (registry.serves("trading"), registry.serves("desk")) == (True, False)


def test_a_strategy_that_was_deleted_is_listened_to_for_a_while() -> None:
    now = 1000.0
    registry = Registry(KEY, clock=lambda: now)
    registry.replace([strategy("a"), strategy("b")])
    registry.remove(strategy("a"))
    registry.replace([])
    for name in ("trading.a", "trading.b"):
        assert registry.get(name) is None
        assert registry.sender(name) is not None
    now += LEAVING_SECONDS
    assert registry.sender("trading.a") is None
    registry.put(strategy("a"))
    assert registry.sender("trading.a") is registry.get("trading.a") is not None

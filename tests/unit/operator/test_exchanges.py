"""Exchanges as the operator keeps them, and what is said of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_crds.exchange import Exchange, WhenAway
from btcwatcher_crds.market_status import MarketStatus
from btcwatcher_operator.children.market import Market
from btcwatcher_operator.exchanges.book import ExchangeBook
from btcwatcher_operator.exchanges.outcome import outcome, status

CACHE = "http://market:8090"
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def exchange(name: str = "kraken", version: int = 1, uid: str = "1", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "generation": 1}
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Exchange",
        "metadata": metadata,
        "spec": rest.pop("spec", {}),
        **rest,
    }


def test_what_changes_bots_is_told_from_what_does_not() -> None:
    book = ExchangeBook(CACHE)
    assert book.put(exchange(version=1))
    assert not book.put(exchange(version=1)), "the same again"
    assert not book.put(exchange(version=2, spec={"limits": {"weightPerMinute": 5}})), "the cache's own affair"
    assert not book.put(exchange(version=3, status={"observedGeneration": 1})), "what is said of it"
    assert book.put(exchange(version=4, spec={"whenAway": "Direct"}))
    assert not book.put(exchange(version=2)), "an older one"
    assert book.market("kraken") == Market(CACHE, "kraken", {"public": "https://api.kraken.com"}, WhenAway.DIRECT)
    assert book.remove(exchange(version=5))
    assert book.market("kraken") is None


def test_nobody_uses_what_cannot_be() -> None:
    book = ExchangeBook(CACHE)
    assert not book.put(exchange("nowhere")), "no upstream"
    assert book.market("nowhere") is None
    off = ExchangeBook("")
    assert not off.put(exchange()), "no cache"
    assert [one.metadata.name for one in off] == ["kraken"], "and yet its status says so"


def test_one_that_is_going_is_used_no_more() -> None:
    book = ExchangeBook(CACHE)
    book.put(exchange(version=1))
    going = exchange(version=2)
    going["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z"
    assert book.put(going)
    assert book.market("kraken") is None


def test_a_list_finds_what_the_watch_lost() -> None:
    book = ExchangeBook(CACHE)
    book.put(exchange("kraken", version=1))
    book.put(exchange("binance", version=9))
    assert book.replace([exchange("bybit", version=4)], "5") == {"kraken", "bybit"}
    assert {one.metadata.name for one in book} == {"binance", "bybit"}, "one that is newer than the list stays"


def test_what_the_types_do_not_take_is_not_there() -> None:
    book = ExchangeBook(CACHE)
    book.put(exchange(version=1))
    assert book.put(exchange(version=2, spec={"whenAway": "Panic"}))
    assert list(book) == []


@pytest.mark.parametrize(
    ("url", "name", "said", "expected"),
    [
        ("", "kraken", None, ("False", "CacheOff")),
        (CACHE, "nowhere", None, ("False", "UpstreamsUnknown")),
        (CACHE, "kraken", None, ("False", "CacheAway")),
        (CACHE, "kraken", {}, ("False", "CacheAway")),
        (CACHE, "kraken", {"kraken": {"reason": "Serving"}}, ("True", "Serving")),
        (CACHE, "kraken", {"kraken": {"reason": "NotAsked"}}, ("True", "NotAsked")),
        (CACHE, "kraken", {"kraken": {"reason": "Slowed"}}, ("True", "Slowed")),
        (CACHE, "kraken", {"kraken": {"reason": "Banned", "message": "an hour"}}, ("False", "Banned")),
        (CACHE, "kraken", {"kraken": {"reason": "UpstreamFailing"}}, ("False", "UpstreamFailing")),
        (CACHE, "kraken", {"kraken": {"reason": "SecretMissing"}}, ("False", "SecretMissing")),
    ],
)
def test_what_is_said(url: str, name: str, said: dict[str, Any] | None, expected: tuple[str, str]) -> None:
    seen = None if said is None else MarketStatus.model_validate({"exchanges": said})
    found = outcome(Exchange.model_validate(exchange(name)), url, seen)
    assert (found.ready.value, found.reason.value) == expected


def test_a_status_is_written_once_and_remembers_since_when() -> None:
    before = Exchange.model_validate(exchange())
    serving = MarketStatus.model_validate({"exchanges": {"kraken": {"reason": "Serving", "message": "well"}}})
    written = status(before, outcome(before, CACHE, serving), NOW)
    assert written is not None
    after = Exchange.model_validate(exchange(status=written))
    later = datetime(2026, 11, 27, 13, 0, tzinfo=UTC)
    assert status(after, outcome(after, CACHE, serving), later) is None
    (slowed,) = (
        status(
            after,
            outcome(after, CACHE, MarketStatus.model_validate({"exchanges": {"kraken": {"reason": "Slowed"}}})),
            later,
        )
        or {}
    )["conditions"]
    assert (slowed["reason"], slowed["lastTransitionTime"]) == ("Slowed", "2026-11-27T12:00:00Z")
    (away,) = (status(after, outcome(after, CACHE, None), later) or {})["conditions"]
    assert (away["status"], away["lastTransitionTime"]) == ("False", "2026-11-27T13:00:00Z")

from btcwatcher_api.market.freshness import Lifetime
from btcwatcher_api.market.questions import Question
from btcwatcher_api.market.store import Answer, Store


def answer(size: int) -> Answer:
    return Answer(200, "application/json", "", b"x" * size, 0, Lifetime(1, 1))


def question(number: int) -> Question:
    return Question("binance", "public", "klines", (("limit", str(number)),))


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    store = Store(40_000)
    for number in range(3):
        store.put(question(number), answer(10_000))
    assert store.get(question(0)) is not None
    store.put(question(3), answer(10_000))
    assert [number for number in range(4) if store.get(question(number)) is not None] == [0, 2, 3]
    assert store.bytes <= 40_000


def test_bytes_are_counted_as_answers_come_and_go() -> None:
    store = Store(40_000)
    store.put(question(0), answer(10_000))
    store.put(question(0), answer(20_000))
    assert (len(store), store.bytes) == (1, 21_024)
    store.drop(question(0))
    store.drop(question(0))
    assert (len(store), store.bytes) == (0, 0)


def test_what_is_larger_than_all_is_not_kept() -> None:
    store = Store(5_000)
    store.put(question(0), answer(1_000))
    store.put(question(1), answer(10_000))
    assert store.get(question(1)) is None
    assert store.get(question(0)) is not None

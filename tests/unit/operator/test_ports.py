import pytest

from btcwatcher_operator.ports import PortPool, PortPoolExhaustedError


def test_the_lowest_free_port_goes_first_and_comes_back() -> None:
    pool: PortPool[str] = PortPool(10, 12)
    assert [pool.allocate(key) for key in "abc"] == [10, 11, 12]
    assert pool.allocate("b") == 11
    assert pool.release("b") == 11
    assert pool.release("b") is None
    assert pool.allocate("d") == 11


def test_a_full_pool_says_so() -> None:
    pool: PortPool[str] = PortPool(10, 10)
    pool.allocate("a")
    with pytest.raises(PortPoolExhaustedError, match="all 1 ports of 10-10 are taken"):
        pool.allocate("b")
    pool.release("a")
    assert pool.allocate("b") == 10


def test_a_claimed_port_is_nobody_elses() -> None:
    pool: PortPool[str] = PortPool(10, 12)
    assert pool.claim("a", 10)
    assert pool.claim("a", 10)
    assert not pool.claim("b", 10)
    assert pool.allocate("b") == 11
    assert len(pool) == 2


def test_a_claim_moves_its_owner_and_frees_what_it_had() -> None:
    pool: PortPool[str] = PortPool(10, 12)
    pool.allocate("a")
    assert pool.claim("a", 12)
    assert pool.port_of("a") == 12
    assert pool.allocate("b") == 10


def test_a_port_outside_the_range_is_not_claimed() -> None:
    pool: PortPool[str] = PortPool(10, 12)
    assert not pool.claim("a", 9)
    assert pool.port_of("a") is None


def test_a_returned_port_that_was_claimed_since_is_passed_over() -> None:
    pool: PortPool[str] = PortPool(10, 12)
    pool.allocate("a")
    pool.release("a")
    assert pool.claim("b", 10)
    assert pool.allocate("c") == 11


@pytest.mark.parametrize(("first", "last"), [(0, 5), (5, 4), (1, 65536)])
def test_no_range(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no port range"):
        PortPool(first, last)


def waits(pool: PortPool[str], key: str, age: int) -> None:
    with pytest.raises(PortPoolExhaustedError):
        pool.allocate(key, (age,))


def test_a_freed_port_goes_to_the_oldest_who_waits() -> None:
    pool: PortPool[str] = PortPool(10, 11)
    pool.allocate("a")
    pool.allocate("b")
    for key, age in (("young", 3), ("old", 1), ("middle", 2)):
        waits(pool, key, age)
        waits(pool, key, age)
    assert pool.waiting == 3
    pool.release("b")
    waits(pool, "newcomer", 4)
    assert pool.served() == ["old"]
    assert pool.served() == []
    assert pool.port_of("old") == 11
    pool.release("middle")
    pool.release("a")
    assert pool.served() == ["young"]
    assert pool.port_of("middle") is None
    assert pool.waiting == 1


def test_a_claim_ends_the_waiting_and_hands_on_what_it_had() -> None:
    pool: PortPool[str] = PortPool(10, 11)
    pool.allocate("a")
    pool.allocate("b")
    waits(pool, "c", 1)
    waits(pool, "d", 2)
    pool.release("a")
    assert pool.claim("c", 10)
    assert pool.waiting == 1
    pool.release("b")
    assert pool.served() == ["c", "d"]


def test_who_waits_again_with_another_age_is_one_who_waits() -> None:
    pool: PortPool[str] = PortPool(10, 10)
    pool.allocate("a")
    waits(pool, "b", 1)
    waits(pool, "b", 5)
    waits(pool, "c", 3)
    pool.release("a")
    assert pool.served() == ["c"]
    pool.release("c")
    assert pool.served() == ["b"]

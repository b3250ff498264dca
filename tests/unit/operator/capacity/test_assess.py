"""What the FleetCapacity says of clusters that are written down here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import ge, sub
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from btcwatcher_crds.fleet_capacity import FleetCapacityStatus
from btcwatcher_crds.pod_requests import amounts
from btcwatcher_operator.capacity import observed
from btcwatcher_operator.capacity.advice import NodeType
from btcwatcher_operator.capacity.assess import Past, Platform, assess
from btcwatcher_operator.capacity.budget import CacheBudget
from btcwatcher_operator.store import Key
from support.nodes import node, pod, strategy

Object = dict[str, Any]
DAY = 86400.0


def assessed(
    nodes: Sequence[Object],
    pods: Sequence[Object] = (),
    strategies: Sequence[Object] = (),
    *,
    csi_nodes: Sequence[Object] = (),
    ports: int = 1000,
    budget: Mapping[str, int] | None = None,
    cached: Mapping[str, CacheBudget] | None = None,
    catalogue: Sequence[NodeType] = (),
    uses: Mapping[Key, tuple[float, float]] | None = None,
    used_slots: Sequence[tuple[float, float]] = (),
) -> FleetCapacityStatus:
    seen = [found for one in pods if (found := observed.pod(one)) is not None]
    wanted = [want for one in strategies if (want := observed.wanted(one)) is not None]
    platform = Platform(
        ports=ports,
        ports_used=len(strategies),
        bot=amounts({"cpu": "100m", "memory": "256Mi"}),
        exchange_budget=budget or {},
        cached=cached or {},
        catalogue=catalogue,
    )
    built = observed.nodes(nodes, csi_nodes, seen)
    waiting = [one for one in seen if one.node is None]
    return assess(built, waiting, wanted, platform, Past(uses or {}, used_slots))


def placed(count: int, on: str = "n1", **more: Any) -> tuple[list[Object], list[Object]]:
    """Bots with a place, and their Strategies."""
    names = [f"{on}-b{index}" for index in range(count)]
    return [pod(f"{name}-0", on, bot=name) for name in names], [strategy(name, **more) for name in names]


def free(status: FleetCapacityStatus) -> tuple[int, str | None]:
    assert status.slots is not None
    return status.slots.free, status.binding


def test_an_empty_cluster_is_counted_with_the_bot_that_the_settings_say() -> None:
    status = assessed([node("n1", cpu="1", memory="64Gi")])
    assert free(status) == (10, "cpu")
    assert status.slots is not None
    assert status.slots.used == 0
    assert status.bot is not None
    assert (status.bot.cpu, status.bot.memory) == ("100m", "256Mi")


def test_what_pods_asked_for_is_taken_and_what_is_over_is_not() -> None:
    pods, strategies = placed(3)
    over = {**pod("job", "n1", cpu="3"), "status": {"phase": "Succeeded"}}
    status = assessed([node("n1", cpu="1", memory="64Gi")], [*pods, pod("other", "n1", cpu="250m"), over], strategies)
    assert free(status) == (4, "cpu")
    assert status.slots is not None
    assert (status.slots.used, status.pending) == (3, 0)
    (one,) = status.nodes
    assert (one.name, one.used, one.free, one.binding) == ("n1", 3, 4, "cpu")


def test_each_dimension_can_be_what_runs_out() -> None:
    with_disk = strategy("a")
    with_disk["spec"]["resources"]["requests"]["ephemeral-storage"] = "1Gi"
    driver = {"metadata": {"name": "n1"}, "spec": {"drivers": [{"name": "d", "allocatable": {"count": 3}}]}}
    for status, expected in (
        (assessed([node("n1", cpu="100", memory="1Gi")]), (4, "memory")),
        (assessed([node("n1", pods=5)]), (5, "pods")),
        (assessed([node("n1")], csi_nodes=[driver]), (3, "volumes")),
        (assessed([node("n1")], ports=2), (2, "ports")),
        (assessed([node("n1", disk="2Gi")], strategies=[with_disk]), (2, "ephemeral-storage")),
        (assessed([node("n1")], strategies=[strategy("a")], budget={"binance": 3}), (2, "exchange")),
        (assessed([node("n1", ready=False)]), (0, "nodes")),
        (assessed([]), (0, "nodes")),
    ):
        assert free(status) == expected


def test_nodes_that_do_not_admit_the_bot_have_no_place_for_it() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    nodes = [
        node("cordoned", unschedulable=True),
        node("tainted", taints=[taint]),
        node("soft", taints=[{**taint, "effect": "PreferNoSchedule"}], cpu="200m"),
        node("disk", labels={"disk": "ssd"}, cpu="300m"),
    ]
    assert free(assessed(nodes)) == (5, "cpu")
    tolerant = strategy("a", tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert free(assessed(nodes, strategies=[tolerant])) == (5 + 32, "cpu")
    picky = strategy("a", nodeSelector={"disk": "ssd"})
    assert free(assessed(nodes, strategies=[picky])) == (3, "cpu")
    terms = [{"matchExpressions": [{"key": "disk", "operator": "DoesNotExist"}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    assert free(assessed(nodes, strategies=[strategy("a", affinity=affinity)])) == (2, "cpu")
    lost = assessed(nodes, strategies=[strategy("a", nodeSelector={"disk": "tape"})])
    assert free(lost) == (0, "nodes")
    assert lost.too_large == 0, "no node would admit it, however large"


def test_a_suspended_strategy_wants_no_place() -> None:
    status = assessed([node("n1")], strategies=[strategy("a"), strategy("b", state="Suspended")])
    assert status.pending == 1
    assert [one.strategies for one in status.classes] == [1]


def test_classes_are_counted_by_their_largest_member() -> None:
    strategies = [
        strategy("a"),
        strategy("b", cpu="1"),
        strategy("c", cls="Rsi", exchange="kraken", cpu="500m"),
    ]
    status = assessed([node("n1", memory="64Gi")], strategies=strategies)
    assert [(one.name, one.exchange, one.strategies, one.need.cpu, one.free) for one in status.classes] == [
        ("Ema", "binance", 2, "1000m", 4),
        ("Rsi", "kraken", 1, "500m", 8),
    ]


def test_limits_imply_requests() -> None:
    limited = strategy("a")
    limited["spec"]["resources"] = {"limits": {"cpu": "2", "memory": "1Gi"}}
    assert free(assessed([node("n1")], strategies=[limited])) == (2, "cpu")


def test_what_bots_use_counts_where_it_is_more_than_they_asked_for() -> None:
    pods, strategies = placed(1)
    key = Key("trading", "n1-b0")
    plain = assessed([node("n1", cpu="2", memory="64Gi")], pods, strategies)
    assert (free(plain), plain.classes[0].source) == ((19, "cpu"), "Requests")
    used = assessed([node("n1", cpu="2", memory="64Gi")], pods, strategies, uses={key: (0.4912, 1.0)})
    assert (free(used), used.classes[0].source) == ((3, "cpu"), "Observed")
    assert used.classes[0].need.cpu == "500m", "rounded up, so that it does not change all the time"


def test_the_exchanges_budget_is_one_of_each_source_address() -> None:
    direct = [strategy(f"d{index}") for index in range(4)]
    proxied = [strategy(f"p{index}", proxies=("tokyo", "paris")) for index in range(2)]
    status = assessed([node("n1")], strategies=[*direct, *proxied], budget={"binance": 3})
    (one,) = status.exchanges
    assert (one.addresses, one.used, one.free, one.over) == (2, 6, 1, 1)


def test_with_a_cache_distinct_questions_count_and_not_bots() -> None:
    """Each asks for BTC/USDT in 5 minutes, or, one of them, for four pairs in one."""
    alike = [strategy(f"a{index}") for index in range(50)]
    cached = {"binance": CacheBudget(weight_per_minute=20, candle_weight=2)}
    (one,) = assessed([node("n1")], strategies=alike, budget={"binance": 3}, cached=cached).exchanges
    assert (one.used, one.weight_asked, one.weight_per_minute, one.over) == (50, 1, 20, 0), "0.4, rounded up"
    assert one.free == 49, "(20 - 0.4) / 0.4"
    greedy = strategy("greedy")
    greedy["spec"] |= {"timeframe": "1m"}
    greedy["spec"]["exchange"] |= {"pairs": ["BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"]}
    (one,) = assessed([node("n1")], strategies=[*alike, greedy], cached=cached).exchanges
    assert (one.used, one.weight_asked, one.free) == (51, 9, 1), "eight more for the greedy one, and for the next"
    (one,) = assessed([node("n1")], strategies=[greedy], cached={"binance": CacheBudget(3, 2)}).exchanges
    assert (one.free, one.over) == (0, 1)
    status = assessed([node("n1")], strategies=[greedy], cached={"binance": CacheBudget(3, 2)})
    assert free(status) == (0, "exchange")


def test_the_largest_node_lost() -> None:
    big, strategies = placed(6, "n1")
    small, more = placed(1, "n2")
    nodes = [node("n1", cpu="1", memory="64Gi"), node("n2", cpu="1", memory="64Gi")]
    daemon = pod("agent", "n1", cpu="200m", daemon="d")
    status = assessed(nodes, [*big, *small, daemon], [*strategies, *more])
    assert status.slots is not None
    # 9 of n2 are free, n1's six bots take six of them; its daemon pod does not move.
    assert (status.slots.largest_node, status.slots.free_with_largest_node_lost) == ("n2", 2 - 1)
    full, strategies = placed(8, "n1")
    rest, more = placed(5, "n2")
    status = assessed(nodes, [*full, *rest], [*strategies, *more])
    assert status.slots is not None
    assert (status.slots.largest_node, status.slots.free_with_largest_node_lost) == ("n2", 2 - 5)
    assert "is lost 3 of its pods find no place" in status.summary


def test_bots_take_what_they_use_to_the_nodes_they_move_to() -> None:
    pods, strategies = placed(2, "n1")
    nodes = [node("n1", cpu="2", memory="64Gi"), node("n2", cpu="1", memory="64Gi")]
    uses = {Key("trading", f"n1-b{index}"): (0.4, 1.0) for index in range(2)}
    status = assessed(nodes, pods, strategies, uses=uses)
    assert status.slots is not None
    assert (status.slots.free, status.slots.largest_node) == (3 + 2, "n1")
    assert status.slots.free_with_largest_node_lost == 0, "they would use 800m of the one core"


def test_one_node_has_no_other_to_lose_its_bots_to() -> None:
    status = assessed([node("n1"), node("n2", ready=False)])
    assert status.slots is not None
    assert status.slots.free_with_largest_node_lost is None


def test_what_is_stranded() -> None:
    nodes = [node("n1", cpu="1", memory="64Gi"), node("n2", cpu="64", memory="512Mi")]
    status = assessed(nodes)
    assert free(status) == (10 + 2, "memory")
    assert status.stranded is not None
    assert status.stranded.memory == f"{64 * 1024 - 10 * 256}Mi"
    assert status.stranded.cpu == f"{64_000 - 200}m"


def test_bots_that_no_node_could_ever_take() -> None:
    huge = strategy("a", memory="9Gi")
    daemon = pod("agent", "n1", memory="1Gi", daemon="d")
    large = strategy("b", cls="Rsi", memory="7680Mi")
    status = assessed([node("n1", memory="8Gi")], [daemon], [huge, large])
    assert (status.pending, status.too_large) == (2, 2)
    assert assessed([node("n1", memory="8Gi")], [], [huge, large]).too_large == 1


def test_when_it_is_full() -> None:
    growing = [(hour * 3600.0, 10 + hour / 24 * 2) for hour in range(14 * 24)]
    growing[50] = (growing[50][0], 500.0)
    status = assessed([node("n1", cpu="4", memory="64Gi")], used_slots=growing)
    assert status.forecast is not None
    assert (status.forecast.growth_per_day, status.forecast.days_until_full) == ("2.00", 20)
    flat = assessed([node("n1")], used_slots=[(at, 5.0) for at, _ in growing])
    assert flat.forecast is not None
    assert (flat.forecast.growth_per_day, flat.forecast.days_until_full) == ("0.00", None)
    assert assessed([node("n1")], used_slots=growing[:20]).forecast is None, "an afternoon says nothing"


CATALOGUE = (
    NodeType(name="small", cpu="2", memory="4Gi", pods=29, price=Decimal("30")),
    NodeType(name="large", cpu="16", memory="32Gi", pods=29, price=Decimal("200")),
    NodeType(name="tiny", cpu="100m", memory="128Mi", price=Decimal("1")),
)


def test_what_to_buy_for_what_waits() -> None:
    strategies = [strategy(f"b{index}") for index in range(30)]
    daemon = pod("agent", "n1", cpu="100m", memory="512Mi", daemon="d")
    status = assessed([node("n1", cpu="100m")], [daemon], strategies, catalogue=CATALOGUE)
    assert status.pending == 30
    found = {one.node_type: one for one in status.advice}
    # 3.5 Gi are left of 4, and 1900m of 2: 14 bots a node.
    small = found["small"]
    assert (small.nodes, small.bots_per_node, small.cost, small.cost_per_bot) == (3, 14, "90", "2.1429")
    # Its pods bind: 28 beside the daemon's, so that the larger one is hardly better.
    large = found["large"]
    assert (large.nodes, large.bots_per_node, large.cost, large.unplaced) == (2, 28, "400", 0)
    assert (found["tiny"].nodes, found["tiny"].unplaced) == (0, 30)
    assert [one.node_type for one in status.advice] == ["small", "large", "tiny"]
    assert "3 x small, 2.1429 a bot" in status.summary
    assert 70 <= small.utilization_percent <= 75


def test_what_to_buy_for_what_is_expected() -> None:
    growing = [(hour * 3600.0, hour / 24) for hour in range(14 * 24)]
    status = assessed([node("n1", cpu="1", memory="64Gi")], used_slots=growing, catalogue=CATALOGUE)
    # One a day for 30 days, ten have a place already.
    assert {one.node_type: one.nodes for one in status.advice} == {"small": 2, "large": 1, "tiny": 0}


def test_what_waits_takes_places_before_what_is_expected() -> None:
    growing = [(hour * 3600.0, hour / 24) for hour in range(14 * 24)]
    waiting = [strategy(f"b{index}") for index in range(10)]
    status = assessed([node("n1", cpu="1", memory="64Gi")], [], waiting, used_slots=growing, catalogue=CATALOGUE)
    # All ten places are theirs, and thirty more come: 16 fit a small node, 29 a large one.
    assert {one.node_type: one.nodes for one in status.advice} == {"small": 2, "large": 2, "tiny": 0}


def test_no_node_is_to_be_bought_while_nodes_have_places_and_ports_run_out() -> None:
    growing = [(hour * 3600.0, hour / 24) for hour in range(14 * 24)]
    status = assessed([node("n1", cpu="4", memory="64Gi")], ports=5, used_slots=growing, catalogue=CATALOGUE)
    assert free(status) == (5, "ports")
    assert {one.nodes for one in status.advice} == {0}


def test_where_no_node_helps_it_says_so() -> None:
    status = assessed([node("n1")], strategies=[strategy("a"), strategy("b")], ports=2, catalogue=CATALOGUE)
    assert free(status) == (0, "ports")
    assert "widen BTCWATCHER_PORT_RANGE" in status.summary
    assert " x " not in status.summary


SIZES = st.integers(0, 30)


@settings(max_examples=60, deadline=None)
@given(
    nodes=st.lists(st.tuples(SIZES, SIZES, st.integers(0, 12), st.booleans()), max_size=6),
    taken=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), max_size=10),
    need=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_it_agrees_with_placing_them_one_by_one(
    nodes: list[tuple[int, int, int, bool]], taken: list[tuple[int, int, int]], need: tuple[int, int]
) -> None:
    listed = [
        node(f"n{index}", cpu=f"{cpu}00m", memory=f"{memory}Mi", pods=pods, unschedulable=closed)
        for index, (cpu, memory, pods, closed) in enumerate(nodes)
    ]
    there = [
        pod(f"p{index}", f"n{on}", cpu=f"{cpu}00m", memory=f"{memory}Mi")
        for index, (on, cpu, memory) in enumerate(taken)
    ]
    status = assessed(listed, there, [strategy("a", cpu=f"{need[0]}00m", memory=f"{need[1]}Mi")])
    left = []
    for index, (cpu, memory, pods, closed) in enumerate(nodes):
        mine = [one for one in taken if one[0] == index]
        if not closed:
            left.append([cpu - sum(one[1] for one in mine), memory - sum(one[2] for one in mine), pods - len(mine)])
    count = 0
    asks = (*need, 1)
    while fit := next((one for one in left if all(map(ge, one, asks))), None):
        fit[:] = map(sub, fit, asks)
        count += 1
    assert status.slots is not None
    assert status.slots.free == count

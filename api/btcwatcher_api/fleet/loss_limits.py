"""The active collector's job that counts the loss of fleet switches with `onLoss`, and lets those begin that reach it.

It writes two fields of their status and nothing else: the operator, which sees `trippedAt`, holds the bots.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from kubernetes.aio import client

from btcwatcher_api import logs
from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.collector.figures import Figures
from btcwatcher_api.collector.ledger import FillsRefused, Ledger, LedgerAway, LedgerBusy
from btcwatcher_api.fleet import schemas
from btcwatcher_api.fleet.losses import Bot, Exits, Opened, Sample, Standing, sampled, standing
from btcwatcher_api.fleet.open_trades import OpenTradesStore
from btcwatcher_api.fleet.teller import SwitchCopy
from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.dedup import first_id_at
from btcwatcher_crds.fleet_switch import (
    SAMPLES_MAX,
    AnySwitch,
    ClusterFleetSwitch,
    CountedLoss,
    FleetSwitch,
    LossLimit,
    OpenSample,
)
from btcwatcher_crds.names import (
    API_VERSION,
    CLUSTER_FLEET_SWITCH_PLURAL,
    FLEET_SWITCH_PLURAL,
)
from btcwatcher_crds.selecting import facts_of, takes
from btcwatcher_crds.strategy import Stake

_log = logs.get("btcwatcher_api.fleet")

_LOOK_SECONDS: Final = 5.0
_TOLD_SECONDS: Final = 60.0
"""So often at most a loss below its limit is written into a status, and what open trades stand at into Postgres."""
_LATELY: Final = timedelta(minutes=10)
"""Clocks of bots and exchanges are not ours: exits from so long before a bot's last visit are looked at one by one."""
_EXITS: Final = """
    SELECT namespace, strategy, sum(profit_amount),
      array_agg(trade_id) FILTER (WHERE NOT COALESCE(sub_trade, false) AND event_time >= %(lately)s),
      jsonb_agg(jsonb_build_array(trade_id, extract(epoch FROM event_time), profit_amount::text))
        FILTER (WHERE sub_trade AND event_time >= %(lately)s)
    FROM signals
    WHERE type = 'exit_fill' AND event_time >= %(since)s AND id >= %(first)s AND stake_currency = %(currency)s
      AND profit_amount IS NOT NULL AND trade_id IS NOT NULL
    GROUP BY namespace, strategy
"""


@dataclass(frozen=True, slots=True)
class _Armed:
    """A switch that waits for its loss."""

    item: Mapping[str, Any]
    parsed: AnySwitch
    limit: LossLimit
    within: timedelta
    made: datetime

    @property
    def uid(self) -> str:
        return self.parsed.metadata.uid

    @property
    def title(self) -> str:
        return schemas.id_of(self.parsed.metadata.namespace, self.parsed.metadata.name)

    def since(self, now: datetime) -> datetime:
        """Losses from before it was made are nobody's news: who lifts a switch and makes it again starts at zero."""
        return max(self.made, now - self.within)


class LossLimits:
    """`copies`: the switches of both kinds; `strategies`: all that there are; `figures`: what bots said at their last
    visit; `unvisited`: how many bots were not visited yet since this collector became the active one."""

    def __init__(
        self,
        ledger: Ledger,
        copies: Iterable[SwitchCopy],
        strategies: Callable[[], Iterable[Mapping[str, Any]]],
        figures: Mapping[Bot, Figures],
        unvisited: Callable[[], int],
        *,
        patience: float,
    ) -> None:
        """`patience`: seconds after which bots that were not visited yet are waited for no longer."""
        self._ledger = ledger
        self._copies = list(copies)
        self._strategies = strategies
        self._figures = figures
        self._unvisited = unvisited
        self._patience = patience
        self._cluster = Cluster()
        self._opened: dict[Bot, Opened] = {}
        """Also of bots that do not answer any more: what they said last."""
        self._store = OpenTradesStore(ledger)
        self._recalled = False
        self._kept_at = 0.0
        """When what was said was last written down, monotonic."""
        self._told: dict[str, float] = {}
        """When the status of a switch was last written, monotonic, by its uid."""
        self._quiet = logs.Throttle(seconds=60.0)

    async def run(self) -> None:
        """Until cancelled; only in the active collector."""
        begun = time.monotonic()
        self._opened.clear()
        self._recalled = False
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    # Closed trades without the open ones that make up for them would trip switches for nothing.
                    if not self._unvisited() or time.monotonic() - begun > self._patience:
                        await self.look()
                except (LedgerAway, LedgerBusy, FillsRefused) as error:
                    _log.warning("losses cannot be counted", reason=str(error))
                except Exception as error:
                    # What somebody else's object holds must not end what fills signals in.
                    _log.error("losses cannot be counted", exc_info=error)
        finally:
            await self._cluster.close()

    async def look(self) -> None:
        """Count once. Raises LedgerAway, LedgerBusy and FillsRefused."""
        strategies = list(self._strategies())
        self._listen(strategies)
        armed = [one for copy in self._copies for item in copy.items() if (one := _armed(item)) is not None]
        self._told = {one.uid: self._told[one.uid] for one in armed if one.uid in self._told}
        if not armed:
            return
        await self._recall(strategies)
        for one in armed:
            now = datetime.now(UTC)
            stands = standing(list(_selected(one, strategies)), await self._exits(one, now), self._opened)
            try:
                await self._write(one, stands, now)
            except Problem as problem:
                # Somebody else has written into it meanwhile, or Kubernetes is away: the next look tries again.
                quiet = self._quiet.allows((one.uid, problem.status))
                if quiet is not None:
                    _log.warning(
                        "a loss cannot be written down", switch=one.title, reason=problem.detail, more_since_last=quiet
                    )
        if time.monotonic() - self._kept_at >= _TOLD_SECONDS:
            await self._store.write(self._opened)
            self._kept_at = time.monotonic()

    async def _recall(self, strategies: Iterable[Mapping[str, Any]]) -> None:
        """What bots said to another collector, once: of those that have said nothing to this one yet."""
        if self._recalled:
            return
        made = {_bot_of(item): datetime.fromisoformat(item["metadata"]["creationTimestamp"]) for item in strategies}
        for bot, said in (await self._store.read()).items():
            # Not what one of the same name said that was there before it.
            if bot in made and said.at >= made[bot]:
                self._opened.setdefault(bot, said)
        self._recalled = True

    def _listen(self, strategies: Iterable[Mapping[str, Any]]) -> None:
        there = {_bot_of(item) for item in strategies}
        self._opened = {bot: said for bot, said in self._opened.items() if bot in there}
        for bot, figures in list(self._figures.items()):
            if figures.open_profits is not None and figures.visited_at is not None:
                self._opened[bot] = Opened(figures.visited_at, figures.open_profits)

    async def _exits(self, one: _Armed, now: datetime) -> dict[Bot, Exits]:
        since = one.since(now)
        lately = min((said.at for said in self._opened.values()), default=now) - _LATELY
        rows = await self._ledger.read(
            _EXITS,
            {"since": since, "first": first_id_at(since), "currency": one.limit.currency, "lately": lately},
        )
        return {
            (namespace, strategy): Exits(
                profit,
                frozenset(closed or ()),
                [(trade, datetime.fromtimestamp(at, UTC), Decimal(gain)) for trade, at, gain in partial or ()],
            )
            for namespace, strategy, profit, closed, partial in rows
        }

    async def _write(self, one: _Armed, stands: Standing, now: datetime) -> None:
        before = one.parsed.status.loss
        told = [Sample(sample.at, Decimal(sample.profit)) for sample in before.opened] if before else []
        apart = max(one.within / (SAMPLES_MAX - 4), timedelta(seconds=_TOLD_SECONDS))
        samples = sampled(told, Sample(now.replace(microsecond=0), stands.open), one.since(now), apart)
        amount = stands.loss(samples[0].open)
        reached = amount >= Decimal(one.limit.amount)
        said = _text(amount)
        if not reached and samples == told and before is not None:
            same = (before.amount, before.bots, before.unknown) == (said, stands.bots, stands.unknown)
            last = self._told.get(one.uid)
            if same or (last is not None and time.monotonic() - last < _TOLD_SECONDS):
                return
        written = CountedLoss(
            amount=said,
            bots=stands.bots,
            unknown=stands.unknown,
            at=now.replace(microsecond=0),
            opened=[OpenSample(at=sample.at, profit=_text(sample.open)) for sample in samples[-SAMPLES_MAX:]],
        )
        status: dict[str, Any] = {"loss": written.model_dump(by_alias=True, mode="json")}
        if reached:
            status["trippedAt"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        # Only as it was looked at: one that was made anew under this name has lost nothing yet.
        version = one.item["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "status": status}
        await self._cluster.call(partial(_patch, where=_status_path(one.parsed), patch=patch))
        self._told[one.uid] = time.monotonic()
        if reached:
            _log.warning(
                "a fleet switch begins at its loss limit",
                switch=one.title,
                loss=said,
                limit=one.limit.amount,
                currency=one.limit.currency,
                bots=stands.bots,
                unknown=stands.unknown,
            )


def _text(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


async def _patch(connected: client.ApiClient, where: str, patch: core.Object) -> core.Object:
    return await core.request(connected, "PATCH", where, body=patch, content_type=core.MERGE)


def _status_path(switch: AnySwitch) -> str:
    namespace = switch.metadata.namespace
    kind = ("namespaces", namespace, FLEET_SWITCH_PLURAL) if namespace else (CLUSTER_FLEET_SWITCH_PLURAL,)
    return core.path(*kind, switch.metadata.name, "status", api=f"/apis/{API_VERSION}")


def _armed(item: Mapping[str, Any]) -> _Armed | None:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    if not spec.get("onLoss") or status.get("trippedAt") or item["metadata"].get("deletionTimestamp"):
        return None
    try:
        kind = FleetSwitch if item["metadata"].get("namespace") else ClusterFleetSwitch
        parsed = kind.model_validate(item)
        limit, made = parsed.spec.on_loss, parsed.metadata.creation_timestamp
        if limit is None or made is None:
            return None
        return _Armed(item, parsed, limit, parse_duration(limit.within), made)
    except ValueError as error:
        # The API server took it by a schema that is not ours.
        _log.warning(
            "a fleet switch is not understood: its loss is not counted",
            switch=item["metadata"].get("name"),
            reason=str(error),
        )
        return None


def _bot_of(item: Mapping[str, Any]) -> Bot:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _selected(one: _Armed, strategies: Iterable[Mapping[str, Any]]) -> Iterator[Bot]:
    for item in strategies:
        facts = facts_of(item)
        currency = ((item.get("spec") or {}).get("stake") or {}).get("currency") or Stake().currency
        if currency == one.limit.currency and takes(one.parsed.spec, one.parsed.metadata.namespace, facts):
            yield facts.namespace, facts.name

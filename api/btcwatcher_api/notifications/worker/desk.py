"""What the lanes ask of the channels: whether they may send, the sending itself, and what an outcome means."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from btcwatcher_api import logs
from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.registry import KnownChannel
from btcwatcher_api.notifications.schedule.quiet import zone_of
from btcwatcher_api.notifications.senders.rates import DEFAULT_RATE
from btcwatcher_api.notifications.templates.render import Rendered, render
from btcwatcher_api.notifications.worker.claims import Channel, Claim
from btcwatcher_api.notifications.worker.decisions import judge, plan_of
from btcwatcher_api.notifications.worker.lanes import NotNow
from btcwatcher_api.notifications.worker.mending import version_of
from btcwatcher_api.notifications.worker.outbox import Decide
from btcwatcher_api.notifications.worker.plans import Hold, Plan
from btcwatcher_api.notifications.worker.settling import Judge
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_api.notifications.worker.vault import NO_VERSION, Missing, Shelf, VaultAway
from btcwatcher_api.notifications.worker.verdicts import Verdict
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

_log = logs.get("btcwatcher_api.worker")

_UNREADABLE: Final = timedelta(seconds=5)
"""A channel whose spec cannot be read waits for a person; the watch wakes us."""


class Send(Protocol):
    """How a message is handed to a vendor; see senders."""

    def __call__(
        self, spec: NotificationChannelSpec, credentials: Mapping[str, str], message: Message, *, timeout: float
    ) -> Awaitable[Outcome]: ...


class Channels(Protocol):
    """Who knows the channels; see ChannelRegistry."""

    @property
    def synced(self) -> bool: ...
    def get(self, namespace: str, name: str) -> KnownChannel | None: ...


class ChannelDesk:
    """`template_told` hears of each channel's own template when it was used: what is wrong with it, or None."""

    def __init__(
        self,
        channels: Channels,
        shelf: Shelf,
        send: Send,
        *,
        timeout: timedelta,
        template_told: Callable[[Channel, str | None], None] = lambda *_: None,
    ) -> None:
        self._channels = channels
        self._shelf = shelf
        self._send = send
        self._timeout = timeout
        self._template_told = template_told

    @property
    def ready(self) -> bool:
        return self._channels.synced

    def decide(self, channel: Channel, priority: Priority, messages: int) -> Decide:
        known = self._channels.get(*channel)
        spec = known.spec if known is not None else None
        limit = (spec.rate_limit or DEFAULT_RATE.get(spec.type)) if spec is not None else None

        def plan(state: SharedState, now: datetime, first: datetime, test: bool) -> Plan:
            if known is not None and spec is None:
                return Hold(now + _UNREADABLE)
            probe_for = self._timeout + timedelta(seconds=5)
            return plan_of(spec, limit, priority, state, now, first, test=test, most=messages, probe_for=probe_for)

        return plan

    def judge(self, claim: Claim, outcome: Outcome) -> Judge:
        known = self._channels.get(*claim.channel)
        spec = known.spec if known is not None else None

        def verdicts(state: SharedState, now: datetime) -> tuple[SharedState, list[Verdict]]:
            after, each = judge(spec, claim, outcome, state, now, random.random)
            return after, list(each)

        return verdicts

    async def send(self, claim: Claim) -> Outcome:
        known = self._channels.get(*claim.channel)
        if known is None:
            return Outcome(ChannelReason.CHANNEL_MISSING)
        spec = known.spec
        if spec is None:
            raise NotNow("its spec cannot be read")
        if spec.suspend:
            return Outcome(ChannelReason.SUSPENDED)
        if not claim.subjects:
            # Retention was faster: there is nothing left to tell.
            return Outcome(ChannelReason.TOO_OLD)
        try:
            # Who tries a paused channel wants what a person may just have mended.
            secret = await self._shelf.secret(known.namespace, spec.credentials_ref.name, anew=claim.probe)
        except Missing as error:
            return Outcome(ChannelReason.SECRET_MISSING, str(error), tried_with=version_of(known, NO_VERSION))
        except VaultAway as error:
            raise NotNow(str(error)) from error
        rendered = await self._rendered(known, spec, claim)
        outcome = await self._send(spec, secret.data, rendered.message, timeout=self._timeout.total_seconds())
        return replace(outcome, tried_with=version_of(known, secret.version))

    async def _rendered(self, known: KnownChannel, spec: NotificationChannelSpec, claim: Claim) -> Rendered:
        zone = zone_of(spec.quiet_hours)
        if spec.template is None:
            return render(claim.subjects, language=spec.language, zone=zone)
        template, trouble = spec.template.inline, None
        reference = spec.template.config_map_ref
        if template is None and reference is not None:
            try:
                data = (await self._shelf.config_map(known.namespace, reference.name)).data
                template = data.get(reference.key)
                if template is None:
                    trouble = f"ConfigMap {reference.name} has no key {reference.key}"
            except (Missing, VaultAway) as error:
                trouble = str(error)
        # What a user wrote may take its time: not on the loop that everybody's messages go through.
        rendered = await asyncio.to_thread(render, claim.subjects, language=spec.language, template=template, zone=zone)
        self._template_told(claim.channel, trouble or rendered.trouble)
        return rendered

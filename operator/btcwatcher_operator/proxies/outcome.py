"""A test's outcome, and the status and Event it makes: pure functions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from btcwatcher_crds import names
from btcwatcher_crds.conditions import ProxyConditionType, ProxyReason
from btcwatcher_crds.proxy import Proxy
from btcwatcher_crds.strategy import Condition, ConditionStatus
from btcwatcher_operator.events import Event
from btcwatcher_operator.resources import Object

_STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Outcome:
    reason: ProxyReason
    message: str
    """Holds nothing of the proxy's URL."""
    latency_milliseconds: int | None = None

    @property
    def healthy(self) -> bool:
        return self.reason is ProxyReason.TEST_PASSED


@dataclass(frozen=True, slots=True)
class LastTest:
    """When a Proxy was tested last, and which generation of it."""

    at: datetime
    generation: int
    asked: str | None = None
    """The annotation testRequestedAt at that time."""
    told: bool = True
    """False where `asked` is not known: a status does not say it."""


def last_test(proxy: Proxy) -> LastTest | None:
    """As the status has it: so a restarted operator does not test all at once."""
    if proxy.status.last_check is None:
        return None
    return LastTest(proxy.status.last_check, proxy.status.observed_generation or 0, told=False)


def due(proxy: Proxy, last: LastTest | None, now: datetime) -> bool:
    """Whether it is time for a test: none yet, a changed spec, the interval is over, or somebody asks for one."""
    if last is None or last.generation != proxy.metadata.generation:
        return True
    if last.at > now:
        # The clock was set back.
        return True
    if _asked(proxy, last):
        return True
    return now - last.at >= timedelta(seconds=proxy.spec.test.interval_seconds)


def _asked(proxy: Proxy, last: LastTest) -> bool:
    asked = requested(proxy)
    if asked is None or last.told:
        return asked is not None and asked != last.asked
    time = _time(asked)
    return time is not None and time > last.at


def requested(proxy: Proxy) -> str | None:
    """The annotation by which somebody asks for a test out of turn."""
    return proxy.metadata.annotations.get(names.ANNOTATION_TEST_REQUESTED_AT)


def status(proxy: Proxy, outcome: Outcome, now: datetime) -> Object:
    """The whole status, to be applied as it is. The latency is that of the last test that passed."""
    before = _healthy(proxy)
    verdict = ConditionStatus.TRUE if outcome.healthy else ConditionStatus.FALSE
    same = before is not None and before.status is verdict
    since = (before.last_transition_time if before and same else None) or now
    latency = (
        proxy.status.latency_milliseconds if outcome.latency_milliseconds is None else outcome.latency_milliseconds
    )
    return {
        "observedGeneration": proxy.metadata.generation,
        # To the millisecond: who asked for a test sees by it that there was one.
        "lastCheck": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **({} if latency is None else {"latencyMilliseconds": latency}),
        "conditions": [
            {
                "type": ProxyConditionType.HEALTHY.value,
                "status": verdict.value,
                "reason": outcome.reason.value,
                "message": outcome.message,
                "observedGeneration": proxy.metadata.generation,
                "lastTransitionTime": since.strftime(_STAMP),
            }
        ],
    }


def event(proxy: Proxy, outcome: Outcome) -> Event | None:
    """What is told of an outcome; None when it says what the one before said."""
    before = _healthy(proxy)
    if before is not None and before.reason == outcome.reason:
        return None
    return Event("Normal" if outcome.healthy else "Warning", outcome.reason, outcome.message)


def _healthy(proxy: Proxy) -> Condition | None:
    return next((one for one in proxy.status.conditions if one.type == ProxyConditionType.HEALTHY), None)


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else None

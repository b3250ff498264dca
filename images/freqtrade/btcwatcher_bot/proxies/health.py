"""Which proxy to try first: decided from what this process saw of each. Times are monotonic seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from btcwatcher_bot.proxies.upstream import Upstream

PROBE_AFTER = 5.0
PROBE_AT_MOST = 60.0
"""A proxy that failed is tried again in the background after so many seconds, then after twice as many, up to this."""


class Fault(Enum):
    """Why a connection did not come about, in words for the log."""

    UNREACHABLE = "cannot be reached"
    TIMEOUT = "does not answer in time"
    LOGIN_REFUSED = "refuses user and password"
    BROKEN_OFF = "breaks connections off"
    BROKEN = "does not speak its protocol"
    SILENT = "takes connections and passes nothing on"
    NOT_TRUSTED = "leads to a destination whose TLS is not as it should be"
    DESTINATION = "says that it cannot reach the exchange"

    @property
    def of_the_proxy(self) -> bool:
        """Whether it is certain that the proxy is at fault and not what lies behind it."""
        return self not in (Fault.DESTINATION, Fault.NOT_TRUSTED)


@dataclass(slots=True)
class _Outage:
    probe_at: float
    pause: float


@dataclass(slots=True)
class Health:
    """The proxies that failed and have not worked since."""

    _down: dict[Upstream, _Outage] = field(default_factory=dict)

    def order(self, proxies: Iterable[Upstream]) -> list[Upstream]:
        """In order of preference, those that failed last. These too: with none left, another try costs nothing."""
        return sorted(proxies, key=lambda proxy: proxy in self._down)

    def failed(self, proxy: Upstream, now: float) -> bool:
        """Takes note of a failure; True when it is news."""
        outage = self._down.get(proxy)
        if outage is None:
            self._down[proxy] = _Outage(now + PROBE_AFTER, PROBE_AFTER)
            return True
        # Many connections fail together: they are one failure.
        if outage.probe_at <= now:
            outage.pause = min(2 * outage.pause, PROBE_AT_MOST)
            outage.probe_at = now + outage.pause
        return False

    def works(self, proxy: Upstream) -> bool:
        """Takes note of a success; True when it is news."""
        return self._down.pop(proxy, None) is not None

    def due(self, proxies: Iterable[Upstream], now: float) -> list[Upstream]:
        """Those to be tried in the background now. What is no longer among `proxies` is forgotten."""
        known = set(proxies)
        self._down = {proxy: outage for proxy, outage in self._down.items() if proxy in known}
        return [proxy for proxy, outage in self._down.items() if outage.probe_at <= now]


def at_fault(failures: Iterable[tuple[Upstream, Fault]], another_got_through: bool) -> list[tuple[Upstream, Fault]]:
    """Of the proxies that failed to reach a destination, those to blame.

    Where all say that the exchange cannot be reached, it is the exchange. Where another one reached it, it is they.
    """
    return [(proxy, fault) for proxy, fault in failures if another_got_through or fault.of_the_proxy]

"""Faults on request, and the count of calls: what tests ask the paper exchange to do and what they ask it about."""

from collections import Counter
from dataclasses import dataclass

Json = dict[str, object]
_MESSAGES: dict[int, tuple[int, str]] = {
    418: (-1003, "Way too much request weight used; IP banned."),
    429: (-1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
}


class FaultError(ValueError):
    """The description of a fault is not one; the text says why."""


@dataclass(slots=True)
class Fault:
    """What happens to requests whose path begins with `path`.

    `latency_ms` delays them, `status` (400-599) answers instead of the exchange, `retry_after` (seconds) goes into
    that answer's header. It ends after `remaining` requests or at `until` (seconds, monotonic), whichever is
    first; with neither it stays until faults are cleared.
    """

    path: str
    latency_ms: float
    status: int | None
    retry_after: int | None
    remaining: int | None
    until: float | None


def parse_fault(body: object, now: float) -> Fault:
    """The fault that a request body describes. Raises FaultError."""
    if not isinstance(body, dict):
        raise FaultError("a fault is a JSON object")
    known = {"path", "latency_ms", "status", "retry_after", "count", "seconds"}
    if unknown := sorted(set(body) - known):
        raise FaultError(f"unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    path = body.get("path", "/api/")
    if not isinstance(path, str) or not path.startswith("/"):
        raise FaultError("path begins with /")
    latency = _number(body, "latency_ms")
    status = _whole(body, "status")
    if status is not None and not 400 <= status <= 599:
        raise FaultError("status is from 400 to 599")
    if status is None and not latency:
        raise FaultError("say latency_ms, status or both")
    seconds = _number(body, "seconds")
    return Fault(
        path=path,
        latency_ms=latency or 0.0,
        status=status,
        retry_after=_whole(body, "retry_after"),
        remaining=_whole(body, "count"),
        until=None if seconds is None else now + seconds,
    )


def error_of(status: int) -> Json:
    """The body that goes with a made-up failure, in Binance's form."""
    code, message = _MESSAGES.get(status, (-1000, f"Fault with status {status}, as asked for."))
    return {"code": code, "msg": message}


class Faults:
    """The faults that hold now."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, path: str, now: float) -> Fault | None:
        """The first fault for this path, counted as used; ended ones are forgotten."""
        self._faults = [fault for fault in self._faults if _holds(fault, now)]
        fault = next((fault for fault in self._faults if path.startswith(fault.path)), None)
        if fault is not None and fault.remaining is not None:
            fault.remaining -= 1
        return fault


class Stats:
    """Calls and Binance's request weight, by path, since the start or the last reset."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.weights: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def count(self, path: str, weight: int, status: int) -> None:
        self.calls[path] += 1
        self.weights[path] += weight
        self.statuses[str(status)] += 1

    def clear(self) -> None:
        for counter in (self.calls, self.weights, self.statuses):
            counter.clear()

    def to_json(self) -> Json:
        return {
            "calls": dict(self.calls),
            "weights": dict(self.weights),
            "statuses": dict(self.statuses),
            "totalCalls": self.calls.total(),
            "totalWeight": self.weights.total(),
        }


def _holds(fault: Fault, now: float) -> bool:
    return (fault.remaining is None or fault.remaining > 0) and (fault.until is None or now < fault.until)


def _number(body: dict[str, object], key: str) -> float | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise FaultError(f"{key} is a number, zero or more")
    return float(value)


def _whole(body: dict[str, object], key: str) -> int | None:
    value = _number(body, key)
    if value is None:
        return None
    if not value.is_integer():
        raise FaultError(f"{key} is a whole number")
    return int(value)

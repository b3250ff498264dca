"""The port pool: which Strategy has which port, and who waits for one. In memory; made again from `status.port`."""

import heapq
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

Age = tuple[Any, ...]
"""What waiting Strategies are ordered by, oldest first; values that can be compared."""


class PortPoolExhaustedError(Exception):
    """No port is left."""


class PortPool(Generic[Key]):
    """Ports `first` to `last`, both included. The lowest free port goes first; a call costs O(log n) at most.

    While somebody waits no port is free: one that comes back goes to the oldest who waits, never to a newcomer.
    """

    def __init__(self, first: int, last: int) -> None:
        if not 1 <= first <= last <= 65535:
            raise ValueError(f"{first}-{last} is no port range")
        self.first = first
        self.last = last
        self._owner: dict[int, Key] = {}
        self._port: dict[Key, int] = {}
        # Ports from `_next` on were never given out; `_returned` holds those that came back. Some of the latter may
        # have been claimed since and are passed over when they come up.
        self._next = first
        self._returned: list[int] = []
        # Who left `_waiting` is passed over when it comes up in `_line`.
        self._waiting: dict[Key, Age] = {}
        self._line: list[tuple[Age, int, Key]] = []
        self._sequence = 0
        self._served: list[Key] = []

    def __len__(self) -> int:
        """How many ports are taken."""
        return len(self._port)

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    @property
    def waiting(self) -> int:
        """How many wait for a port."""
        return len(self._waiting)

    def port_of(self, key: Key) -> int | None:
        return self._port.get(key)

    def claim(self, key: Key, port: int) -> bool:
        """Takes a port that the Strategy's status says it has. False when another has it or it is out of range.

        A port outside the range stays with nobody: after the range was changed its Strategy gets a new one.
        """
        if not self.first <= port <= self.last:
            return False
        if self._owner.setdefault(port, key) != key:
            return False
        self._waiting.pop(key, None)
        held = self._port.get(key)
        self._port[key] = port
        if held is not None and held != port:
            self._free(held)
        return True

    def allocate(self, key: Key, age: Age = ()) -> int:
        """The Strategy's port: the one it has, or the lowest free one.

        Raises PortPoolExhaustedError; the Strategy waits then, until it gets a port or is released.
        """
        if (held := self._port.get(key)) is not None:
            return held
        port = self._lowest_free()
        if port is None:
            if self._waiting.get(key) != age:
                self._waiting[key] = age
                self._sequence += 1
                heapq.heappush(self._line, (age, self._sequence, key))
            raise PortPoolExhaustedError(f"all {self.size} ports of {self.first}-{self.last} are taken")
        self._give(key, port)
        return port

    def release(self, key: Key) -> int | None:
        """Gives the Strategy's port back; the port, or None when it had none. It waits for none either."""
        self._waiting.pop(key, None)
        port = self._port.pop(key, None)
        if port is not None:
            self._free(port)
        return port

    def served(self) -> list[Key]:
        """Who waited and got a port since this was asked last."""
        served, self._served = self._served, []
        return served

    def _give(self, key: Key, port: int) -> None:
        self._owner[port] = key
        self._port[key] = port

    def _free(self, port: int) -> None:
        del self._owner[port]
        while self._line:
            age, _, key = heapq.heappop(self._line)
            if self._waiting.get(key) == age:
                del self._waiting[key]
                self._give(key, port)
                self._served.append(key)
                return
        heapq.heappush(self._returned, port)

    def _lowest_free(self) -> int | None:
        while self._returned:
            port = heapq.heappop(self._returned)
            if port not in self._owner:
                return port
        while self._next <= self.last:
            port = self._next
            self._next += 1
            if port not in self._owner:
                return port
        return None

"""The port pool: which Strategy has which port. Kept in memory, made again from `status.port` at start."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class PortPoolExhaustedError(Exception):
    """No port is left."""


class PortPool(Generic[Key]):
    """Ports `first` to `last`, both included. The lowest free port goes first; a call costs O(log n) at most."""

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

    def __len__(self) -> int:
        """How many ports are taken."""
        return len(self._port)

    @property
    def size(self) -> int:
        return self.last - self.first + 1

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
        held = self._port.get(key)
        if held is not None and held != port:
            del self._owner[held]
            heapq.heappush(self._returned, held)
        self._port[key] = port
        return True

    def allocate(self, key: Key) -> int:
        """The Strategy's port: the one it has, or the lowest free one. Raises PortPoolExhaustedError."""
        if (held := self._port.get(key)) is not None:
            return held
        port = self._lowest_free()
        self._owner[port] = key
        self._port[key] = port
        return port

    def release(self, key: Key) -> int | None:
        """Gives the Strategy's port back; the port, or None when it had none."""
        port = self._port.pop(key, None)
        if port is not None:
            del self._owner[port]
            heapq.heappush(self._returned, port)
        return port

    def _lowest_free(self) -> int:
        while self._returned:
            port = heapq.heappop(self._returned)
            if port not in self._owner:
                return port
        while self._next <= self.last:
            port = self._next
            self._next += 1
            if port not in self._owner:
                return port
        raise PortPoolExhaustedError(f"all {self.size} ports of {self.first}-{self.last} are taken")

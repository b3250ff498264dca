"""Server-sent events, taken apart. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class EventStream:
    """Events of a stream that may break off; `last_id` is where another one goes on."""

    last_id: str | None = None
    _data: list[str] = field(default_factory=list)

    def events(self, chunks: Iterable[bytes]) -> Iterator[str]:
        """The data of each event. What was begun when the stream ends was not sent whole and is dropped."""
        self._data.clear()
        pending = self.last_id
        for line in _lines(chunks):
            if not line:
                # Only now has all of it come: not before is the place reached.
                self.last_id = pending
                if self._data:
                    data = "\n".join(self._data)
                    self._data.clear()
                    yield data
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                self._data.append(value)
            elif name == "id":
                pending = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Ended by a line feed only: JSON may hold what else Unicode takes for the end of a line."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()

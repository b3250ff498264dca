"""One worker asks the others of its replica, so that whoever is asked about health or figures speaks for all."""

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx

_HEADER: Final = "x-btcwatcher-worker"
_SECONDS: Final = 2.0


class Siblings:
    """`ports`: the others' own ports on loopback, by their number. None of them where one process is all."""

    def __init__(self, number: int, ports: Mapping[int, int]) -> None:
        self.number: Final = number
        self._ports = ports

    @property
    def any(self) -> bool:
        return bool(self._ports)

    def asked_by_one(self, headers: Mapping[str, str]) -> bool:
        """Whether a request is a sibling's, who wants to know of this process only."""
        return _HEADER in headers

    async def ask(self, path: str) -> dict[int, httpx.Response | None]:
        """What each answers; None for one that does not."""
        async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS, headers={_HEADER: str(self.number)}) as client:
            answers = await asyncio.gather(
                *(client.get(f"http://127.0.0.1:{port}{path}") for port in self._ports.values()),
                return_exceptions=True,
            )
        return {
            number: None if isinstance(answer, BaseException) else answer
            for number, answer in zip(self._ports, answers, strict=True)
        }

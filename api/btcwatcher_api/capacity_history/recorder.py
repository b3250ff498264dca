"""The job of the active collector that writes a row of `capacity_history` every few minutes.

What cannot be read or written costs that row and nothing else: the next one is tried as if nothing had happened.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from btcwatcher_api import logs
from btcwatcher_api.capacity_history.fleet import NoFiguresError, told
from btcwatcher_api.capacity_history.row import Row, row
from btcwatcher_api.cluster import reading
from btcwatcher_api.cluster.connection import api_client
from btcwatcher_api.collector.ledger import FillsRefused, Ledger, LedgerAway, LedgerBusy

_log = logs.get("btcwatcher_api.capacity_history")

_SOON_SECONDS: Final = 30.0
"""How long to wait after a row that could not be had: a new cluster has its first figures within a minute."""
_COLUMNS: Final = [field.name for field in fields(Row)]
# Who becomes the active collector just after another wrote adds nothing: rows stay evenly spread.
_INSERT: Final = (
    f"INSERT INTO capacity_history ({', '.join(_COLUMNS)})"  # noqa: S608 - the names of our own columns
    f" SELECT {', '.join(f'%({name})s' for name in _COLUMNS)} WHERE NOT EXISTS"
    " (SELECT FROM capacity_history WHERE at > %(at)s - %(apart)s AND at < %(at)s + %(apart)s)"
)


class Recorder:
    """`strategies` gives every Strategy there is, `pool` is the first and the last port."""

    def __init__(
        self,
        ledger: Ledger,
        strategies: Callable[[], Iterable[Mapping[str, Any]]],
        pool: tuple[int, int],
        *,
        every: float,
    ) -> None:
        self._ledger = ledger
        self._strategies = strategies
        self._pool = pool
        self._every = every
        self._trouble = ""
        """What was said of the last try, so that it is said once."""

    async def run(self) -> None:
        """Until cancelled; only in the active collector."""
        while True:
            written = await self.once()
            pause = self._every if written else min(self._every, _SOON_SECONDS)
            await asyncio.sleep(pause * random.uniform(0.95, 1.05))  # noqa: S311 - jitter, not a secret

    async def once(self) -> bool:
        """Write a row, unless there is one of just now; False where it could not be had, which the log tells once."""
        try:
            await self._record()
        except NoFiguresError as error:
            self._say(str(error))
        except ApiException as error:
            self._say(f"Kubernetes answered {error.status}: {error.reason}")
        except (aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
            self._say(f"Kubernetes does not answer: {type(error).__name__}")
        except (LedgerAway, LedgerBusy, FillsRefused) as error:
            self._say(f"Postgres: {error}")
        except Exception as error:
            # A figure's oddity must not end what fills signals in.
            _log.error("capacity cannot be recorded", exc_info=error)
        else:
            self._say("")
            return True
        return False

    async def _record(self) -> None:
        # Connected anew each time: it finds the cluster again wherever it is, and holds nothing in between.
        async with api_client() as connected:
            fleet = told(await reading.fleet_capacity(connected))
            seen = await reading.machines(connected)
        found = row(datetime.now(UTC), fleet, seen, self._strategies(), self._pool)
        await self._ledger.note(_INSERT, {**asdict(found), "apart": timedelta(seconds=self._every / 2)})

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            _log.warning("capacity is not recorded", reason=trouble)
        elif self._trouble and not trouble:
            _log.info("capacity is recorded again")
        self._trouble = trouble

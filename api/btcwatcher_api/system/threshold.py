"""The capacity alert's threshold: a ConfigMap beside the API, so that it is declared, kept and seen by kubectl."""

import asyncio
import random
from typing import Final

from prometheus_client import Gauge

from btcwatcher_api import logs
from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import MANAGER, Cluster
from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import LABEL_MANAGED_BY

CONFIG_MAP: Final = "btcwatcher-capacity"
KEY: Final = "alertThresholdPercent"
DEFAULT_PERCENT: Final = 80
_EVERY_SECONDS: Final = 60.0
_log = logs.get("btcwatcher_api.threshold")


class AlertThreshold:
    """The last value known; the metric says the same, for the alert rule to compare with."""

    def __init__(self, cluster: Cluster, namespace: str, metric: Gauge) -> None:
        self._cluster = cluster
        self._path = core.path("namespaces", namespace, "configmaps", CONFIG_MAP)
        self._metric = metric
        self._known = DEFAULT_PERCENT
        self._metric.set(DEFAULT_PERCENT / 100)

    @property
    def percent(self) -> int:
        return self._known

    async def put(self, percent: int) -> None:
        """Raises Problem."""
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "labels": {LABEL_MANAGED_BY: MANAGER}},
            "data": {KEY: str(percent)},
        }
        await self._cluster.call(
            lambda connected: core.request(
                connected,
                "PATCH",
                self._path,
                query={"fieldManager": MANAGER, "force": "true"},
                body=manifest,
                content_type=core.APPLY,
            )
        )
        self._take(percent)

    async def read(self) -> int:
        """Raises Problem; a ConfigMap that is not there, or says nothing sensible, is the default."""
        try:
            found = await self._cluster.call(lambda connected: core.request(connected, "GET", self._path))
        except Problem as problem:
            if problem.status != 404:
                raise
            self._take(DEFAULT_PERCENT)
            return DEFAULT_PERCENT
        said = str((found.get("data") or {}).get(KEY, ""))
        sensible = said.isascii() and said.isdigit() and 1 <= int(said[:4]) <= 100
        if not sensible:
            _log.warning("the threshold in the ConfigMap is no percentage", config_map=CONFIG_MAP, said=said[:20])
        self._take(int(said) if sensible else DEFAULT_PERCENT)
        return self._known

    async def keep(self) -> None:
        """Look once a minute, for ever: another replica, or kubectl, may have changed it."""
        while True:
            try:
                await self.read()
            except Problem as problem:
                _log.debug("the threshold cannot be read", reason=problem.detail)
            await asyncio.sleep(_EVERY_SECONDS * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret

    def _take(self, percent: int) -> None:
        self._known = percent
        self._metric.set(percent / 100)

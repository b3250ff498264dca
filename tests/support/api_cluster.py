"""The embedded API server with Strategies in it, as far as tests of the API need a cluster."""

from pathlib import Path
from typing import Any

import httpx
import yaml

from btcwatcher_crds.names import API_VERSION, GROUP, STRATEGY_KIND, STRATEGY_PLURAL, VERSION, split_strategy_id
from btcwatcher_local.apiserver import Serving
from support.api import STRATEGY

_CRD = Path(__file__).parents[2] / "crds" / "btcwatcher.io_strategies.yaml"


class Cluster:
    """The embedded API server, as a person with kubectl would use it."""

    def __init__(self, serving: Serving, http: httpx.AsyncClient) -> None:
        self.serving = serving
        self.http = http

    async def define(self) -> None:
        definition = yaml.safe_load(_CRD.read_text())
        answer = await self.http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition)
        assert answer.status_code == 201, answer.text

    async def apply(self, identifier: str = STRATEGY, *, source: str = "# nothing", **signals: Any) -> None:
        namespace, name = split_strategy_id(identifier)
        manifest = {
            "apiVersion": API_VERSION,
            "kind": STRATEGY_KIND,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "strategyName": "Any",
                "timeframe": "5m",
                "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
                "source": {"inline": source},
                "signals": signals,
            },
        }
        answer = await self.http.patch(
            f"{_path(namespace)}/{name}?fieldManager=test&force=true",
            json=manifest,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        assert answer.status_code in (200, 201), answer.text

    async def delete(self, identifier: str) -> None:
        namespace, name = split_strategy_id(identifier)
        assert (await self.http.delete(f"{_path(namespace)}/{name}")).status_code == 200


def _path(namespace: str) -> str:
    return f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{STRATEGY_PLURAL}"

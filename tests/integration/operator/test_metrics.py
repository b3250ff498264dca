"""The operator's own endpoint, read while it works."""

from typing import Any

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support.kubectl import Kubectl, until
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


def test_series_come_and_go_with_their_strategy(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    operator.kill()
    port = free_port()
    operator.start(metrics_port=str(port), metrics_address="127.0.0.1")
    url = f"http://127.0.0.1:{port}"

    def status(path: str) -> int:
        try:
            return httpx.get(url + path).status_code
        except httpx.TransportError:
            return 0

    until(lambda: status("/readyz") == 200, "it is ready")
    assert status("/healthz") == 200

    def lines(name: str) -> list[str]:
        return [line for line in httpx.get(f"{url}/metrics").text.splitlines() if line.startswith(f"{name}{{")]

    kubectl.apply(manifest)
    (info,) = until(lambda: lines("btcwatcher_strategy_info"), "the Strategy's series")
    until(lambda: 'port="8081"' in lines("btcwatcher_strategy_info")[0], "its port")
    assert f'namespace="{namespace}"' in info
    assert 'exchange="binance"' in info
    until(lambda: any('type="Ready"' in line for line in lines("btcwatcher_strategy_condition")), "its conditions")
    until(lambda: lines("btcwatcher_strategy_ready_reason"), "why it is not ready")
    asked = [line for line in lines("rest_client_requests_total") if 'code="201",method="POST"' in line]
    assert float(asked[0].rpartition(" ")[2]) >= 5, "its children were made"
    kubectl("-n", namespace, "delete", "strategy", "ema")
    until(lambda: not lines("btcwatcher_strategy_info"), "the series is gone")
    assert lines("btcwatcher_strategy_condition") == []
    assert "btcwatcher_port_pool_used 0.0" in httpx.get(f"{url}/metrics").text
    (success,) = [line for line in lines("controller_runtime_reconcile_total") if 'result="success"' in line]
    assert float(success.rpartition(" ")[2]) >= 2

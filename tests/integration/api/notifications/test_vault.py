"""What channels name is read from a real API server, kept for seconds, and goes on serving while that is away."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import httpx
import pytest

from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.notifications.worker.vault import NO_VERSION, Missing, Vault, VaultAway
from btcwatcher_local.apiserver import serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

TOKEN = "cluster-token"


async def put(url: str, value: str, method: str = "PUT") -> None:
    data = {"token": base64.b64encode(value.encode()).decode()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "desk", "namespace": "default"}, "data": data}
    path = "/api/v1/namespaces/default/secrets" + ("" if method == "POST" else "/desk")
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        answer = await http.request(method, path, json=body)
        assert answer.status_code in (200, 201), answer.text


async def test_while_kubernetes_is_away_what_was_read_goes_on_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    cluster = Cluster()
    vault, hasty = Vault(cluster, fresh=3600), Vault(cluster, fresh=0)
    try:
        async with serve("127.0.0.1", 0, TOKEN, tls=False) as serving:
            serving.write_kubeconfig(tmp_path / "kubeconfig")
            with pytest.raises(Missing, match="there is no Secret desk in namespace default"):
                await hasty.secret("default", "desk")
            assert await hasty.version("default", "desk") == NO_VERSION
            await put(serving.url, "first", "POST")
            first = await vault.secret("default", "desk")
            assert first.data == {"token": "first"}
            assert await vault.version("default", "desk") == first.version
            await put(serving.url, "second")
            assert (await vault.secret("default", "desk")).data == {"token": "first"}, "kept for seconds"
            second = await vault.secret("default", "desk", anew=True)
            assert (second.data, second.version != first.version) == ({"token": "second"}, True)
            assert (await hasty.secret("default", "desk")).data == {"token": "second"}
        assert (await hasty.secret("default", "desk")).data == {"token": "second"}
        assert await hasty.version("default", "desk") is None, "nobody can tell"
        with pytest.raises(VaultAway):
            await hasty.secret("default", "never-read")
    finally:
        await cluster.close()

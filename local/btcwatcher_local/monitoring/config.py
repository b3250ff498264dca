"""The configurations of Prometheus and Alertmanager, as they read them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Object = dict[str, Any]

RECEIVER_PATH = "/api/v1/notifications/alertmanager"


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped."""

    job: str
    """Our own begin with `btcwatcher-`: the alerts on targets are about those."""
    address: str
    """host:port"""
    path: str = "/metrics"
    token_file: Path | None = None


def stack_targets(
    *,
    operator_url: str,
    api_url: str,
    collector_url: str,
    worker_url: str,
    market_url: str,
    kubelet: str,
    kubelet_token: Path | None,
) -> list[Target]:
    """All that a stack serves; `kubelet` is host:port."""
    urls = {
        "operator": operator_url,
        "api": api_url,
        "collector": collector_url,
        "worker": worker_url,
        "market": market_url,
    }
    return [
        *(Target(f"btcwatcher-{name}", urlsplit(url).netloc) for name, url in urls.items()),
        Target("kubelet", kubelet, "/metrics/cadvisor", kubelet_token),
    ]


def prometheus(targets: Sequence[Target], rules: Sequence[Path], alertmanager: str | None, seconds: int) -> Object:
    """prometheus.yml; `alertmanager` is host:port, `seconds` is how often targets are scraped and rules evaluated."""
    config: Object = {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "rule_files": [str(file) for file in rules],
        "scrape_configs": [scrape_config(target) for target in targets],
    }
    if alertmanager is not None:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return config


def scrape_config(target: Target) -> Object:
    job: Object = {
        "job_name": target.job,
        # A series' namespace is its Strategy's.
        "honor_labels": True,
        "metrics_path": target.path,
        "static_configs": [{"targets": [target.address]}],
    }
    if target.token_file is not None:
        job["authorization"] = {"credentials_file": str(target.token_file)}
    return job


def alertmanager(api_url: str, key_file: Path) -> Object:
    """alertmanager.yml: everything to our API, as docs/notifications.md has it. Who is told is the channels' affair."""
    return {
        "route": {
            "receiver": "btcwatcher",
            "group_by": ["alertname", "namespace"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "1h",
        },
        "receivers": [
            {
                "name": "btcwatcher",
                "webhook_configs": [
                    {
                        "url": f"{api_url}{RECEIVER_PATH}",
                        "send_resolved": True,
                        "http_config": {"authorization": {"credentials_file": str(key_file)}},
                    }
                ],
            }
        ],
    }

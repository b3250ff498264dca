"""What the wrapper itself needs to know of the rendered config; the rest is freqtrade's affair."""

import json
from dataclasses import dataclass, field
from pathlib import Path


class ConfigError(Exception):
    """The rendered config cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The few values. The throttle and heartbeat interval are as found, for others to judge."""

    dry_run: bool
    api_enabled: bool
    listen_address: str
    listen_port: int
    heartbeat_interval: object
    throttle: object
    exchange: dict[str, object] = field(default_factory=dict)
    """freqtrade's settings of the exchange."""


def read_config(path: Path) -> Rendered:
    """Read the rendered config. Raises ConfigError."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there: the revision's Secret is not mounted") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path} is not a JSON object")
    api, internals = _section(config, "api_server"), _section(config, "internals")
    port = api.get("listen_port", 8080)
    return Rendered(
        dry_run=config.get("dry_run") is not False,
        api_enabled=api.get("enabled") is True,
        listen_address=str(api.get("listen_ip_address", "127.0.0.1")),
        listen_port=port if isinstance(port, int) else 8080,
        heartbeat_interval=internals.get("heartbeat_interval"),
        throttle=internals.get("process_throttle_secs"),
        exchange=_section(config, "exchange"),
    )


def _section(config: dict[str, object], name: str) -> dict[str, object]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}

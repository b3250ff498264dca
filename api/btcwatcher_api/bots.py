"""How a process of ours reaches the bots' own APIs: the settings for it, and where each bot is."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import field_validator

from btcwatcher_api.settings import ServiceSettings, read_key, variable
from btcwatcher_api.strategies.registry import KnownStrategy
from btcwatcher_crds.names import service
from btcwatcher_crds.strategy import State


class BotAccess(ServiceSettings):
    """What every process needs that talks to bots. Whoever has the bot key can act on every bot."""

    bot_key_file: Path
    """File with the platform's bot key (32 bytes or more of text), from which every bot's API password is derived; the
    operator has the same."""
    bot_address: str = "http://{service}.{namespace}.svc:{port}"
    """Where a bot's API is: {service} and {namespace} are those of its Service, {port} is its Strategy's."""

    @field_validator("bot_address")
    @classmethod
    def _is_a_template(cls, value: str) -> str:
        try:
            parts = urlsplit(value.format(service="s", namespace="n", port=1))
        except (KeyError, IndexError, ValueError):
            raise ValueError("may hold {service}, {namespace} and {port}, nothing else in braces") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or "{port}" not in value:
            raise ValueError("must begin with http:// or https://, name a host and hold {port}")
        return value.rstrip("/")

    def bot_key(self) -> bytes:
        """The platform's bot key. Raises SettingsError naming the variable."""
        return read_key(self.bot_key_file, variable("bot_key_file"))


def address_of(template: str, strategy: KnownStrategy) -> str | None:
    """Where the bot's API is, after `template`; None while it has none."""
    port = port_of(strategy)
    if port is None:
        return None
    return template.format(service=service(strategy.name), namespace=strategy.namespace, port=port)


def port_of(strategy: KnownStrategy) -> int | None:
    """Where the bot listens; None while it has no port, or no pod because it is suspended."""
    if is_suspended(strategy):
        return None
    port = (strategy.item.get("status") or {}).get("port")
    return port if isinstance(port, int) else None


def is_suspended(strategy: KnownStrategy) -> bool:
    return bool((strategy.item.get("spec") or {}).get("state") == State.SUSPENDED)

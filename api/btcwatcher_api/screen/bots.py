"""Which bot a request is for, with what opens it. The only addresses there are come from the watched Strategies."""

import base64
from dataclasses import dataclass

from btcwatcher_api.bots import address_of, is_suspended
from btcwatcher_api.problems import Problem, unavailable
from btcwatcher_api.screen.paths import BotPath
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.derive import bot_api_credentials


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """Where a bot's API is, and what opens it: neither leaves this process."""

    strategy: str
    base: str
    authorization: str
    ws_token: str


class Bots:
    """The bots that there are now."""

    def __init__(self, registry: Registry, template: str, key: bytes) -> None:
        self._registry = registry
        self._template = template
        self._key = key

    def target(self, path: BotPath) -> Target:
        """Raises Problem: 404 where no such Strategy is, 503 for one whose bot is not there at the moment."""
        if not self._registry.synced:
            raise unavailable("the Strategies are not known yet")
        strategy = self._registry.find(path.namespace, path.name)
        if strategy is None:
            raise Problem(404, f"there is no Strategy {path.strategy}")
        address = address_of(self._template, strategy)
        if address is None:
            why = "is suspended: it has no bot" if is_suspended(strategy) else "has no port yet"
            raise Problem(503, f"Strategy {strategy.id} {why}", headers={"Retry-After": "5"})
        credentials = bot_api_credentials(self._key, strategy.namespace, strategy.name)
        login = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        return Target(strategy.id, f"{address}/api/v1", f"Basic {login}", credentials.ws_token)

"""The bots as FreqUI is told of them. Pure."""

from collections.abc import Iterable
from typing import Any

from btcwatcher_api.accounts.repository import User
from btcwatcher_api.bots import is_suspended
from btcwatcher_api.screen.paths import PREFIX
from btcwatcher_api.strategies.registry import KnownStrategy


def fleet_of(strategies: Iterable[KnownStrategy], user: User, token: str) -> dict[str, Any]:
    """What the page needs: who is signed in, the token that FreqUI sends back, and each bot with where it is, by the
    Strategy's id. Those that are suspended, too, which FreqUI shows offline: last, for FreqUI opens with the first."""
    return {
        "user": user.username,
        "role": user.role.value,
        "token": token,
        "bots": [
            {"id": one.id, "name": f"{one.namespace}/{one.name}", "path": f"{PREFIX}{one.namespace}/{one.name}"}
            for one in sorted(strategies, key=lambda one: (is_suspended(one), one.namespace, one.name))
        ],
    }

"""Running or paused, as the Strategy asks, without a restart.

The operator writes the wanted state into the mutable access Secret, where it is also the state that a bot starts in: so
it holds against crashes. A change of the file is handed to freqtrade's own API once; what a person does by hand through
that API afterwards is theirs.
"""

import base64
import http.client
import json
import logging
from collections.abc import Callable
from pathlib import Path

from btcwatcher_bot.ports import reachable

logger = logging.getLogger(__name__)

PATHS = {"running": "/api/v1/start", "paused": "/api/v1/pause"}
_TIMEOUT = 5.0


class WantedState:
    """Follows the access files. `look` is called every second from the monitor's thread."""

    def __init__(self, state_file: Path, api_file: Path, tell: Callable[[str, str, str], bool]) -> None:
        self._state_file = state_file
        self._api_file = api_file
        self._tell = tell
        # freqtrade starts in this one by itself.
        self._told = self._wanted()

    def look(self) -> None:
        """Hand a changed state on; one that freqtrade does not take now is tried again at the next look."""
        wanted = self._wanted()
        if wanted is None or wanted == self._told:
            return
        credentials = self._credentials()
        if credentials is not None and self._tell(PATHS[wanted], *credentials):
            logger.info("the Strategy's state is %s now", wanted)
            self._told = wanted

    def _wanted(self) -> str | None:
        state = _read(self._state_file).get("initial_state")
        return state if isinstance(state, str) and state in PATHS else None

    def _credentials(self) -> tuple[str, str] | None:
        section = _read(self._api_file).get("api_server")
        if not isinstance(section, dict):
            return None
        return str(section.get("username", "")), str(section.get("password", ""))


def teller(address: str, port: int) -> Callable[[str, str, str], bool]:
    """POSTs to the bot's own API: path, user name, password -> whether it was taken."""

    def tell(path: str, username: str, password: str) -> bool:
        login = base64.b64encode(f"{username}:{password}".encode()).decode()
        connection = http.client.HTTPConnection(reachable(address), port, timeout=_TIMEOUT)
        try:
            connection.request("POST", path, headers={"Authorization": f"Basic {login}", "Content-Length": "0"})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            logger.warning("freqtrade's API does not take %s: %s", path, error)
            return False
        else:
            if answer.status != http.HTTPStatus.OK:
                logger.warning("freqtrade's API answers %s to %s", answer.status, path)
            return answer.status == http.HTTPStatus.OK
        finally:
            connection.close()

    return tell


def _read(path: Path) -> dict[str, object]:
    # While the kubelet swaps the folder's content the file can be away for a moment.
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}

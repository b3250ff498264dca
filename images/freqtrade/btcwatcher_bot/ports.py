"""The bot's own API port: whether it is free before the start, and whether it answers afterwards."""

import http.client
import socket

_PING_TIMEOUT = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask, not where to listen


def port_error(address: str, port: int) -> str | None:
    """Why nothing can listen there, or None when something can."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the API server does, so that connections of the bot before still lingering are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            return f"cannot listen on {address}:{port}: {error.strerror or error}"
    return None


def reachable(address: str) -> str:
    """Where to ask for what listens at an address."""
    return _EVERYWHERE.get(address, address)


def api_answers(address: str, port: int) -> bool:
    """Whether GET /api/v1/ping answers 200 on this machine."""
    connection = http.client.HTTPConnection(reachable(address), port, timeout=_PING_TIMEOUT)
    try:
        connection.request("GET", "/api/v1/ping")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

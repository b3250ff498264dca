"""The BTC Watcher API: where it is, who asks it, and what its errors mean."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from btcwatcher_plugin import forward
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import Kubectl
from btcwatcher_plugin.output import warn

ENV_URL: Final = "BTCWATCHER_API_URL"
ENV_TOKEN: Final = "BTCWATCHER_TOKEN"  # noqa: S105 - a name
ENV_TOKEN_FILE: Final = "BTCWATCHER_TOKEN_FILE"  # noqa: S105 - a name

_SECONDS: Final = 15.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_NO_TOKEN: Final = (
    f"Put an API key into a file and name it: --token-file FILE or {ENV_TOKEN_FILE}=FILE (or the key itself into"
    f" {ENV_TOKEN}). An admin makes one with POST /api/v1/auth/keys; to read only, the platform's read token will do:"
    " docs/kubectl-plugin.md has the commands. With `make run` it is .local/keys/read-token."
)
_REFUSED: Final = {
    401: "The API key or token is wrong, has expired or was revoked: ask an admin for one (POST /api/v1/auth/keys).",
    403: "Ask an admin for an API key with that role (POST /api/v1/auth/keys).",
    404: "See which there are: kubectl btcwatcher status -A",
}


class ApiError(PluginError):
    """What the API answered, or that it did not."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


def known(parsed: argparse.Namespace) -> bool:
    """Whether the user says where the API is."""
    return bool(_url(parsed))


@dataclass(frozen=True, slots=True)
class Api:
    """The API as somebody with a token sees it."""

    http: httpx.Client
    where: str

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The document. Raises ApiError with the API's own words."""
        try:
            answer = self.http.get(path, params={name: value for name, value in query.items() if value is not None})
        except httpx.HTTPError as error:
            raise self.unreachable(error) from error
        if answer.status_code != httpx.codes.OK:
            raise self.refused(answer)
        try:
            found: dict[str, Any] = answer.json()
        except ValueError as error:
            raise ApiError(f"{self.where} is not the BTC Watcher API: it answers with something else") from error
        return found

    def refused(self, answer: httpx.Response) -> ApiError:
        """Of an answer that was read."""
        try:
            detail = str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"{answer.status_code} {answer.reason_phrase}"
        return ApiError(f"the API refuses: {detail}", _REFUSED.get(answer.status_code, ""), status=answer.status_code)

    def unreachable(self, error: httpx.HTTPError) -> ApiError:
        return ApiError(
            f"the API at {self.where} does not answer: {error}",
            f"Is that where it is? {ENV_URL} or --api-url says where; without them it is reached by a port-forward.",
        )


@contextlib.contextmanager
def connected(parsed: argparse.Namespace, kubectl: Kubectl) -> Iterator[Api]:
    """The API at the address that the user names, or through a port-forward that ends with it. Raises PluginError."""
    headers = {"Authorization": f"Bearer {_token(parsed)}", "User-Agent": "kubectl-btcwatcher"}
    with contextlib.ExitStack() as stack:
        url = _url(parsed)
        if url:
            _warn_of_plain_text(url)
        else:
            url = stack.enter_context(forward.to_service(kubectl, parsed.api_namespace, parsed.api_service))
        http = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=_SECONDS))
        yield Api(http, url)


def _url(parsed: argparse.Namespace) -> str:
    url = str(parsed.api_url or os.environ.get(ENV_URL, "")).rstrip("/")
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise PluginError(
            f"{url!r} is no address of the API", "It is written as https://host, with a path if there is one."
        )
    return url


def _warn_of_plain_text(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        warn(f"warning: your token goes to {parts.hostname} unencrypted: use https")


def _token(parsed: argparse.Namespace) -> str:
    """Never from the command line, where everybody on the machine could read it. Raises PluginError."""
    file = parsed.token_file or os.environ.get(ENV_TOKEN_FILE)
    if parsed.token_file is None and (token := os.environ.get(ENV_TOKEN, "").strip()):
        return _sendable(token, ENV_TOKEN)
    if not file:
        raise PluginError("the API wants to know who asks, and there is no token", _NO_TOKEN)
    try:
        return _sendable(Path(file).expanduser().read_text().strip(), file)
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"the token file cannot be read: {error}") from error


def _sendable(token: str, source: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise PluginError(f"what {source} holds is no token")
    return token

"""`btcwatcher-api keys`: the Secrets that the platform cannot start without, made once and never changed.

It runs again at each upgrade: what is there stays, because every webhook token and every bot's password is derived
from it. No value is printed, logged or put into an error.
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api import logs
from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import MANAGER
from btcwatcher_api.cluster.connection import api_client
from btcwatcher_crds.derive import MIN_KEY_BYTES
from btcwatcher_crds.names import LABEL_MANAGED_BY

KEYS: Final = ("webhook", "bot", "signing", "read-token")
"""Of the Secret with the platform's keys; each process mounts those that it needs."""
DATABASE_NAME: Final = "btcwatcher"
DATABASE_PORT: Final = 5432

_RANDOM_BYTES: Final = 48
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TRIES: Final = 5
_NAME: Final = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_log = logs.get("btcwatcher_api.keys")


Lacking = Callable[[Mapping[str, str], Mapping[str, str]], dict[str, str]]


class BadSecretError(Exception):
    """A Secret that is there cannot be used; the message says of which key, and never what it holds."""


def platform_keys() -> dict[str, str]:
    """A value for each key."""
    return {name: _random() for name in KEYS}


def database_access(host: str) -> dict[str, str]:
    """What opens the bundled Postgres; the keys are those that CloudNativePG gives its Secrets."""
    password = _random()
    return {
        "username": DATABASE_NAME,
        "password": password,
        "dbname": DATABASE_NAME,
        "host": host,
        "port": str(DATABASE_PORT),
        # What was made is letters, digits, - and _: nothing in it has to be quoted.
        "uri": f"postgresql://{DATABASE_NAME}:{password}@{host}:{DATABASE_PORT}/{DATABASE_NAME}",
    }


def missing(held: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """What of the platform's keys has to be added. `held`: base64, as Kubernetes has it.

    Raises BadSecretError for a key that is there but too short: it was put there by somebody who must know.
    """
    for name in made:
        if name in held and len(base64.b64decode(held[name]).strip()) < MIN_KEY_BYTES:
            raise BadSecretError(
                f"its key {name} holds less than {MIN_KEY_BYTES} bytes: put a longer one there, or take it out and"
                " one is made"
            )
    return {name: value for name, value in made.items() if name not in held}


def missing_whole(held: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """The same of a database's access, whose parts belong together: all of it, or none.

    Raises BadSecretError for a part of it: what Postgres was set up with cannot be guessed.
    """
    lacking = sorted(set(made) - set(held))
    if held and lacking:
        raise BadSecretError(
            f"it lacks {', '.join(lacking)}: put that there, or, while nothing is stored yet, delete it"
        )
    return {} if held else dict(made)


async def keep_keys(namespace: str, secret: str, database_secret: str, database_host: str) -> None:
    """Makes what is missing in the Secrets that are named; an empty name asks for none.

    Raises BadSecretError, ValueError for a name that is none, kubernetes' ApiException and ConfigException, aiohttp's
    ClientError, TimeoutError.
    """
    for name in (namespace, secret, database_secret):
        if name and not re.fullmatch(_NAME, name):
            raise ValueError(f"{name!r} is no name of Kubernetes")
    async with api_client() as connected:
        if secret:
            await _keep(connected, namespace, secret, platform_keys(), missing)
        if database_secret:
            await _keep(connected, namespace, database_secret, database_access(database_host), missing_whole)


async def _keep(
    connected: client.ApiClient, namespace: str, name: str, made: Mapping[str, str], lacking: Lacking
) -> None:
    for attempt in range(_TRIES):
        try:
            added = await _add(connected, namespace, name, made, lacking)
        except ApiException as error:
            # Another of us was faster: what it made is there now.
            if error.status != _CONFLICT or attempt == _TRIES - 1:
                raise
            continue
        except BadSecretError as error:
            raise BadSecretError(f"Secret {namespace}/{name}: {error}") from None
        _log.info("a Secret was completed" if added else "a Secret is complete", secret=name, added=sorted(added))
        return


async def _add(
    connected: client.ApiClient, namespace: str, name: str, made: Mapping[str, str], lacking: Lacking
) -> dict[str, str]:
    """What was added. Whoever writes in between makes this an ApiException 409."""
    where = core.path("namespaces", namespace, "secrets")
    writing = {"fieldManager": MANAGER}
    try:
        found = await core.request(connected, "GET", f"{where}/{name}")
    except ApiException as error:
        if error.status != _NOT_FOUND:
            raise
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {LABEL_MANAGED_BY: MANAGER}},
            "type": "Opaque",
            "data": _encoded(made),
        }
        await core.request(connected, "POST", where, query=writing, body=secret)
        return dict(made)
    added = lacking(found.get("data") or {}, made)
    if added:
        patch = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": _encoded(added)}
        await core.request(connected, "PATCH", f"{where}/{name}", query=writing, body=patch, content_type=core.MERGE)
    return added


def _encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}


def _random() -> str:
    """Begins with a letter: freqtrade takes what looks like a number for one."""
    return "k" + secrets.token_urlsafe(_RANDOM_BYTES)

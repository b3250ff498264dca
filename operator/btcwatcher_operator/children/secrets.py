"""The two Secrets: an immutable one per revision, and a mutable one with what may change under a running bot."""

import base64
from urllib.parse import urlsplit

from btcwatcher_crds import names
from btcwatcher_crds.derive import BotCredentials
from btcwatcher_crds.strategy import State, Strategy
from btcwatcher_operator.children.canonical import canonical_json
from btcwatcher_operator.children.metadata import Object, metadata


def revision_secret(
    strategy: Strategy, revision: str, files: dict[str, str], annotations: dict[str, str] | None = None
) -> Object:
    """What a revision of the bot is made of. Immutable, so that no crash picks up a config nobody agreed to."""
    name = names.revision_secret(strategy.metadata.name, revision)
    described = metadata(strategy, name, extra_labels={names.LABEL_REVISION: revision})
    if annotations:
        described["annotations"] = annotations
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": described,
        "type": "Opaque",
        "immutable": True,
        "data": _encoded(files),
    }


def access_secret(strategy: Strategy, webhook_url: str, webhook_token: str, bot_api: BotCredentials) -> Object:
    """What may change under a running bot: its webhook login, its own API's credentials, and the state it should have.

    The login is a netrc file because freqtrade can set no headers.
    """
    host = urlsplit(webhook_url).hostname or ""
    login = names.strategy_id(strategy.metadata.namespace, strategy.metadata.name)
    api_server = {
        "username": bot_api.username,
        "password": bot_api.password,
        "jwt_secret_key": bot_api.jwt_secret,
        "ws_token": bot_api.ws_token,
    }
    files = {
        names.NETRC_FILE: f"machine {host} login {login} password {webhook_token}\n",
        names.API_SERVER_FILE: canonical_json({"api_server": api_server}),
        names.STATE_FILE: canonical_json({"initial_state": _initial_state(strategy)}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(strategy, names.access_secret(strategy.metadata.name)),
        "type": "Opaque",
        "data": _encoded(files),
    }


def _initial_state(strategy: Strategy) -> str:
    """The state that a bot starts in, also after a crash; the bot's wrapper hands a change on to freqtrade.

    No part of a revision: pausing restarts nothing.
    """
    return "paused" if strategy.spec.state is State.PAUSED else "running"


def _encoded(files: dict[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}


def decoded(secret: Object) -> dict[str, str]:
    """The files of a Secret made here."""
    return {name: base64.b64decode(text).decode() for name, text in secret.get("data", {}).items()}

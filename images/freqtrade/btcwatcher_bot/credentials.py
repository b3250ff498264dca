"""The exchange credentials: from the mounted Secret's files into a config file that only the bot can read.

Not through the environment, because freqtrade coerces what it finds there ("1e5" becomes a number).
"""

import contextlib
import json
import os
from pathlib import Path

# Secret key -> freqtrade's `exchange` setting.
_KEYS = {
    "key": "key",
    "secret": "secret",
    "password": "password",
    "uid": "uid",
    "walletAddress": "wallet_address",
    "privateKey": "private_key",
}


def read_credentials(folder: Path) -> dict[str, str]:
    """freqtrade's exchange settings from the folder; empty when there is none. Other files are left alone."""
    found: dict[str, str] = {}
    for name, setting in _KEYS.items():
        path = folder / name
        if path.is_file() and (value := path.read_text(encoding="utf-8").strip()):
            found[setting] = value
    return found


def known_secrets(credentials: dict[str, str], api_access: Path, netrc: Path) -> list[str]:
    """Every secret that the bot was given, so that it can be kept out of what the bot says."""
    found = list(credentials.values())
    with contextlib.suppress(OSError, ValueError, AttributeError):
        section = json.loads(api_access.read_text(encoding="utf-8")).get("api_server", {})
        found += [str(value) for name, value in section.items() if name != "username"]
    with contextlib.suppress(OSError):
        found += netrc.read_text(encoding="utf-8").split()[-1:]
    return found


def run_config(credentials: dict[str, str], heartbeat_interval: float) -> dict[str, object]:
    """The config fragment that freqtrade reads last."""
    fragment: dict[str, object] = {"internals": {"heartbeat_interval": heartbeat_interval}}
    if credentials:
        fragment["exchange"] = dict(credentials)
    return fragment


def write_private(path: Path, content: dict[str, object]) -> None:
    """Write JSON with mode 0600 from its first byte on, replacing what was there."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)

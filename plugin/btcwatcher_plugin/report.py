"""`report`: a bundle for whoever helps, without secrets."""

import argparse
import io
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from btcwatcher_plugin import collect, kubectl
from btcwatcher_plugin.api import ENV_TOKEN
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.output import say, warn
from btcwatcher_plugin.redaction import Redactor, known_values

_INTRODUCTION = """\
A report of BTC Watcher, made {now} by `kubectl btcwatcher report`.

objects/   what the cluster holds: one file a kind
logs/      of the bots and of BTC Watcher itself, the last lines only
versions.json

Left out or replaced by [redacted]: the values of Secrets and ConfigMaps (their keys and lengths are there), values of
environment variables, the source of strategies (its hash is there), users and passwords in URLs, Authorization headers,
tokens, and {known}.
What you trade (pairs, stakes, settings, profits in logs) is in it. Look through it before you hand it on.
"""


def run(parsed: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    name = f"btcwatcher-report-{now:%Y%m%dT%H%M%SZ}"
    target = Path(parsed.file or f"{name}.tar.gz")
    if target.exists():
        raise PluginError(f"{target} is there already", "Name another file with -f.")
    found = collect.everything(kubectl.find(parsed.kubectl_flags), parsed)
    bundle = contents(found, now, os.environ.get(ENV_TOKEN, "").strip())
    _write(bundle, name, target, now)
    for words in found.unreadable:
        warn(f"not read: {words}")
    say(f"written: {target}")
    warn("Its README.txt says what was left out. Look through it before you hand it on.")
    return 0


def contents(found: collect.Found, now: datetime, *own_secrets: str) -> dict[str, str]:
    """The files by name. Pure."""
    secrets = found.objects.get("secrets", [])
    redactor = Redactor(known_values(secrets, *own_secrets))
    if secrets:
        known = f"every value of the {len(secrets)} Secrets that could be read, wherever it turned up"
    else:
        known = "what else looks like a secret; no Secrets could be read, so values without such a look may be in it"
    readme = _INTRODUCTION.format(now=now.isoformat(timespec="seconds"), known=known)
    if found.unreadable:
        missing = "\n".join(f"- {redactor.text(words)}" for words in found.unreadable)
        readme = f"{readme}\nNot in it, for it could not be read:\n{missing}\n"
    files = {"README.txt": readme, "versions.json": _json(found.versions)}
    for kind, items in found.objects.items():
        files[f"objects/{kind}.json"] = _json({"items": [redactor.object(item) for item in items]})
    for name, text in found.logs.items():
        files[f"logs/{name}.log"] = redactor.text(text)
    return files


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _write(files: dict[str, str], folder: str, target: Path, now: datetime) -> None:
    """Readable by its maker only. Raises PluginError."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, text in sorted(files.items()):
                content = text.encode()
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(now.timestamp()), 0o600
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise PluginError(f"{target} cannot be written: {error}") from error

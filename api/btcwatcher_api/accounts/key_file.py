"""`btcwatcher-api key`: an API key for a machine that is set up beside the API, by whoever has the database."""

import os
import re
from pathlib import Path
from typing import Final
from uuid import uuid4

from btcwatcher_api.accounts.keys import NAME_PATTERN, Keys
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.engines import writing_engine

_BY: Final = Identity("btcwatcher-api key", Role.ADMIN)
_STATEMENT_SECONDS: Final = 10


async def keep_key(database_url: str, name: str, role: Role, file: Path) -> bool:
    """Whether a key had to be made because `file` held no good one; the one of this name before it is revoked then.

    Raises ValueError for a name that is none, OSError, SQLAlchemyError.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(f"{name!r} is no name for a key: lower case letters, digits, dots and hyphens, 63 at most")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {file.parent}")
    engine = writing_engine(database_url, most=1, timeout=_STATEMENT_SECONDS)
    try:
        keys = Keys(engine)
        held = file.read_text().strip() if file.exists() else ""
        if held and await keys.identity(held) == Identity(f"key:{name}", role):
            return False
        request = str(uuid4())
        for key in await keys.all():
            if key.name == name:
                await keys.revoke(_BY, key.id, request)
        _, secret = await keys.create(_BY, name, role, None, request)
    finally:
        await engine.dispose()
    _write(file, secret)
    return True


def _write(file: Path, secret: str) -> None:
    """Whole or not at all, and never readable by others."""
    made = file.with_name(f".{file.name}.new")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
        opened.write(secret)
    made.replace(file)

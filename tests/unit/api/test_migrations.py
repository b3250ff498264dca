"""The migrations are one line: two that were written side by side must not both be the newest."""

from alembic.script import ScriptDirectory

from btcwatcher_api.database import alembic_config


def test_there_is_one_newest_revision() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1

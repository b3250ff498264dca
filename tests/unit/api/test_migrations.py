"""The migrations are one line, in the order of their numbers: no two were written side by side.

`schema` reads the numbers alone, without Alembic.
"""

from alembic.script import ScriptDirectory

from btcwatcher_api.schema import is_known, is_newest
from btcwatcher_api.upgrade import alembic_config

SCRIPTS = ScriptDirectory.from_config(alembic_config())


def test_there_is_one_newest_revision_and_it_is_known_without_alembic() -> None:
    [newest] = SCRIPTS.get_heads()
    assert is_newest(newest)


def test_the_numbers_of_the_files_are_the_revisions_in_their_order() -> None:
    revisions = [script.revision for script in SCRIPTS.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(is_known(revision) for revision in revisions)
    assert not any(is_newest(revision) for revision in (None, *revisions[1:]))
    assert not is_known("9999")

"""Alembic's entry: runs the migrations of this package on the URL that `migrate` gives."""

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from btcwatcher_api.engines import sqlalchemy_url
from btcwatcher_api.schema import VERSION_TABLE


def run() -> None:
    url = context.config.attributes["database_url"]
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=None,
            version_table=VERSION_TABLE,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()

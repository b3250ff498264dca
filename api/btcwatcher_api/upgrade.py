"""Alembic with the migrations that this package carries; imported only where there is something to migrate."""

from alembic import command
from alembic.config import Config


def upgrade(database_url: str) -> None:
    """Bring the schema to the newest revision."""
    command.upgrade(alembic_config(database_url), "head")


def alembic_config(database_url: str | None = None) -> Config:
    """Alembic's configuration: the migrations that this package carries."""
    config = Config()
    config.set_main_option("script_location", "btcwatcher_api:migrations")
    config.attributes["database_url"] = database_url
    return config

"""Brings the tables of the state database to the newest version, by Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from sandbox.errors import StartupRefusal
from sandbox.store.migrations import PLACE


def upgrade(connection: Connection) -> None:
    """Run the migrations that the tables lack, in the transaction of ``connection``.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused one.
        StartupRefusal: the tables have a version that no migration here knows.
    """
    config = Config()
    config.set_main_option("script_location", str(PLACE).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StartupRefusal(
            "The state database was written by a newer version of this program; run that version."
        ) from error

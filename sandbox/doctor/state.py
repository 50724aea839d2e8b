"""The state database, looked at without making, migrating or changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine

from sandbox.errors import StartupRefusal
from sandbox.settings import Settings
from sandbox.store import postgres
from sandbox.store.engine import FAILURES
from sandbox.store.places import PostgresPlace, place_of


@contextmanager
def reading_only(settings: Settings) -> Iterator[Engine]:
    """Give an engine of the state database that writes nothing.

    Raises:
        StartupRefusal: there is no such database, or it cannot be read.
    """
    place = place_of(settings)
    if isinstance(place, PostgresPlace):
        engine = postgres.make_engine(place.service, wait=settings.commit_deadline)
    elif place.is_file():
        engine = create_engine(f"sqlite:///file:{place}?mode=ro&uri=true", hide_parameters=True)
    else:
        raise StartupRefusal(f"There is no state database at {place}.")
    try:
        yield engine
    except FAILURES as error:
        raise StartupRefusal("The state database cannot be read.") from error
    finally:
        engine.dispose()

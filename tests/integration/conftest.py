"""Fixtures of tests that need a database, a file or loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from console_under_test import console as console
from engines import bench as bench
from engines import benches as benches
from engines import postgres as postgres
from engines import spark as spark
from office import Office, open_office
from outside import outside as outside
from state_databases import empty_state
from state_databases import state as state
from state_databases import state_server as state_server

from sandbox.sources.compile import compile_scan


@pytest.fixture(autouse=True)
def _printed_anew() -> Iterator[None]:
    """Let no test see SQL that another one had printed with a planted fault, nor hide its own behind it."""
    compile_scan.cache_clear()
    yield
    compile_scan.cache_clear()


@pytest.fixture
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """A review desk with its people; its state is in SQLite unless a test names another database."""
    with open_office(empty_state(request, tmp_path, getattr(request, "param", "sqlite"))) as opened:
        yield opened

"""Fixtures of tests that need a database, a file or loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import bench as bench
from engines import benches as benches
from engines import postgres as postgres
from engines import spark as spark
from office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A review desk with its people."""
    with open_office(tmp_path) as opened:
        yield opened

"""How often a fault is tried: a few times in every run, many times with ``SANDBOX_FAULTS=long``."""

from __future__ import annotations

import os

import pytest
from state_databases import state as state
from state_databases import state_server as state_server


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether this is the long form, ``make faults``."""
    return os.environ.get("SANDBOX_FAULTS") == "long"

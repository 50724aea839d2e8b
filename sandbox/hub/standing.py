"""Whether a person may have a notebook now: their account, and what of theirs is frozen."""

from __future__ import annotations

from sandbox import freezes
from sandbox.audit.log import Log
from sandbox.freezes import Freeze
from sandbox.governance import accounts
from sandbox.governance.accounts import Account


def of(log: Log, name: str) -> tuple[Account | None, Freeze | None]:
    """Return the account of ``name``, and the freeze of this person or of everything where one stands."""
    account = accounts.find(log.engine, name)
    with log.reading() as connection:
        return account, freezes.concerning(connection, person=name)

"""The demo: a generated register and a few accounts, to look at the sandbox with."""

from __future__ import annotations

import os

from sandbox.cli.common import login_name
from sandbox.demo import write_register
from sandbox.governance import accounts
from sandbox.governance.installation import Owners, open_books
from sandbox.settings import Settings

DEMO_PEOPLE: dict[str, frozenset[str]] = {
    "ana": frozenset({"analysts", "visits-study"}),
    "ben": frozenset({"analysts"}),
    "rita": frozenset({"reviewers"}),
    "rolf": frozenset({"reviewers"}),
    "olaf": frozenset({"officers"}),
    "sten": frozenset({"stewards"}),
}
"""Accounts of the demo and their groups; ``ben`` is in no project, to show what is refused."""


def install_demo(settings: Settings) -> dict[str, str]:
    """Write the register and add the accounts where they are missing.

    The login name of whoever runs this becomes an analyst of the demo project at the terminal,
    without a log-in at the hub.

    Returns:
        The passwords of the accounts made now, by name; they are nowhere else.
    """
    if not (settings.raw / "visits.parquet").exists():
        written = write_register(settings.raw)
        if os.geteuid() == 0:
            registrar = Owners.of(settings).registrar
            os.chown(written, registrar, registrar)
    books = open_books(settings)
    known = {account.name for account in accounts.list_all(books.engine)}
    operator = login_name()
    made = {
        name: accounts.create(books.log, name, groups=groups, actor=operator)
        for name, groups in DEMO_PEOPLE.items()
        if name not in known
    }
    if operator not in known | DEMO_PEOPLE.keys():
        accounts.create(books.log, operator, groups=DEMO_PEOPLE["ana"], actor=operator, login=False)
    books.close()
    return made

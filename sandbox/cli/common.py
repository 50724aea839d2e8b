"""What several commands need: the settings, the opened gateway, and who is at the terminal."""

from __future__ import annotations

import getpass
import json
import os
import re
from typing import Any

import click

from sandbox.errors import NotAllowed
from sandbox.gateway import Gateway
from sandbox.governance import accounts
from sandbox.policy.names import PERSON_NAME
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings


def login_name() -> str:
    """Return who is at the terminal, as a name an account can have.

    Names of the machine may have capitals, dots or underscores, and a uid need not have a name at all.
    """
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # which of them depends on the Python version
        name = ""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32]
    return plain if PERSON_NAME.fullmatch(plain) else f"uid-{os.getuid()}"


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
as_option = click.option(
    "--as",
    "account",
    metavar="ACCOUNT",
    envvar="SANDBOX_ACCOUNT",
    default=login_name,
    show_default="your login name",
    help="The account that acts. Who may start this command holds the gateway's files, so the log "
    "says that the terminal was used.",
)
by_option = click.option(
    "--by",
    metavar="NAME",
    default=login_name,
    show_default="your login name",
    help="Who decided; stands in the log.",
)
authorization_option = click.option(
    "--authorization", required=True, metavar="NAME", help="The authorization this is done under."
)


def open_gateway() -> Gateway:
    """Open the gateway of the settings in the environment, in this process."""
    return Gateway.open(Settings.from_environment())


def terminal_actor(gateway: Gateway, name: str) -> Actor:
    """Return the account ``name`` as it stands now.

    Raises:
        NotAllowed: there is no such account, or it is disabled.
    """
    groups = accounts.groups_of(gateway.books.engine, name)
    if not groups:
        raise NotAllowed(
            "account-unknown",
            f"Account {name!r} does not exist, is disabled or is in no group.",
            allowed="Choose one with --as, or let an administrator add it with `sandbox user add`.",
        )
    return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=Channel.TERMINAL)


def print_json(document: Any) -> None:
    """Print ``document`` as indented JSON, Chinese readable."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(columns: list[str], rows: list[list[Any]]) -> None:
    """Print an aligned text table; None is shown as a dash."""
    cells = [[("-" if value is None else str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [columns, *cells] if cells else [columns]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())

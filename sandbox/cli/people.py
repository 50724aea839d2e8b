"""``sandbox user``: accounts of the built-in log-in."""

from __future__ import annotations

from datetime import datetime

import click

from sandbox.audit.keys import read_note_key
from sandbox.cli.common import json_option, login_name, print_json, print_table
from sandbox.errors import NotAllowed, NotFound
from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.ledger.granting import register_key
from sandbox.settings import Settings


@click.group()
def user() -> None:
    """Accounts of the built-in log-in, and their groups.

    A group that bears a role's name (analysts, reviewers, officers, stewards, authority, auditors)
    gives that role; any other group is a project.
    """


@user.command()
@click.argument("name")
@click.option("--group", "groups", multiple=True, required=True, help="A role or a project; once for each.")
@click.option("--no-login", is_flag=True, help="Make an account that acts at the terminal only.")
def add(name: str, groups: tuple[str, ...], no_login: bool) -> None:
    """Add an account; its password is made here and shown once."""
    books = open_books(Settings.from_environment())
    password = accounts.create(
        books.log, name, groups=frozenset(groups), actor=login_name(), login=not no_login
    )
    click.echo(f"{name}: {password}" if password else f"{name}: added, no log-in")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the accounts."""
    books = open_books(Settings.from_environment())
    found = accounts.list_all(books.engine)
    if as_json:
        print_json([{"name": a.name, "groups": sorted(a.groups), "disabled": a.disabled} for a in found])
    else:
        print_table(
            ["name", "groups", "state"],
            [[a.name, ", ".join(sorted(a.groups)), "disabled" if a.disabled else "active"] for a in found],
        )


@user.command()
@click.argument("name")
@click.option("--group", "groups", multiple=True, required=True, help="All groups the account shall have.")
def groups(name: str, groups: tuple[str, ...]) -> None:
    """Set an account's groups; acts at the person's next request."""
    books = open_books(Settings.from_environment())
    accounts.set_groups(books.log, name, groups=frozenset(groups), actor=login_name())
    click.echo(f"{name}: {', '.join(sorted(groups))}")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Disable an account; `sandbox user enable` takes it back."""
    books = open_books(Settings.from_environment())
    accounts.set_disabled(books.log, name, disabled=True, actor=login_name())
    click.echo(f"{name}: disabled")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled account act again."""
    books = open_books(Settings.from_environment())
    accounts.set_disabled(books.log, name, disabled=False, actor=login_name())
    click.echo(f"{name}: active")


@user.command()
@click.argument("name")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day of the training, YYYY-MM-DD."
)
def trained(name: str, until: datetime) -> None:
    """Say until when NAME is trained.

    Reviewers see it of everybody in a request's project. Where review.toml says `training = true`, nobody
    hands in or reviews without one.
    """
    books = open_books(Settings.from_environment())
    accounts.set_trained(books.log, name, until=until.date(), actor=login_name())
    books.close()
    click.echo(f"{name} is trained until {until.date()}.")


@user.command()
@click.argument("name")
def password(name: str) -> None:
    """Make a new password and show it once."""
    books = open_books(Settings.from_environment())
    click.echo(f"{name}: {accounts.new_password(books.log, name, actor=login_name())}")


@user.command()
@click.argument("name")
@click.argument("public", required=False)
@click.option("--withdraw", is_flag=True, help="Let no further signature of NAME count.")
def key(name: str, public: str | None, withdraw: bool) -> None:
    """Register the key with which NAME signs decisions about budgets: the line `sandbox account key` printed.

    It takes the place of an earlier key; decisions that were made with that one stand.
    """
    if withdraw == (public is not None):
        raise click.UsageError("Give the public key, or --withdraw.")
    books = open_books(Settings.from_environment())
    if accounts.find(books.engine, name) is None:
        raise NotFound("account-unknown", f"There is no account {name!r}.")
    verifier = None
    if public is not None:
        owner, verifier = read_note_key(public)
        if owner != name:
            raise NotAllowed("key-of-another", f"This key was made for {owner!r}, not for {name!r}.")
    seq = register_key(books.log, name, verifier, actor=login_name())
    click.echo(f"{name}: {'withdrawn' if verifier is None else 'registered'}, entry {seq} of the log")


commands: tuple[click.Command, ...] = (user,)

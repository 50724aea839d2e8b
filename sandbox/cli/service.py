"""``sandbox up | tour``: run everything, and see it run."""

from __future__ import annotations

import getpass

import click

from sandbox.cli.demo import install_demo
from sandbox.cli.tour import run as walk
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register
from sandbox.hub import images
from sandbox.hub.supervisor import up as run_until_stopped
from sandbox.policy.load import load
from sandbox.settings import Settings


@click.command()
@click.option(
    "--demo/--no-demo", default=True, show_default=True, help="Install the demo register and accounts."
)
def up(demo: bool) -> None:
    """Set up what is missing, start hub, door and gateway, and stay until Ctrl-C.

    The first start takes some minutes: it builds the notebook image (or, without Docker, the
    notebook environment) and registers the data. Later starts take seconds and lose nothing.
    """
    settings = Settings.from_environment()
    passwords = prepare(settings, demo=demo)
    run_until_stopped(settings, ready=lambda: _announce(settings, passwords))


def prepare(settings: Settings, *, demo: bool) -> dict[str, str]:
    """Do everything that must be done before the first start; what is done already is left alone.

    Returns:
        The passwords of accounts made now, by name.
    """
    policies = load(settings.policies)
    install(settings)
    passwords = install_demo(settings) if demo else {}
    books = open_books(settings)
    for name in sorted(policies.datasets):
        click.echo(f"dataset {name}: loading what is new ...")
        register(name, actor=getpass.getuser(), settings=settings, policies=policies, books=books)
    books.engine.dispose()
    images.prepare(settings, say=click.echo)
    return passwords


def _announce(settings: Settings, passwords: dict[str, str]) -> None:
    click.echo(f"\nNotebooks: {settings.hub_url}\nConsole:   {settings.console_url}\n")
    if passwords:
        click.echo("Accounts, shown this once:")
        for name, password in passwords.items():
            click.echo(f"  {name:6} {password}")
    click.echo("Ctrl-C stops everything.")


@click.command()
def tour() -> None:
    """Walk the whole story on a sandbox of its own, without a person."""
    walk()


commands: tuple[click.Command, ...] = (up, tour)

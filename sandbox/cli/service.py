"""``sandbox up | tour``: run everything, and see it run."""

from __future__ import annotations

import click

from sandbox.cli.common import login_name
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
    prepare(settings, demo=demo)
    run_until_stopped(settings, ready=lambda: _announce(settings))


def prepare(settings: Settings, *, demo: bool) -> None:
    """Do everything that must be done before the first start; what is done already is left alone."""
    policies = load(settings.policies)
    install(settings)
    if demo:
        _show(install_demo(settings))  # at once: whatever fails after this, they are known
    books = open_books(settings)
    for name in sorted(policies.datasets):
        click.echo(f"dataset {name}: loading what is new ...")
        register(name, actor=login_name(), settings=settings, policies=policies, books=books)
    books.close()
    images.prepare(settings, say=click.echo)


def _show(passwords: dict[str, str]) -> None:
    if passwords:
        click.echo("Demo accounts; the passwords are shown this once:")
    for name, password in passwords.items():
        click.echo(f"  {name:6} {password}")


def _announce(settings: Settings) -> None:
    click.echo(f"\nNotebooks: {settings.hub_url}\nConsole:   {settings.console_url}")
    click.echo("A lost password is made anew with `sandbox user password NAME`.")
    click.echo("Ctrl-C stops everything.")


@click.command()
def tour() -> None:
    """Walk the whole story on a sandbox of its own, without a person."""
    walk()


commands: tuple[click.Command, ...] = (up, tour)

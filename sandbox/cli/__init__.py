"""The ``sandbox`` command.

Exit status: 0 done, 1 refused (the sentence says why and what would be allowed), 2 the command line
or the installation is not in order. Whatever is refused here is refused by the same rules, and
leaves the same records, as a question from a notebook.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from sandbox import __version__
from sandbox.errors import Refusal, StartupRefusal

_COMMANDS = {
    "init": "data",
    "policy": "data",
    "register": "data",
    "dummy": "dummy",
    "up": "service",
    "tour": "service",
    "ask": "asking",
    "account": "account",
    "submit": "releasing",
    "releases": "releasing",
    "withdraw": "releasing",
    "download": "releasing",
    "review": "review",
    "audit": "audit",
    "trace": "audit",
    "witness": "witness",
    "user": "people",
    "image": "image",
    "freeze": "freezing",
    "unfreeze": "freezing",
    "exit": "ending",
    "doctor": "doctor",
}
"""Where each command is; a module is imported when its command is, for the hub alone takes a second."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx  # the same everywhere
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module: Any = importlib.import_module(f"sandbox.cli.{_COMMANDS[cmd_name]}")
        commands: tuple[click.Command, ...] = module.commands
        return next(command for command in commands if command.name == cmd_name)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="sandbox")
def cli() -> None:
    """Ask raw data questions it may answer, and let nothing else out.

    \b
    A first round on the demo register, without hub or container:
      sandbox init --demo
      sandbox register
      sandbox ask "SELECT district, COUNT(*) AS n FROM visits GROUP BY district" \\
          --authorization visits-study --save n.csv
      sandbox submit n.csv --authorization visits-study --purpose "Visits by district"
      sandbox review list --as rita

    Settings come from the environment (SANDBOX_HOME, SANDBOX_POLICIES, SANDBOX_RAW ...).
    """  # noqa: D301  # click reads the backspace


def main() -> None:
    """Run the command line; turn a refusal into a sentence and an exit status."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(2)
    except Refusal as refusal:
        click.echo(f"Refused ({refusal.code}): {refusal}", err=True)
        sys.exit(1)
    except StartupRefusal as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)

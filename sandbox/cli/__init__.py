"""The ``sandbox`` command.

Exit status: 0 done, 1 refused (the sentence says why and what would be allowed), 2 the command line
or the installation is not in order. Whatever is refused here is refused by the same rules, and
leaves the same records, as a question from a notebook.
"""

from __future__ import annotations

import sys

import click

from sandbox import __version__
from sandbox.cli import asking, audit, data, people, review, service
from sandbox.errors import Refusal, StartupRefusal


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sandbox")
def cli() -> None:
    r"""Ask raw data questions it may answer, and let nothing else out.

    \b
    A first round on the demo register, without hub or container:
      sandbox init --demo
      sandbox register
      sandbox ask "SELECT district, COUNT(*) AS n FROM visits GROUP BY district" \
          --authorization visits-study --save n.csv
      sandbox submit n.csv --authorization visits-study --purpose "Visits by district"
      sandbox review list --as rita

    Settings come from the environment (SANDBOX_HOME, SANDBOX_POLICIES, SANDBOX_RAW ...).
    """


for command in (
    *data.commands,
    *asking.commands,
    *review.commands,
    *audit.commands,
    *people.commands,
    *service.commands,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; turn a refusal into a sentence and an exit status."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(2)
    except Refusal as refusal:
        click.echo(f"Refused ({refusal.code}): {refusal}", err=True)
        sys.exit(1)
    except StartupRefusal as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)

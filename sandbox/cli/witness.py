"""``sandbox witness init | serve | show``: the security officer's own machine watches the log.

Nothing of the gateway is imported here: a witness has no data, no database and no policies.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from sandbox.audit.keys import read_note_key
from sandbox.errors import Refusal
from sandbox.witness import memory
from sandbox.witness.server import serve as serve_witness

_DIRECTORY = click.argument("directory", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def witness() -> None:
    """Watch a log from another machine, so that it cannot show two histories.

    A witness remembers the largest tree it has seen and cosigns a checkpoint only if that tree goes on
    from it (C2SP tlog-witness). It needs nothing of the sandbox but the log's public key: install it
    where the people who run the log have no account. See docs/verify.md.

    \b
    On the officer's machine:
      sandbox witness init ~/witness --name officer.example --log "$(cat log.pub)"
      sandbox witness serve ~/witness --host 10.0.0.7
      sandbox witness show ~/witness        # the key that goes into witnesses.toml
    """  # noqa: D301  # click reads the backspace


@witness.command()
@_DIRECTORY
@click.option("--name", required=True, help="The witness's name, such as its host name; no spaces, no plus.")
@click.option(
    "--log",
    "logs",
    metavar="KEY",
    multiple=True,
    required=True,
    help="Verifier key of a log to watch, as in log.pub of an export; may be given again.",
)
def init(directory: Path, name: str, logs: tuple[str, ...]) -> None:
    """Make a new witness: its key (mode 0600), and an empty memory of each log.

    Get the log's key from the people who run it, by hand; compare its fingerprint. A directory that
    holds anything is refused: a witness made again would have forgotten what it cosigned.
    """
    if name.split() != [name] or "+" in name:
        raise click.BadParameter("a name is one word without a plus sign", param_hint="--name")
    try:
        known = dict(read_note_key(log.strip()) for log in logs)
    except Refusal as error:
        raise click.BadParameter(
            f"not a verifier key of the form name+id+key: {error.sentence}", param_hint="--log"
        ) from error
    cosigner = memory.create(directory, name=name, logs=known)
    click.echo(f"{cosigner.text}\nIts fingerprint: {cosigner.key.fingerprint}")


@witness.command()
@_DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8030, show_default=True, help="0: any free.")
def serve(directory: Path, host: str, port: int) -> None:
    """Answer the log until Ctrl-C.

    Its answers need no secrecy and no log-in: whoever asks learns what the log has published, and only
    what the log has signed is looked at. Put a TLS proxy before it where the network may drop requests.
    """

    def ready(listening: int) -> None:
        click.echo(f"witness ready: http://{host}:{listening}")

    asyncio.run(serve_witness(directory, host=host, port=port, ready=ready))


@witness.command()
@_DIRECTORY
def show(directory: Path) -> None:
    """Print the witness's verifier key, how far it has seen each log, and evidence of forks."""
    cosigner = memory.public(directory)
    click.echo(f"{cosigner.text}\nIts fingerprint: {cosigner.key.fingerprint}\n")
    seen = memory.records(directory, cosigner).values()
    for one in seen:
        click.echo(
            f"{one.origin}: cosigned up to size {one.size} at {one.at}"
            if one.note
            else f"{one.origin}: never"
        )
    for path in memory.evidence(directory):
        click.echo(f"The log forked; it signed both of the trees in {path}")


commands: tuple[click.Command, ...] = (witness,)

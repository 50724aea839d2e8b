"""``sandbox exit``: end an authorization for good, with a certificate of what became of everything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from sandbox import freezes
from sandbox.audit.keys import SigningKey
from sandbox.audit.reading import Entry
from sandbox.cli.common import by_option, json_option, print_json
from sandbox.cli.freezing import check_stopped
from sandbox.errors import NotFound, Unavailable
from sandbox.freezes import Target, What
from sandbox.governance import exits
from sandbox.governance.certificate import CERTIFICATE, certificate_files, write_certificate
from sandbox.governance.exits import Member
from sandbox.governance.installation import RELEASE_KEY, Books, open_books
from sandbox.hub import volumes
from sandbox.hub.stopping import Stopped, stop_notebooks
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.load import load
from sandbox.review.ending import end_requests
from sandbox.settings import Settings


@click.command("exit")
@click.argument("authorization")
@click.option(
    "--reason", default="The authorization ended.", show_default=True, help="Why; sealed in the log."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the certificate; exits/AUTHORIZATION under SANDBOX_HOME where left out.",
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@by_option
@json_option
def exit_(authorization: str, reason: str, output: Path | None, yes: bool, by: str, as_json: bool) -> None:
    """End AUTHORIZATION for good and certify it. Cannot be undone.

    Freezes it, stops its members' notebooks, destroys the files of members who hold no other authorization,
    refuses its release requests, and writes a signed certificate. Run again, it does what is missing
    and writes the same certificate.
    """
    settings = Settings.from_environment()
    policies, books = load(settings.policies), open_books(settings)
    try:
        entry = exits.ended(books.log, authorization)
        if entry is None:
            granted = policies.authorizations.get(authorization)
            if granted is None:
                raise NotFound("authorization-unknown", f"There is no authorization {authorization!r}.")
            found = exits.members(books.engine, policies, granted, now=datetime.now(UTC))
            if not yes:
                _ask(authorization, found)
            entry = _end(settings, books, granted, found, reason=reason, by=by)
        books.log.cover()
        folder = output or settings.home / "exits" / authorization
        files = certificate_files(books.log, entry, SigningKey.load(settings.keys / RELEASE_KEY))
        write_certificate(folder, files)
    finally:
        books.close()
    if as_json:
        print_json(
            {"authorization": authorization, "seq": entry.seq, "certificate": str(folder / CERTIFICATE)}
        )
    else:
        click.echo(f"ended for good: authorization {authorization}, entry {entry.seq} of the log")
        click.echo(f"certificate: {folder / CERTIFICATE}")


def _ask(authorization: str, found: tuple[Member, ...]) -> None:
    destroyed = [member.name for member in found if not member.others]
    kept = [f"{member.name} (holds {', '.join(member.others)})" for member in found if member.others]
    click.echo(f"Files that will be destroyed: those of {', '.join(destroyed) or 'nobody'}.", err=True)
    click.echo(f"Files that will be kept: those of {', '.join(kept) or 'nobody'}.", err=True)
    click.confirm(f"End authorization {authorization} for ever?", abort=True, err=True)


def _end(
    settings: Settings,
    books: Books,
    granted: AuthorizationPolicy,
    found: tuple[Member, ...],
    *,
    reason: str,
    by: str,
) -> Entry:
    """Do what is missing, in an order in which nothing done can be undone by what is still possible."""
    target = Target(What.AUTHORIZATION, granted.name)
    freezes.freeze(books.log, target, reason=reason, actor=by, final=True)
    end_requests(books.log, granted.name, actor=by)
    _stop(settings, frozenset(member.name for member in found))
    missing = [one for one in found if not exits.workspace_recorded(books.log, granted.name, one.name)]
    removed = _destroy(settings, [member.name for member in missing if not member.others])
    for member in missing:
        exits.record_workspace(books.log, granted, member, found=member.name in removed, actor=by)
    return exits.conclude(books.log, granted, actor=by)


def _destroy(settings: Settings, people: list[str]) -> frozenset[str]:
    """Remove all that ``people`` kept, and return who had kept anything."""
    removed = frozenset(name for name in people if volumes.remove_home(settings, name))
    # They may start a notebook at any time: one that began meanwhile still had the files, or made new ones.
    for name in _stop(settings, frozenset(people)).people:
        volumes.remove_home(settings, name)
    return removed


def _stop(settings: Settings, people: frozenset[str]) -> Stopped:
    stopped = stop_notebooks(settings, people) if people else Stopped()
    check_stopped(stopped)
    if not stopped.hub_answered and settings.isolation == "starter":
        raise Unavailable(
            "hub-unavailable",
            "The hub does not answer, so notebooks may still run; no files were destroyed.",
            allowed="The authorization stays frozen for good. Start the hub, then run this again.",
        )
    return stopped


commands: tuple[click.Command, ...] = (exit_,)

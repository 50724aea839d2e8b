"""``sandbox audit`` (export, verify, witness, search, entries, erase) and ``sandbox trace``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from sandbox.audit import entries, lineage, retention, story, tiles, verify
from sandbox.audit.event import Event, Kind
from sandbox.audit.explore.found import Wanted
from sandbox.audit.reading import Entry
from sandbox.cli.common import as_option, json_option, open_gateway, print_json, print_table, terminal_actor
from sandbox.errors import NotAllowed, NotFound
from sandbox.gateway import Gateway
from sandbox.governance import rotation
from sandbox.policy.load import load_keeping, load_witnesses
from sandbox.policy.roles import Actor, Scope
from sandbox.settings import Settings
from sandbox.witness import cosigning


@click.group()
def audit() -> None:
    """The log: look into it, hand it out, prove it whole."""


@audit.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@as_option
def export(directory: Path, account: str) -> None:
    """Write the log as a folder of tiles that anyone can verify without us (C2SP tlog-tiles).

    Where the policies name witnesses, they are asked first, and the folder's checkpoint carries what
    they cosigned. A witness that does not answer is named, and the folder written without it.
    """
    gateway = open_gateway()
    actor = _auditor(gateway, account)
    log, witnesses = gateway.books.log, load_witnesses(gateway.settings.policies)
    with log.writing() as transaction:
        transaction.append(Event(kind=Kind.AUDIT_EXPORTED, actor=actor.name, subject="log"))
    cosigned, standings = cosigning.submit(log, witnesses)
    size = tiles.export(log, directory, cosigned=cosigned)
    for one in standings:
        click.echo(one.sentence, err=bool(one.problem))
    click.echo(f"{size} entries in {directory}; verify with: sandbox audit verify {directory}")


@audit.command("verify")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", help="The verifier key you trust (name+id+key); default: log.pub of the folder.")
@click.option(
    "--witness",
    "witnesses",
    metavar="KEY",
    multiple=True,
    help="Verifier key of a witness that must have cosigned the checkpoint; may be given again.",
)
@click.option(
    "--since",
    type=click.File("rb"),
    metavar="FILE",
    help="A checkpoint you got earlier; the log must begin with it.",
)
@json_option
def verify_folder(
    directory: Path, key: str | None, witnesses: tuple[str, ...], since: IO[bytes] | None, as_json: bool
) -> None:
    """Prove a log from an exported folder alone: no database, network or secret is used.

    That nothing in the folder was changed is shown by the log's key. That nobody was shown another
    history is shown by witnesses only, or by comparing with a checkpoint that you kept yourself.
    """
    older = since.read() if since else None
    verified = verify.verify(directory, key, witnesses=witnesses, since=older)
    if as_json:
        print_json({"whole": True, **dataclasses.asdict(verified)})
        return
    click.echo(f"whole: {verified.size} entries, root {verified.root}, log {verified.origin}")
    for witness in verified.witnessed:
        click.echo(f"cosigned by {witness}")
    if since:
        click.echo("begins with the older checkpoint")
    if verified.key_from_folder:
        click.echo(
            f"The key was taken from the folder; compare its fingerprint with one you got elsewhere:\n"
            f"{verified.fingerprint}"
        )


@audit.command("rotate-key")
@click.confirmation_option(prompt="Replace the key that signs the log? The sandbox must be stopped.")
@as_option
def rotate_key(account: str) -> None:
    """Replace the key that signs the log by a new one; the log says so under both.

    Give everybody who trusts the old key the file that is named at the end: both keys signed it. The
    old key is kept beside the new one, under the number of entries it signed at last. Name a new folder
    for the next export, and give witnesses the new key.
    """
    done = rotation.rotate(Settings.from_environment(), actor=account)
    click.echo(f"The new key signs from entry {done.size} on: {done.key}")
    click.echo(f"Signed by both: {done.note}")


@audit.command("witness")
@click.option("--show", is_flag=True, help="Only tell how far each witness has followed; ask nobody.")
@json_option
@as_option
@click.pass_context
def ask_witnesses(context: click.Context, show: bool, as_json: bool, account: str) -> None:
    """Have the last checkpoint cosigned by every witness that witnesses.toml names.

    \b
    One heading for each witness, in the directory of policies:
      [witnesses.officer]
      url = "http://10.0.0.7:8030"
      key = "officer.example+1a2b3c4d+BA..."   # printed by `sandbox witness show` there

    Run it from a timer, and after every export: what no witness has cosigned yet can still be
    rewritten by whoever holds the log's key. Exits with status 1 if any witness did not cosign.
    """  # noqa: D301  # click reads the backspace
    gateway = open_gateway()
    _auditor(gateway, account)
    log, witnesses = gateway.books.log, load_witnesses(gateway.settings.policies)
    if not show and witnesses:
        _, standings = cosigning.submit(log, witnesses)
    else:
        standings = cosigning.standings(log, witnesses)
    if as_json:
        print_json([dataclasses.asdict(one) for one in standings])
    else:
        for one in standings:
            click.echo(one.sentence)
        if not standings:
            click.echo(cosigning.NO_WITNESS)
    context.exit(any(one.problem for one in standings))


def _day(_context: click.Context, _option: click.Parameter, value: datetime | None) -> str | None:
    return None if value is None else value.date().isoformat()


_DAY = click.DateTime(["%Y-%m-%d"])
_FILTERS = (
    click.option("--actor", metavar="NAME", help="Who did it."),
    click.option("--kind", metavar="KIND", help="What was done, such as question.outcome."),
    click.option(
        "--subject", metavar="ID", help="A question, release or dataset; what is related to it too."
    ),
    click.option("--dataset", metavar="NAME"),
    click.option("--authorization", metavar="NAME"),
    click.option("--decision", metavar="WORD", help="What came of it, such as refused."),
    click.option("--text", metavar="WORDS", help="Part of any value in the entry."),
    click.option("--since", type=_DAY, callback=_day, help="The first day, UTC."),
    click.option("--until", type=_DAY, callback=_day, help="The last day, UTC."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@audit.command()
@_filtered
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@as_option
def search(limit: int, as_json: bool, account: str, **filters: Any) -> None:
    """List entries, newest first."""
    gateway = open_gateway()
    officer = _auditor(gateway, account)
    wanted = Wanted(**filters)
    gateway.books.log.append(Event(kind=Kind.AUDIT_READ, actor=officer.name, subject="search"))
    found = gateway.explorer.find(wanted, limit=limit)
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in found.entries])
        return
    _print_entries(found.entries)
    if found.older is not None:
        more = "at least " if found.at_least else ""
        click.echo(f"{len(found.entries)} of {more}{found.total:,}; --limit shows more of them.", err=True)


@audit.command("entries")
@click.option(
    "--format", "form", type=click.Choice(sorted(entries.FORMATS)), default="jsonl", show_default=True
)
@_filtered
@as_option
def export_entries(form: str, account: str, **filters: str | None) -> None:
    """Write all entries that fit to the output, newest first, for a spreadsheet or a program."""
    gateway = open_gateway()
    officer = _auditor(gateway, account)
    given = {key: value for key, value in filters.items() if value is not None}
    event = Event(
        kind=Kind.AUDIT_EXPORTED,
        actor=officer.name,
        subject="entries",
        body={"format": form, "filters": sorted(given)},
    )
    # What was looked for may name a person, so it is sealed.
    end = gateway.books.log.append(event, private=json.dumps(given, ensure_ascii=False) if given else None)
    fitting = entries.newest_first(gateway.explorer, Wanted(**given, before=end))
    for piece in entries.FORMATS[form](fitting):
        click.echo(piece, nl=False)


@audit.command()
@click.argument("places", metavar="[SEQ]...", type=click.IntRange(min=0), nargs=-1)
@click.option("--older-than-policy", is_flag=True, help="Every text that policies/retention.toml lets go.")
@click.option("--dry-run", is_flag=True, help="Only tell how many texts there are.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_option
def erase(places: tuple[int, ...], older_than_policy: bool, dry_run: bool, yes: bool, account: str) -> None:
    """Destroy sealed texts; the entries stay, and so does every proof. Cannot be undone."""
    if bool(places) == older_than_policy:
        raise click.UsageError("Name entries, or say --older-than-policy.")
    gateway = open_gateway()
    officer = _officer(gateway, account)
    log = gateway.books.log
    due = sorted(set(places))
    if older_than_policy:
        days = load_keeping(gateway.settings.policies).retention.private_days
        due = retention.sealed_before(log, retention.end_of_retention(datetime.now(UTC), days=days))
    if dry_run:
        click.echo(f"{retention.count_sealed(log, due)} texts would be erased; nothing was.")
        return
    if due and not yes:
        click.confirm(f"Destroy the sealed texts of {len(due)} entries for ever?", abort=True, err=True)
    click.echo(f"{retention.erase(log, due, actor=officer.name)} texts erased.")
    if not retention.wipe(log.engine):
        click.echo(
            "Their bytes may still lie in the database's files: with SQLite run the command again when "
            "nobody reads, with PostgreSQL let the tables' owner run VACUUM private.",
            err=True,
        )


@audit.command()
def reindex() -> None:
    """Make again what the log is searched by, from its leaves; the log itself is only read."""
    click.echo(f"{open_gateway().explorer.rebuild()} entries can be searched")


@click.command()
@click.argument("subject")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "prov"]),
    default="text",
    show_default=True,
    help="Sentences, the entries themselves, or the lineage as W3C PROV-JSON.",
)
@as_option
def trace(subject: str, form: str, account: str) -> None:
    """Tell the whole story of a question or a release, oldest first, in both directions."""
    gateway = open_gateway()
    officer = _auditor(gateway, account)
    gateway.books.log.append(Event(kind=Kind.AUDIT_READ, actor=officer.name, subject=subject))
    found = gateway.books.log.trace(subject)
    if not found:
        raise NotFound(
            "subject-unknown",
            f"The log knows nothing of {subject!r}.",
            allowed="Look for it with `sandbox audit search`.",
        )
    match form:
        case "json":
            print_json([dataclasses.asdict(entry) for entry in found])
        case "prov":
            print_json(lineage.document(lineage.with_sources(gateway.books.log, found)))
        case _:
            for line in story.tell(subject, found):
                click.echo(line)


def _print_entries(found: Iterable[Entry]) -> None:
    shown = ("kind", "actor", "subject", "decision")
    print_table(["seq", "at", *shown], [[e.seq, e.at, *(e.event[key] for key in shown)] for e in found])


def _officer(gateway: Gateway, account: str) -> Actor:
    actor = _auditor(gateway, account)
    if "officers" not in actor.groups:
        raise NotAllowed(
            "role-missing",
            f"Account {account} may read the log, not erase from it.",
            allowed="Members of officers may; choose one with --as.",
        )
    return actor


def _auditor(gateway: Gateway, account: str) -> Actor:
    actor = terminal_actor(gateway, account)
    if Scope.AUDIT not in actor.scopes:
        raise NotAllowed(
            "scope-missing",
            f"Account {account} may not read the log.",
            allowed="Members of officers and auditors may; choose one with --as.",
        )
    return actor


commands: tuple[click.Command, ...] = (audit, trace)

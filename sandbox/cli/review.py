"""``sandbox review screen | list | show | decide ...``: a reviewer's work, and anyone's dry check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from sandbox.audit.keys import SigningKey
from sandbox.audit.receipt import Receipt
from sandbox.audit.receipt import read as read_receipt
from sandbox.cli import deciding
from sandbox.cli.common import as_option, json_option, open_gateway, print_json, print_table, terminal_actor
from sandbox.cli.overseeing import simulate, statistics
from sandbox.governance.installation import RECEIPT_KEY
from sandbox.policy.load import load
from sandbox.review.screen.screening import ScreenedFile, screen_parts, with_data
from sandbox.settings import Settings


@click.group()
def review() -> None:
    """Look at what would leave, and decide.

    \b
    A reviewer's way, from the queue to the decision:
      sandbox review list --as rita
      sandbox review show REQUEST --out looked-at --as rita     (opens every file, which is recorded)
      less looked-at/services.csv
      sandbox review decide REQUEST approve --reason "Rounded; groups of 10 and more." --as rita
    """  # noqa: D301  # click reads the backspace


review.add_command(simulate)
review.add_command(statistics)


@review.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--receipt", "receipts", multiple=True, help="A receipt of an answer inside the files.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write each canonical form here."
)
@json_option
def screen(files: tuple[Path, ...], receipts: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Say what the automatic checks say of FILES, outside any request.

    Prints for each file its verdict (pass, flag or refuse), the findings and the digest of the
    canonical form. Exit status 1 when a file is refused.
    """
    settings = Settings.from_environment()
    policy = load(settings.policies).review
    read = [_receipt(settings, text) for text in receipts]
    screened = with_data(
        [
            part
            for path in files
            for part in screen_parts(path.name, path.read_bytes(), policy=policy, receipts=read)
        ]
    )
    if out is not None:
        _write_canonical(out, screened)
    if as_json:
        print_json({"files": [file.to_document() for file in screened]})
    else:
        for file in screened:
            _print_file(file)
    if any(file.report.verdict == "refuse" for file in screened):
        raise click.exceptions.Exit(1)


def _receipt(settings: Settings, text: str) -> Receipt:
    return read_receipt(text, SigningKey.load(settings.keys / RECEIPT_KEY).public)


def _write_canonical(out: Path, screened: tuple[ScreenedFile, ...]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for file in screened:
        if file.report.verdict != "refuse":
            (out / Path(file.name).name).write_bytes(file.canonical)


def _print_file(file: ScreenedFile) -> None:
    click.echo(f"{file.name}: {file.report.verdict} ({file.sha256})")
    for finding in file.report.findings:
        click.echo(_finding_line(finding.to_document()))


@review.command("list")
@json_option
@as_option
def list_requests(as_json: bool, account: str) -> None:
    """List the requests that wait for you, the one that has waited longest first.

    \b
    For a program, the ids alone:
      sandbox review list --json --as rita | jq -r '.[].id'
    """  # noqa: D301  # click reads the backspace
    gateway = open_gateway()
    views = [view.to_document() for view in gateway.desk.queue(terminal_actor(gateway, account))]
    if as_json:
        print_json(views)
        return
    print_table(
        ["request", "risk", "author", "authorization", "round", "files", "opened", "to weigh", "waits since"],
        [
            [
                view["id"],
                view["risk"],
                view["author"],
                view["authorization"],
                view["round"],
                len(view["files"]),
                sum(file["opened"] for file in view["files"]),
                ",".join(view["to_acknowledge"]) or None,
                view["updated_at"][:16].replace("T", " "),
            ]
            for view in views
        ],
    )


@review.command()
@click.argument("request")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Open every file: write the bytes that would leave here.",
)
@json_option
@as_option
def show(request: str, out: Path | None, as_json: bool, account: str) -> None:
    """Show one request: files, findings, what may be seen of votes, and whether you may decide.

    With ``--out`` every file is opened, which is recorded: to approve, all must have been.
    """
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    view = gateway.desk.show(actor, request)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for file in view.files:
            (out / file.name).write_bytes(gateway.desk.open_file(actor, request, file.name))
        view = gateway.desk.show(actor, request)
    document = view.to_document()
    if as_json:
        print_json(document)
        return
    for line in _told(document):
        click.echo(line)


def _told(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reviewer reads of a request in a terminal."""
    needed = f"{document['risk']}, {document['quorum']} must approve"
    yield f"request {document['id']}: {document['status']}, round {document['round']} ({needed})"
    yield f"by {document['author']} under {document['authorization']}; version {document['row_version']}"
    yield document["purpose"]
    for finding in document["findings"]:
        yield _finding_line(finding)
    for file in document["files"]:
        opened = "opened" if file["opened"] else "not opened"
        state = f"{file['state']}, {file['size']} bytes, {opened}"
        yield f"{file['name']}: {file['verdict']}, {state} ({file['sha256']})"
        yield from (_finding_line(finding) for finding in file["findings"])
    for vote in document["votes"]:
        yield f"{vote['verdict']} by {vote['reviewer']}: {vote['reason']}"
        yield from (f"  {word}: {name}" for name, word in sorted(vote["files"].items()))
        if vote["overridden"]:
            yield f"  overridden by an officer: {vote['overridden']}"
    for comment in document["comments"]:
        place = " ".join(part for part in (comment["file"], comment["anchor"]) if part) or "the request"
        yield f"{comment['author']} on {place}, for the {comment['audience']}: {comment['text']}"
    if document["may_conclude"]:
        yield "The reviews differ: change yours with decide, or end the round with conclude."
    if document["may_claim"]:
        yield "You may take a seat: claim."
    if document["why_not"]:
        yield f"You may not decide: {document['why_not']}"
    elif document["to_acknowledge"]:
        options = " ".join(f'--acknowledge {code}="WHY"' for code in document["to_acknowledge"])
        yield f"To approve, weigh these findings, and say for each why the files may leave: {options}"


def _finding_line(finding: Mapping[str, Any]) -> str:
    place = f"{finding['code']} [{finding['severity']}] {finding['where']}"
    return f"  {place}: {finding['sentence']} {finding['fix']}".rstrip()


for _command in deciding.COMMANDS:
    review.add_command(_command)

commands: tuple[click.Command, ...] = (review,)

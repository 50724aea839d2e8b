"""``sandbox review screen | list | show | decide``: what a reviewer does, and anyone's dry check."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.audit.keys import SigningKey
from sandbox.audit.receipt import Receipt
from sandbox.audit.receipt import read as read_receipt
from sandbox.cli.common import as_option, json_option, open_gateway, print_json, print_table, terminal_actor
from sandbox.governance.installation import RECEIPT_KEY
from sandbox.policy.load import load
from sandbox.review.screen.screening import ScreenedFile, screen_file
from sandbox.review.voting import Verdict
from sandbox.settings import Settings


@click.group()
def review() -> None:
    """Look at what would leave, and decide."""


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
    screened = [screen_file(path.name, path.read_bytes(), policy=policy, receipts=read) for path in files]
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


def _write_canonical(out: Path, screened: list[ScreenedFile]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for file in screened:
        if file.report.verdict != "refuse":
            (out / Path(file.name).name).write_bytes(file.canonical)


def _print_file(file: ScreenedFile) -> None:
    click.echo(f"{file.name}: {file.report.verdict} ({file.sha256})")
    for finding in file.report.findings:
        place = f"{finding.code} [{finding.severity}] {finding.where}"
        click.echo(f"  {place}: {finding.sentence} {finding.fix}".rstrip())


@review.command("list")
@json_option
@as_option
def list_requests(as_json: bool, account: str) -> None:
    """List the requests that wait for you."""
    gateway = open_gateway()
    views = [view.to_document() for view in gateway.desk.queue(terminal_actor(gateway, account))]
    if as_json:
        print_json(views)
        return
    print_table(
        ["request", "status", "risk", "author", "files", "updated"],
        [[v["id"], v["status"], v["risk"], v["author"], len(v["files"]), v["updated_at"]] for v in views],
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
    """Show one request with its files and findings; ``--out`` opens the files, which is recorded."""
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
    click.echo(f"{view.id}  {view.status}  by {view.author}  version {document['row_version']}")
    click.echo(document["purpose"])
    for file in document["files"]:
        click.echo(f"{file['name']}: {file['verdict']} ({file['sha256']})")
        for finding in file["findings"]:
            click.echo(
                f"  {finding['code']} [{finding['severity']}] {finding['where']}: {finding['sentence']}"
            )


@review.command()
@click.argument("request")
@click.argument("verdict", type=click.Choice(["approve", "return", "reject"]))
@click.option("--reason", required=True, help="Why; the author reads it.")
@click.option(
    "--version",
    "row_version",
    type=int,
    help="The version you looked at (see show); default: the present one.",
)
@click.option(
    "--acknowledge",
    "acknowledged",
    multiple=True,
    metavar="CODE",
    help="A finding you have weighed; once for each.",
)
@json_option
@as_option
def decide(
    request: str,
    verdict: Verdict,
    reason: str,
    row_version: int | None,
    acknowledged: tuple[str, ...],
    as_json: bool,
    account: str,
) -> None:
    """Vote on a request. To approve, every file must have been opened (``show --out``)."""
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    if row_version is None:
        row_version = gateway.desk.show(actor, request).row_version
    view = gateway.desk.decide(
        actor,
        request,
        verdict=verdict,
        reason=reason,
        row_version=row_version,
        acknowledged=frozenset(acknowledged),
    )
    print_json(view.to_document()) if as_json else click.echo(f"Request {view.id}: {view.status}.")


commands: tuple[click.Command, ...] = (review,)

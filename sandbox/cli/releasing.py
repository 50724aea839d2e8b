"""``sandbox submit | releases | withdraw | download``: how an author's files leave."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.cli.common import (
    as_option,
    authorization_option,
    json_option,
    open_gateway,
    print_json,
    print_table,
    terminal_actor,
)
from sandbox.client.handing import receipts_beside


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@authorization_option
@click.option("--purpose", required=True, help="What the files show and what for; the reviewers read it.")
@click.option(
    "--receipt",
    "receipts",
    multiple=True,
    help="A receipt of an answer inside; default: FILE.receipt beside each file.",
)
@json_option
@as_option
def submit(
    files: tuple[Path, ...],
    authorization: str,
    purpose: str,
    receipts: tuple[str, ...],
    as_json: bool,
    account: str,
) -> None:
    """Hand files in for release; another person reviews the very bytes that leave."""
    gateway = open_gateway()
    view = gateway.desk.submit(
        terminal_actor(gateway, account),
        authorization=authorization,
        purpose=purpose,
        files={path.name: path.read_bytes() for path in files},
        receipts=list(receipts) or receipts_beside(files),
    )
    document = view.to_document()
    if as_json:
        print_json(document)
        return
    click.echo(f"Request {view.id}: {view.status}.")
    for file in document["files"]:
        click.echo(f"  {file['name']}: {file['verdict']}")
        for finding in file["findings"]:
            click.echo(f"    {finding['code']} {finding['where']}: {finding['sentence']} {finding['fix']}")


@click.command()
@json_option
@as_option
def releases(as_json: bool, account: str) -> None:
    """List the files you handed in and where they stand."""
    gateway = open_gateway()
    views = [view.to_document() for view in gateway.desk.mine(terminal_actor(gateway, account))]
    if as_json:
        print_json(views)
    else:
        print_table(
            ["request", "status", "round", "files", "updated"],
            [[v["id"], v["status"], v["round"], len(v["files"]), v["updated_at"]] for v in views],
        )


@click.command()
@click.argument("request")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Directory to write to."
)
@as_option
def download(request: str, out: Path, account: str) -> None:
    """Fetch the signed package of a released request."""
    gateway = open_gateway()
    name, content = gateway.desk.download(terminal_actor(gateway, account), request)
    out.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(content)
    click.echo(str(out / name))


@click.command()
@click.argument("request")
@as_option
def withdraw(request: str, account: str) -> None:
    """Take a request back before it is released."""
    gateway = open_gateway()
    view = gateway.desk.withdraw(terminal_actor(gateway, account), request)
    click.echo(f"Request {view.id}: {view.status}.")


commands: tuple[click.Command, ...] = (submit, releases, download, withdraw)

"""``sandbox ask | submit | releases | download | withdraw | account``: what an analyst does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sandbox.answer import Answer, Estimate, balance_document
from sandbox.cli.common import (
    as_option,
    authorization_option,
    json_option,
    open_gateway,
    print_json,
    print_table,
    terminal_actor,
)
from sandbox.client.session import receipts_beside
from sandbox.privacy.loss import parse_epsilon

PICO = 10**12


@click.command()
@click.argument("sql")
@authorization_option
@click.option(
    "--epsilon", metavar="E", help="Pure privacy loss to spend; default: the most a question may cost."
)
@click.option("--dry-run", is_flag=True, help="Say cost and expected error; touch no data, charge nothing.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the answer's CSV here and its receipt beside it.",
)
@json_option
@as_option
def ask(
    sql: str,
    authorization: str,
    epsilon: str | None,
    dry_run: bool,
    save: Path | None,
    as_json: bool,
    account: str,
) -> None:
    r"""Ask one question and print its noisy answer.

    \b
    Example:
      sandbox ask "SELECT service, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY service" \
          --authorization visits-study --epsilon 0.5
    """
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    wished = None if epsilon is None else parse_epsilon(epsilon)
    if dry_run:
        estimate = gateway.estimate(sql=sql, authorization=authorization, epsilon=wished, actor=actor)
        print_json(estimate.to_document()) if as_json else _print_estimate(estimate)
        return
    answer = gateway.ask(sql=sql, authorization=authorization, epsilon=wished, actor=actor)
    document = answer.to_document()
    if save is not None:
        save.write_bytes(document["csv"].encode())
        save.with_name(save.name + ".receipt").write_text(answer.receipt + "\n", encoding="ascii")
    print_json(document) if as_json else _print_answer(answer)


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


@click.group()
def account() -> None:
    """Privacy budgets: what is spent and what is left."""


@account.command("show")
@json_option
@as_option
def show(as_json: bool, account: str) -> None:
    """Show every budget your questions are charged to."""
    gateway = open_gateway()
    balances = [balance_document(balance) for balance in gateway.balances(terminal_actor(gateway, account))]
    if as_json:
        print_json({"account": account, "balances": balances})
        return
    print_table(
        ["scope", "spent rho", "left rho", "cap rho", "left epsilon", "at delta"],
        [
            [
                b["scope"],
                _rho(b["spent_picorho"]),
                _rho(b["left_picorho"]),
                _rho(b["cap_picorho"]),
                b["left_epsilon"],
                b["delta"],
            ]
            for b in balances
        ],
    )


def _print_answer(answer: Answer) -> None:
    print_table(list(answer.table.columns), [list(row) for row in answer.table.rows])
    click.echo(f"\ncost: epsilon {answer.epsilon} (rho {_rho(answer.loss.picorho)})")
    _print_left(answer.to_document())
    click.echo(f"receipt: {answer.receipt}")


def _print_estimate(estimate: Estimate) -> None:
    click.echo(
        f"would cost: epsilon {estimate.epsilon} (rho {_rho(estimate.loss.picorho)}); no data was read"
    )
    for error in estimate.errors:
        click.echo(f"{error.name}: ± {error.half_width} {error.note}".rstrip())
    _print_left(estimate.to_document())


def _print_left(document: dict[str, Any]) -> None:
    for left in document["left"]:
        click.echo(
            f"left in {left['scope']}: rho {_rho(left['left_picorho'])} of {_rho(left['cap_picorho'])} "
            f"(epsilon {left['left_epsilon']} at delta {left['delta']}), "
            f"{left['more_like_this']} more questions like this"
        )
    for sentence in document["warnings"]:
        click.echo(f"note: {sentence}")


def _rho(picorho: int) -> str:
    return f"{picorho / PICO:.6f}"


commands: tuple[click.Command, ...] = (ask, submit, releases, download, withdraw, account)

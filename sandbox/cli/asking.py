"""``sandbox ask``: questions and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sandbox.answer import Answer, Estimate
from sandbox.cli.common import (
    as_option,
    authorization_option,
    json_option,
    open_gateway,
    print_json,
    print_table,
    terminal_actor,
)
from sandbox.privacy.loss import parse_epsilon, parse_target
from sandbox.reviewing import SENTENCE, Filed

PICO = 10**12


@click.command()
@click.argument("sql")
@authorization_option
@click.option("--epsilon", metavar="E", help="Privacy loss to spend; default: the most a question may cost.")
@click.option("--fresh", is_flag=True, help="Pay for new noise, even where the answer would be repeated.")
@click.option(
    "--target-error",
    metavar="W",
    help="Spend the smallest loss at which every 95 % interval is predicted to be +- W or narrower.",
)
@click.option(
    "--reviewed",
    "purpose",
    metavar="PURPOSE",
    help="File an exact answer for review instead; say what the table is for.",
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
    target_error: str | None,
    fresh: bool,
    purpose: str | None,
    dry_run: bool,
    save: Path | None,
    as_json: bool,
    account: str,
) -> None:
    """Ask one question and print its noisy answer.

    \b
    Example:
      sandbox ask "SELECT service, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY service" \\
          --authorization visits-study --epsilon 0.5
    """  # noqa: D301  # click reads the backspace
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    if purpose is not None:
        if dry_run or fresh or epsilon or target_error or save:
            raise click.UsageError("A reviewed answer has no loss, and nothing of it is shown or saved now.")
        filed = gateway.file_reviewed(sql=sql, authorization=authorization, purpose=purpose, actor=actor)
        print_json(filed.to_document()) if as_json else _print_filed(filed)
        return
    wished = None if epsilon is None else parse_epsilon(epsilon)
    target = None if target_error is None else parse_target(target_error)
    if dry_run:
        estimate = gateway.estimate(
            sql=sql, authorization=authorization, epsilon=wished, target_error=target, actor=actor
        )
        print_json(estimate.to_document()) if as_json else _print_estimate(estimate)
        return
    answer = gateway.ask(
        sql=sql, authorization=authorization, epsilon=wished, target_error=target, actor=actor, fresh=fresh
    )
    document = answer.to_document()
    if save is not None:
        save.write_bytes(document["csv"].encode())
        save.with_name(save.name + ".receipt").write_text(answer.receipt + "\n", encoding="ascii")
    print_json(document) if as_json else _print_answer(answer)


def _print_filed(filed: Filed) -> None:
    click.echo(f"request {filed.id}: {filed.rows} rows of {', '.join(filed.columns)}")
    click.echo(SENTENCE)
    click.echo(f"reviewed answers left under {filed.authorization}: {filed.most - filed.number}")


def _print_answer(answer: Answer) -> None:
    print_table(list(answer.table.columns), [list(row) for row in answer.table.rows])
    cost = f"cost: epsilon {answer.epsilon} (rho {_rho(answer.loss.picorho)})"
    click.echo("\nrepeated: costs nothing" if answer.cached else f"\n{cost}")
    _print_left(answer.to_document())
    click.echo(f"receipt: {answer.receipt}")


def _print_estimate(estimate: Estimate) -> None:
    cost = f"epsilon {estimate.epsilon} (rho {_rho(estimate.loss.picorho)})"
    if estimate.cached:
        click.echo(f"would be repeated: costs nothing; a fresh answer would cost {cost}; no data was read")
    else:
        click.echo(f"would cost: {cost}; no data was read")
    for error in estimate.errors:
        width = "" if error.half_width is None else f"± {error.half_width} "
        click.echo(f"{error.name}: {width}{error.note}".rstrip())
    _print_left(estimate.to_document())


def _print_left(document: dict[str, Any]) -> None:
    for left in document["left"]:
        more = f", {left['more_like_this']} more questions like this" if "more_like_this" in left else ""
        if "left_delta" in left:
            click.echo(f"left in {left['scope']}: delta {left['left_delta']} of {left['cap_delta']}{more}")
            continue
        click.echo(
            f"left in {left['scope']}: rho {_rho(left['left_picorho'])} of {_rho(left['cap_picorho'])} "
            f"(epsilon {left['left_epsilon']} at delta {left['delta']}){more}"
        )
    for sentence in document["warnings"]:
        click.echo(f"note: {sentence}")


def _rho(picorho: int) -> str:
    return f"{picorho / PICO:.6f}"


commands: tuple[click.Command, ...] = (ask,)

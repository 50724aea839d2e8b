"""``sandbox account show | history | key | grant``: budgets, and the decisions that open or raise them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from sandbox.audit.event import timestamp
from sandbox.audit.keys import SigningKey
from sandbox.cli.common import (
    as_option,
    json_option,
    open_gateway,
    print_json,
    print_table,
    terminal_actor,
)
from sandbox.errors import Malformed, NotAllowed, NotFound
from sandbox.ledger.decisions import Decision, Raise, Window, sign
from sandbox.ledger.granting import grant as apply
from sandbox.ledger.granting import may_decide
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.names import PERSON_NAME
from sandbox.privacy.loss import parse_epsilon
from sandbox.statements import balance_document, charged_document, statement_document

about_authorization = click.option("--authorization", metavar="NAME", help="All budgets of an authorization.")
about_dataset = click.option("--dataset", metavar="NAME", help="The budgets of a dataset.")
about_population = click.option("--population", metavar="NAME", help="The lifetime budget of a population.")


@click.group()
def account() -> None:
    """Privacy budgets: what is spent, what is left, who decided about them."""


@account.command("show")
@about_authorization
@about_dataset
@about_population
@json_option
@as_option
def show(
    authorization: str | None, dataset: str | None, population: str | None, as_json: bool, account: str
) -> None:
    """Show every budget your questions are charged to, or all of an authorization, dataset, population.

    The budgets of others are for stewards, the authority and whoever audits.
    """
    _at_most_one(authorization, dataset, population)
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    if authorization is not None:
        document = statement_document(gateway.budgets.of_authorization(actor, authorization))
        print_json(document) if as_json else _print_statement(document)
        return
    if dataset is not None:
        balances = gateway.budgets.dataset_balances(actor, dataset)
    elif population is not None:
        balances = gateway.budgets.of_population(actor, population)
    else:
        balances = gateway.balances(actor)
    documents = [balance_document(balance) for balance in balances]
    print_json({"account": account, "balances": documents}) if as_json else _print_balances(documents)


@account.command()
@about_authorization
@about_dataset
@about_population
@click.option(
    "--before", type=int, metavar="ENTRY", help="Only what was recorded before this entry of the log."
)
@json_option
@as_option
def history(
    authorization: str | None,
    dataset: str | None,
    population: str | None,
    before: int | None,
    as_json: bool,
    account: str,
) -> None:
    """List charges and decisions, each with its entry in the log; newest first.

    `sandbox trace ID` and `sandbox audit` show and prove an entry.
    """
    _at_most_one(authorization, dataset, population)
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    decisions: list[dict[str, Any]] = []
    if authorization is not None:
        statement = gateway.budgets.of_authorization(actor, authorization)
        decisions = statement_document(statement)["decisions"]
        scopes = statement.scopes
    elif dataset is not None or population is not None:
        scopes = (
            (f"dataset:{dataset}",)
            if dataset
            else (f"population:{population}", f"population-delta:{population}")
        )
    else:
        raise click.UsageError("Name one of --authorization, --dataset and --population.")
    charges = [charged_document(one) for one in gateway.budgets.history(actor, scopes, before=before)]
    if as_json:
        print_json({"charges": charges, "decisions": decisions})
        return
    print_table(
        ["entry", "time", "who", "scope", "amount", "id"],
        [[c["seq"], c["at"][:19], c["person"], c["scope"], c["amount"], c["request"]] for c in charges],
    )
    if decisions:
        click.echo("\ndecisions:")
        _print_decisions(decisions)


@account.command()
@click.argument("name")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the secret half is written, mode 0600; NAME.key where left out.",
)
def key(name: str, output: Path | None) -> None:
    """Make the key with which NAME signs decisions, and print its public half.

    The secret stays with its owner. An administrator registers the public half with `sandbox user key`.
    """
    if PERSON_NAME.fullmatch(name) is None:
        raise Malformed("account-name", f"{name!r} cannot be an account's name.")
    made = SigningKey.create(output or Path(f"{name}.key"))
    click.echo(made.public.note_text(name))


@account.command()
@click.option("--authorization", required=True, metavar="NAME", help="Whose budgets are decided about.")
@click.option("--from", "first", metavar="DAY", help="First day of the first window, as in 2026-06-01 (UTC).")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, help="Windows, one after the other."
)
@click.option(
    "--epsilon", metavar="E", help="Of each window, or what is raised to; default: the policy's most."
)
@click.option(
    "--raise", "raised", is_flag=True, help="Raise the authorization's budget, or with --analyst a person's."
)
@click.option("--analyst", metavar="NAME", help="With --raise: the person whose budget is raised.")
@click.option("--reason", required=True, help="Why; part of what is signed.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Your own secret key.",
)
@json_option
@as_option
def grant(
    authorization: str,
    first: str | None,
    count: int,
    epsilon: str | None,
    raised: bool,
    analyst: str | None,
    reason: str,
    key_file: Path,
    as_json: bool,
    account: str,
) -> None:
    """Open time windows (--from) or raise a budget (--raise) by a decision signed with your key.

    \b
    Examples:
      sandbox account grant --authorization visits-study --from 2026-07-01 --count 3 \\
          --reason "Third quarter, minutes of 12 June" --key sten.key --as sten
      sandbox account grant --authorization visits-study --raise --analyst ana --epsilon 4 \\
          --reason "Second table of the report" --key sten.key --as sten
    """  # noqa: D301  # click reads the backspace
    if raised == (first is not None):
        raise click.UsageError("Name either --from, to open windows, or --raise.")
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    may_decide(actor)
    policy = gateway.policies.authorizations.get(authorization)
    if policy is None:
        raise NotFound("authorization-unknown", f"There is no authorization {authorization!r}.")
    wished = None if epsilon is None else parse_epsilon(epsilon)
    decision = Decision(
        authorization=authorization,
        by=actor.name,
        at=timestamp(datetime.now(UTC)),
        reason=reason,
        windows=() if first is None else _windows(policy, first, count, wished),
        raises=(_raise(policy, analyst, wished),) if raised else (),
    )
    signed = sign(decision, SigningKey.load(key_file))
    seq = apply(gateway.ledger, gateway.books.log, signed, policies=gateway.policies, actor=actor)
    if as_json:
        print_json({"decision": signed.id, "seq": seq})
    else:
        click.echo(f"decided: entry {seq} of the log, {signed.id}")


def _windows(
    policy: AuthorizationPolicy, first: str, count: int, epsilon: Decimal | None
) -> tuple[Window, ...]:
    limits = policy.loss.window
    if limits is None:
        raise NotAllowed(
            "no-windows-here", f"Time does not limit the budgets of authorization {policy.name}."
        )
    try:
        begins = [date.fromisoformat(first) + timedelta(days=limits.days * number) for number in range(count)]
        ends = [begin + timedelta(days=limits.days) for begin in begins]
    except (ValueError, OverflowError) as error:
        raise Malformed(
            "window-day", f"{first!r} is not a day.", allowed="Write it as 2026-06-01."
        ) from error
    most = epsilon or limits.epsilon
    return tuple(
        Window(first=begin, until=end, epsilon=most) for begin, end in zip(begins, ends, strict=True)
    )


def _raise(policy: AuthorizationPolicy, analyst: str | None, epsilon: Decimal | None) -> Raise:
    loss = policy.loss
    most = loss.total_epsilon if analyst is None else loss.analyst_most_epsilon
    scope = f"authorization:{policy.name}" if analyst is None else f"analyst:{policy.name}:{analyst}"
    return Raise(scope=scope, epsilon=epsilon or most or loss.total_epsilon)


def _at_most_one(*chosen: str | None) -> None:
    if sum(one is not None for one in chosen) > 1:
        raise click.UsageError("Name one of --authorization, --dataset and --population.")


def _print_balances(documents: list[dict[str, Any]]) -> None:
    print_table(
        ["scope", "spent epsilon", "left epsilon", "cap epsilon", "at delta", "left rho", "cap rho"],
        [_row(document) for document in documents],
    )
    for document in documents:
        if "closed" in document:
            click.echo(f"note: {document['closed']}")


def _row(document: dict[str, Any]) -> list[Any]:
    if "left_delta" in document:
        amounts = [f"delta {document[f'{word}_delta']}" for word in ("spent", "left", "cap")]
        return [document["scope"], *amounts, None, None, None]
    return [
        document["scope"],
        document["spent_epsilon"],
        document["left_epsilon"],
        document["cap_epsilon"],
        document["delta"],
        f"{document['left_picorho'] / 10**12:.6f}",
        f"{document['cap_picorho'] / 10**12:.6f}",
    ]


def _print_statement(document: dict[str, Any]) -> None:
    _print_balances([*document["balances"], *document["analysts"]])
    if document["windows"]:
        click.echo("\nwindows (days are UTC, the last one excluded):")
        print_table(
            ["from", "until", "state", "spent epsilon", "left epsilon"],
            [
                [w["from"], w["until"], w["state"], w["spent_epsilon"], w["left_epsilon"]]
                for w in document["windows"]
            ],
        )
    click.echo("\nwho asked:")
    print_table(
        ["account", "questions", "rho"],
        [[s["person"], s["questions"], f"{s['picorho'] / 10**12:.6f}"] for s in document["spenders"]],
    )
    if document["decisions"]:
        click.echo("\ndecisions:")
        _print_decisions(document["decisions"])


def _print_decisions(decisions: list[dict[str, Any]]) -> None:
    print_table(
        ["entry", "time", "by", "verifies", "what", "reason"],
        [
            [d["seq"], d["at"][:19], d["by"], "yes" if d["verifies"] else "NO", d["what"], d["reason"]]
            for d in decisions
        ],
    )


commands: tuple[click.Command, ...] = (account,)

"""A plan for people: what ``sandbox policy explain`` prints."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from sandbox.cli.common import login_name, print_table
from sandbox.errors import NotFound
from sandbox.governance import catalogue
from sandbox.governance.installation import open_books
from sandbox.policy.check import check
from sandbox.policy.load import load
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.privacy.explain import explain
from sandbox.privacy.plan import make_plan
from sandbox.query.sql import parse
from sandbox.settings import Settings

PICO = 10**12


def planned(sql: str, *, authorization: str, epsilon: Decimal | None, settings: Settings) -> dict[str, Any]:
    """Return the plan of a question as whoever holds the authorization would get it in its term.

    Raises:
        Refusal: the question would be refused, or there is no such authorization.
    """
    policies = load(settings.policies)
    granted = policies.authorizations.get(authorization)
    if granted is None:
        raise NotFound(
            "authorization-unknown",
            f"There is no authorization {authorization!r}.",
            allowed="There are: " + ", ".join(sorted(policies.authorizations)) + ".",
        )
    holder = Actor(
        name=login_name(),
        groups=frozenset({granted.group}),
        scopes=frozenset({Scope.QUERY}),
        channel=Channel.TERMINAL,
    )
    checked = check(
        parse(sql), policies=policies, authorization=authorization, actor=holder, now=granted.term.start
    )
    books = open_books(settings)
    snapshot = catalogue.find_active(books.engine, checked.dataset.name)
    profiles = {} if snapshot is None else snapshot.profile
    return explain(make_plan(checked, epsilon=epsilon or granted.loss.per_query_epsilon, profiles=profiles))


def print_plan(document: dict[str, Any]) -> None:
    """Print the plan in the order in which it is carried out."""
    click.echo(f"question   {document['question']}")
    click.echo(f"reads      {document['reads']}")
    click.echo(f"where      {document['where']}")
    click.echo(f"groups     {document['groups']}")
    if document["threshold"]:
        least, delta = document["threshold"]["units"], document["threshold"]["delta"]
        click.echo(f"  shown from {least} noisy units on; costs a delta of {delta}")
    for key in document["keys"]:
        click.echo(f"  by {key['key']}: {key['values']} public values, {key['interval']}")
    for title, part in (("measured", "measurements"), ("chosen", "selections")):
        rows = document[part]
        if rows:
            click.echo(f"\n{title}")
            print_table(list(rows[0]), [list(row.values()) for row in rows])
    click.echo("\nexpected error (95 %)")
    for error in document["expected_errors"]:
        width = "" if error["half_width"] is None else f"± {error['half_width']} "
        click.echo(f"  {error['name']}: {width}{error['note']}".rstrip())
    click.echo(
        f"\ncosts      epsilon {document['epsilon']} ({document['measure']}), "
        f"rho {document['picorho'] / PICO:.6f}"
    )

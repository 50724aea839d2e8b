"""``sandbox review decide | conclude | comment | hold ...``: what people say to a request, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sandbox.cli.common import as_option, json_option, open_gateway, print_json, terminal_actor
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor
from sandbox.review.comments import Audience
from sandbox.review.view import ReleaseView
from sandbox.review.voting import Verdict, Word

_verdict = click.argument("verdict", type=click.Choice(["approve", "return", "reject"]))
_request = click.argument("request")
_reason = click.option("--reason", required=True, help="Why; it is kept with the decision.")
_version = click.option(
    "--version",
    "row_version",
    type=int,
    help="The version you looked at (see show); default: the present one.",
)


@click.command()
@_request
@_verdict
@_reason
@_version
@click.option(
    "--acknowledge",
    "acknowledged",
    multiple=True,
    metavar="CODE=WHY",
    help="A finding you have weighed, and why the files may leave all the same; once for each.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="NAME=approve|changes",
    help="With return: what you say of one file; the others are to be changed.",
)
@json_option
@as_option
def decide(
    request: str,
    verdict: Verdict,
    reason: str,
    row_version: int | None,
    acknowledged: tuple[str, ...],
    files: tuple[str, ...],
    as_json: bool,
    account: str,
) -> None:
    """Review a request. To approve, every file must have been opened (``show --out``).

    While a round is blind nobody else learns what you said. Once all reviews are in and differ, the same
    command changes yours.

    \b
    Examples:
      sandbox review decide b1ffe9e653f86351 return --reason "Please round counts to 5." --as rita
      sandbox review decide b1ffe9e653f86351 approve --reason "Means of large groups." --as rita \\
          --acknowledge C26="The model has 4,012 persons, see the note."
      sandbox review decide b1ffe9e653f86351 return --reason "Round the second table." --as rita \\
          --file means.csv=approve --file counts.csv=changes
    """  # noqa: D301  # click reads the backspace
    gateway, actor = _opened(account)
    words: dict[str, Word] = {}
    for name, word in map(_pair, files):
        if word not in {"approve", "changes"}:
            raise click.BadParameter("Write NAME=approve or NAME=changes.", param_hint="--file")
        words[name] = "approve" if word == "approve" else "changes"
    view = gateway.desk.decide(
        actor,
        request,
        verdict=verdict,
        reason=reason,
        row_version=_seen(gateway, actor, request, row_version),
        acknowledged=dict(map(_pair, acknowledged)),
        files=words,
    )
    _say(view, as_json=as_json)


@click.command()
@_request
@_verdict
@click.option("--reason", help="Why; of a return it is the letter to the author. Default there: the draft.")
@_version
@json_option
@as_option
def conclude(
    request: str, verdict: Verdict, reason: str | None, row_version: int | None, as_json: bool, account: str
) -> None:
    """End a round on which the reviews differ. Only those who reviewed it do.

    With approve those files leave that have enough approvals and no veto that stands; the others stay.
    A return without --reason sends the comments that were written for the author, file by file.

    \b
    Example:
      sandbox review conclude b1ffe9e653f86351 return --as rita
    """  # noqa: D301  # click reads the backspace
    gateway, actor = _opened(account)
    if reason is None:
        if verdict != "return":
            raise click.UsageError("Say why with --reason.")
        reason = gateway.desk.letter(actor, request)
    seen = _seen(gateway, actor, request, row_version)
    view = gateway.desk.conclude(actor, request, verdict=verdict, reason=reason, row_version=seen)
    _say(view, as_json=as_json)


@click.command()
@_request
@click.argument("text")
@click.option(
    "--for",
    "audience",
    type=click.Choice(["reviewers", "author"]),
    default="reviewers",
    show_default=True,
    help="Who reads it; nobody else does before all reviews are in.",
)
@click.option("--file", default="", help="The file it is about.")
@click.option("--at", "anchor", default="", help='The place in it, as "row 3, column n".')
@json_option
@as_option
def comment(
    request: str, text: str, audience: Audience, file: str, anchor: str, as_json: bool, account: str
) -> None:
    """Write TEXT beside a request, for other reviewers or for its author."""
    gateway, actor = _opened(account)
    view = gateway.desk.comment(actor, request, text=text, audience=audience, file=file, anchor=anchor)
    _say(view, as_json=as_json)


@click.command()
@_request
@json_option
@as_option
def claim(request: str, as_json: bool, account: str) -> None:
    """Take a seat at a request: one that is free, or any where the review is overdue."""
    gateway, actor = _opened(account)
    _say(gateway.desk.claim(actor, request), as_json=as_json)


@click.command()
@_request
@_reason
@as_option
def decline(request: str, reason: str, account: str) -> None:
    """Declare a conflict of interest: you never review this request, and another reviewer is drawn."""
    gateway, actor = _opened(account)
    gateway.desk.decline(actor, request, reason=reason)
    click.echo(f"Request {request}: you do not review it.")


@click.command()
@_request
@_reason
@json_option
@as_option
def hold(request: str, reason: str, as_json: bool, account: str) -> None:
    """Stop everything about a request for the time being. For security officers."""
    gateway, actor = _opened(account)
    _say(gateway.desk.hold(actor, request, reason=reason), as_json=as_json)


@click.command()
@_request
@_reason
@json_option
@as_option
def unhold(request: str, reason: str, as_json: bool, account: str) -> None:
    """Let a held request go on where it stood. For security officers."""
    gateway, actor = _opened(account)
    _say(gateway.desk.unhold(actor, request, reason=reason), as_json=as_json)


@click.command()
@_request
@click.argument("reviewer")
@_reason
@json_option
@as_option
def override(request: str, reviewer: str, reason: str, as_json: bool, account: str) -> None:
    """Let the veto of REVIEWER not stand; it is no approval. For security officers."""
    gateway, actor = _opened(account)
    view = gateway.desk.override(actor, request, reviewer=reviewer, reason=reason)
    _say(view, as_json=as_json)


@click.command()
@_request
@_reason
@_version
@json_option
@as_option
def consent(request: str, reason: str, row_version: int | None, as_json: bool, account: str) -> None:
    """Agree, for the data, that a red request may leave once its reviewers approve. For data stewards."""
    gateway, actor = _opened(account)
    seen = _seen(gateway, actor, request, row_version)
    _say(gateway.desk.consent(actor, request, reason=reason, row_version=seen), as_json=as_json)


@click.command()
@_request
@click.argument("code")
@_reason
@click.option("--days", type=int, default=14, show_default=True, help="For how long the exception holds.")
@_version
@json_option
@as_option
def excuse(
    request: str, code: str, reason: str, days: int, row_version: int | None, as_json: bool, account: str
) -> None:
    """Let what the check CODE refuses go before reviewers, as red.

    First a security officer proposes it, then a data steward agrees with the same command. Files without
    a canonical form and forged receipts are never excused.
    """
    gateway, actor = _opened(account)
    seen = _seen(gateway, actor, request, row_version)
    view = gateway.desk.excuse(actor, request, code=code, reason=reason, days=days, row_version=seen)
    _say(view, as_json=as_json)


def _opened(account: str) -> tuple[Gateway, Actor]:
    gateway = open_gateway()
    return gateway, terminal_actor(gateway, account)


def _seen(gateway: Gateway, actor: Actor, request: str, row_version: int | None) -> int:
    return gateway.desk.show(actor, request).row_version if row_version is None else row_version


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name or not value.strip():
        raise click.BadParameter(f"Write {text or 'NAME'}=..., with something on both sides.")
    return name, value


def _say(view: ReleaseView, *, as_json: bool) -> None:
    print_json(view.to_document()) if as_json else click.echo(f"Request {view.id}: {view.status}.")


COMMANDS: Sequence[click.Command] = (
    decide,
    conclude,
    comment,
    claim,
    decline,
    hold,
    unhold,
    override,
    consent,
    excuse,
)

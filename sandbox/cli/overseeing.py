"""``sandbox review simulate | statistics``: what other policies would have said; how reviewers work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from sandbox.audit.event import timestamp
from sandbox.cli.common import as_option, json_option, open_gateway, print_json, print_table, terminal_actor
from sandbox.errors import NotAllowed
from sandbox.gateway import cage_of
from sandbox.policy.load import load
from sandbox.policy.roles import Channel, Scope
from sandbox.review.simulation import Outcome, Simulated
from sandbox.review.simulation import simulate as simulated
from sandbox.review.statistics import by_reviewer

MOST = 1_000


@click.command()
@click.option(
    "--policies",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of the policies to try; those in force where left out.",
)
@click.option("--profile", help="Name of a profile of limits to try: a file of policies/profiles.")
@click.option(
    "--last",
    type=click.IntRange(1, MOST),
    default=50,
    show_default=True,
    help="How many requests, newest first.",
)
@click.option("--all", "everything", is_flag=True, help="List the requests too that nothing changes for.")
@json_option
@as_option
def simulate(
    directory: Path | None, profile: str | None, last: int, everything: bool, as_json: bool, account: str
) -> None:
    """Say which of the last requests other policies would have refused, flagged or passed.

    The checks run again on the stored canonical bytes under both policies. Nothing is written but that you
    looked, and no request moves. For officers, auditors and stewards.

    \b
    Before a threshold is changed:
      cp -r policies tried
      sed -i 's/min_cell = 10/min_cell = 15/' tried/profiles/sdap-default.toml
      sandbox review simulate --policies tried --as olaf
      sandbox review simulate --policies tried --json --as olaf | jq '.requests[] | select(.differs)'

    \b
    Under another of the profiles that are shipped:
      sandbox review simulate --profile strict --as olaf

    \b
    What the checks of today say of what was decided earlier:
      sandbox review simulate --all --as olaf
    """  # noqa: D301  # click reads the backspace
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    if not {Scope.AUDIT, Scope.POLICY} & actor.scopes:
        raise NotAllowed(
            "scope-missing",
            "Only officers, auditors and stewards see what policies do to all requests.",
            allowed="Choose such an account with --as.",
        )
    tried = directory or (gateway.settings.policies if profile else None)
    other = load(tried, profile=profile) if tried is not None else gateway.policies
    gateway.looks.record(
        actor.name, subject="simulation", channel=Channel.TERMINAL.value, policy=other.digest, last=last
    )
    found = list(
        simulated(
            gateway.books.log,
            present=gateway.policies,
            other=other,
            last=last,
            cage=cage_of(gateway.settings),
        )
    )
    if as_json:
        print_json(
            {
                "present": gateway.policies.digest,
                "other": other.digest,
                "requests": [one.to_document() for one in found],
            }
        )
        return
    _print(found, everything=everything)


@click.command()
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only rounds that began on this day (UTC) or later."
)
@json_option
@as_option
def statistics(since: datetime | None, as_json: bool, account: str) -> None:
    """Say for each reviewer what they decided, how long it took, and how often others vetoed.

    Rounds that are still in review are left out. For officers and auditors; that you looked is on record.

    \b
    Example:
      sandbox review statistics --since 2026-01-01 --as olaf
    """  # noqa: D301  # click reads the backspace
    gateway = open_gateway()
    actor = terminal_actor(gateway, account)
    if Scope.AUDIT not in actor.scopes:
        raise NotAllowed("scope-missing", "Only officers and auditors see how reviewers work.")
    begin = timestamp(since.replace(tzinfo=UTC)) if since is not None else ""
    gateway.looks.record(actor.name, subject="review-statistics", channel=Channel.TERMINAL.value, since=begin)
    with gateway.books.log.reading() as connection:
        found = by_reviewer(connection, since=begin)
    rows = [one.to_document(name) for name, one in found.items()]
    if as_json:
        print_json(rows)
        return
    columns = [
        "reviewer",
        "decided",
        "approve",
        "return",
        "reject",
        "outvoted",
        "median_hours",
        "longest_hours",
    ]
    print_table(columns, [[row[column] for column in columns] for row in rows])


def _print(found: Sequence[Simulated], *, everything: bool) -> None:
    shown = [one for one in found if everything or one.differs]
    if shown:
        print_table(
            ["request", "authorization", "status", "in force", "tried", "approvals", "checks"],
            [
                [
                    one.request,
                    one.authorization,
                    one.status,
                    one.present.said,
                    one.other.said,
                    _change(str(one.present.quorum), str(one.other.quorum)),
                    _codes(one.present, one.other),
                ]
                for one in shown
            ],
        )
    counts = Counter((one.present.said, one.other.said) for one in found if one.differs)
    click.echo(f"{len(found)} requests looked at, {sum(counts.values())} of them differ.")
    for (before, after), number in sorted(counts.items()):
        click.echo(f"  {number}: {_change(before, after)}")
    missing = sum(one.missing for one in found)
    if missing:
        click.echo(
            f"{missing} files have no stored bytes; what was found of them at the time was taken over."
        )


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"


def _codes(before: Outcome, after: Outcome) -> str:
    added = [f"+{code}" for code in after.codes if code not in before.codes]
    gone = [f"-{code}" for code in before.codes if code not in after.codes]
    kept = [code for code in before.codes if code in after.codes]
    return " ".join([*added, *gone, *kept])

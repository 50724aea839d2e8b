"""``sandbox freeze | unfreeze``: stop a person, an authorization, a dataset or everything; take it back."""

from __future__ import annotations

import click

from sandbox import freezes
from sandbox.cli.common import by_option, json_option, print_json, print_table
from sandbox.errors import NotFound
from sandbox.freezes import Freeze, Target, What
from sandbox.governance import accounts
from sandbox.governance.installation import Books, open_books
from sandbox.hub.stopping import Stopped, stop_notebooks
from sandbox.policy.load import load
from sandbox.policy.policies import Policies
from sandbox.settings import Settings

_TARGETS = click.Choice([str(what) for what in What])
what_argument = click.argument("what", type=_TARGETS)
name_argument = click.argument("name", required=False, default="")
reason_option = click.option(
    "--reason", required=True, help="Why; sealed beside the entry, and told to nobody who is refused."
)


class _Freezing(click.Group):
    """A group whose own arguments are a command: ``freeze user ana``, beside ``freeze list``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in set(What):
            return "target", _freeze, args
        return super().resolve_command(ctx, args)


@click.group(cls=_Freezing)
def freeze() -> None:
    """Freeze user NAME, authorization NAME, dataset NAME, or all: no answer, no release, no notebook.

    \b
    Examples:
      sandbox freeze user ana --reason "Reported stolen laptop, ticket 4711"
      sandbox freeze all --reason "Incident 12"
      sandbox freeze list
      sandbox unfreeze user ana --reason "Laptop was found, ticket 4711"
    """  # noqa: D301  # click reads the backspace


@click.command("freeze")
@what_argument
@name_argument
@reason_option
@by_option
@json_option
def _freeze(what: str, name: str, reason: str, by: str, as_json: bool) -> None:
    """Refuse every question and release at once, then stop the notebooks of the persons concerned.

    It stands until `sandbox unfreeze`, whatever is restarted. Run again, it stops what still runs.
    """
    settings = Settings.from_environment()
    policies, books = load(settings.policies), open_books(settings)
    target = Target(What(what), name)
    try:
        people = persons_of(target, policies, books)
        stands = freezes.freeze(books.log, target, reason=reason, actor=by)
    finally:
        books.close()
    stopped = stop_notebooks(settings, people) if people else Stopped()
    if as_json:
        print_json(
            freeze_document(stands) | {"stopped": stopped.people, "hub_answered": stopped.hub_answered}
        )
    else:
        click.echo(f"frozen: {target.said}, entry {stands.seq} of the log")
        say_stopped(stopped)
    check_stopped(stopped)


@freeze.command("list")
@json_option
def list_freezes(as_json: bool) -> None:
    """List what is frozen, oldest first, with the entries of the log that show it."""
    books = open_books(Settings.from_environment())
    try:
        with books.log.reading() as connection:
            found = freezes.standing(connection)
        by = {one.seq: str(books.log.entry(one.seq).event["actor"]) for one in found}
    finally:
        books.close()
    if as_json:
        print_json([freeze_document(one) | {"by": by[one.seq]} for one in found])
    else:
        print_table(
            ["entry", "since", "by", "what", "for good"],
            [[f.seq, f.at[:19], by[f.seq], f.target.said, "yes" if f.final else "no"] for f in found],
        )


@click.command()
@what_argument
@name_argument
@reason_option
@by_option
@json_option
def unfreeze(what: str, name: str, reason: str, by: str, as_json: bool) -> None:
    """End the freeze of user NAME, authorization NAME, dataset NAME, or all.

    Releases that were held up go on within minutes; nobody's notebook is started for them.
    """
    target = Target(What(what), name)
    books = open_books(Settings.from_environment())
    try:
        seq = freezes.unfreeze(books.log, target, reason=reason, actor=by)
    finally:
        books.close()
    if as_json:
        print_json({"what": what, "name": name, "seq": seq})
    else:
        click.echo(f"no longer frozen: {target.said}, entry {seq} of the log")


def persons_of(target: Target, policies: Policies, books: Books) -> frozenset[str]:
    """Return whose notebooks are stopped with ``target``; it must be there.

    Raises:
        NotFound: there is no such account, authorization or dataset.
    """
    everybody = accounts.list_all(books.engine)
    match target.what:
        case What.USER:
            _known(target.said, target.name in {one.name for one in everybody})
            return frozenset({target.name})
        case What.AUTHORIZATION:
            granted = policies.authorizations.get(target.name)
            _known(target.said, granted is not None)
            group = granted.group if granted else ""
            return frozenset(one.name for one in everybody if group in one.groups)
        case What.DATASET:
            _known(target.said, target.name in policies.datasets)
            return frozenset()
        case What.ALL:
            return frozenset(one.name for one in everybody)


def freeze_document(stands: Freeze) -> dict[str, object]:
    """Return a freeze for programs."""
    target = stands.target
    return {
        "what": str(target.what), "name": target.name, "seq": stands.seq, "since": stands.at,
        "final": stands.final,
    }  # fmt: skip


def say_stopped(stopped: Stopped) -> None:
    """Say whose notebooks were stopped."""
    click.echo(f"notebooks stopped: {', '.join(stopped.people) or 'none ran'}")


def check_stopped(stopped: Stopped) -> None:
    """Say where the hub was no help; return if nothing of whom it is about runs any more.

    Raises:
        ClickException: something does.
    """
    if not stopped.hub_answered:
        click.echo(
            "The hub does not answer. What ran on this machine was ended directly, and the hub may list it "
            "for a while; of notebooks that a starter runs for it nothing is known.",
            err=True,
        )
    if stopped.left:
        raise click.ClickException(
            f"Notebooks of {', '.join(stopped.left)} still run; stop them by hand, then run this again."
        )


def _known(what: str, there: bool) -> None:
    if not there:
        raise NotFound("freeze-unknown", f"There is no {what}.")


commands: tuple[click.Command, ...] = (freeze, unfreeze)

"""``sandbox init | register | policy``: what an administrator and a data steward do."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.cli.advising import advise_on
from sandbox.cli.common import authorization_option, json_option, login_name, print_json
from sandbox.cli.demo import install_demo
from sandbox.cli.explaining import planned, print_plan
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register as register_dataset
from sandbox.policy.load import PolicyMistakes, load, load_keeping, load_witnesses
from sandbox.privacy.loss import parse_epsilon
from sandbox.settings import Settings


@click.command()
@click.option(
    "--demo", is_flag=True, help="Add the demo register and demo accounts; passwords are shown once."
)
def init(demo: bool) -> None:
    """Make directories, keys and the state database; what exists is left as it is."""
    settings = Settings.from_environment()
    install(settings)
    click.echo(f"The sandbox in {settings.home} is set up.")
    if demo:
        for name, password in install_demo(settings).items():
            click.echo(f"  {name}: {password}")


@click.command()
@click.argument("datasets", nargs=-1)
@click.option(
    "--advise",
    is_flag=True,
    help="Load nothing; propose bounds for one dataset, for a loss it asks for.",
)
@click.option(
    "--epsilon", metavar="E", help="Loss that advice spends; default: the policy's profile_epsilon."
)
@click.option("--yes", is_flag=True, help="Do not ask before spending the loss of advice.")
@json_option
def register(datasets: tuple[str, ...], advise: bool, epsilon: str | None, yes: bool, as_json: bool) -> None:
    """Load DATASETS (default: all) into the bounded copies that answer questions.

    The same source under the same policy again changes nothing and costs nothing. A failed load
    leaves the copy before it in place.
    """
    if advise:
        if len(datasets) != 1:
            raise click.UsageError("Name the one dataset to give advice on.")
        wished = None if epsilon is None else parse_epsilon(epsilon)
        advise_on(datasets[0], epsilon=wished, sure=yes, as_json=as_json)
        return
    if epsilon is not None or yes or as_json:
        raise click.UsageError("--epsilon, --yes and --json go with --advise.")
    settings = Settings.from_environment()
    policies = load(settings.policies)
    books = open_books(settings)
    for name in datasets or sorted(policies.datasets):
        click.echo(f"{name}: loading ...")
        snapshot = register_dataset(
            name, actor=login_name(), settings=settings, policies=policies, books=books
        )
        click.echo(f"{name}: answers from snapshot {snapshot.digest}")


@click.group()
def policy() -> None:
    """Rules of datasets, authorizations, grades and review."""


@policy.command("check")
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option
def check_policies(directory: Path | None, as_json: bool) -> None:
    """Report every mistake in the policies at once, with its file and key."""
    directory = directory or Settings.from_environment().policies
    try:
        policies = load(directory)
        load_witnesses(directory)
        load_keeping(directory)
    except PolicyMistakes as found:
        if as_json:
            print_json(
                {"mistakes": [{"file": m.file, "key": m.key, "sentence": m.sentence} for m in found.mistakes]}
            )
        else:
            for mistake in found.mistakes:
                click.echo(f"{mistake.file}: {mistake.key}: {mistake.sentence}", err=True)
            click.echo(f"{len(found.mistakes)} mistakes.", err=True)
        raise click.exceptions.Exit(1) from None
    if as_json:
        print_json({"mistakes": [], "digest": policies.digest})
    else:
        click.echo(
            f"In order: {len(policies.datasets)} datasets, {len(policies.authorizations)} authorizations, "
            f"digest {policies.digest}"
        )


@policy.command("explain")
@click.argument("sql")
@authorization_option
@click.option("--epsilon", metavar="E", help="Loss to plan with; default: the most a question may cost.")
@json_option
def explain_plan(sql: str, authorization: str, epsilon: str | None, as_json: bool) -> None:
    """Show how a question would be answered: bounds, sensitivity, noise, loss. Reads no data, costs nothing.

    \b
    Example:
      sandbox policy explain "SELECT district, AVG(cost) AS mean FROM visits GROUP BY district" \\
          --authorization visits-study
    """  # noqa: D301  # click reads the backspace
    settings = Settings.from_environment()
    wished = None if epsilon is None else parse_epsilon(epsilon)
    document = planned(sql, authorization=authorization, epsilon=wished, settings=settings)
    print_json(document) if as_json else print_plan(document)


commands: tuple[click.Command, ...] = (init, register, policy)

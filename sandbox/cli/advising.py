"""``sandbox register --advise``: what a policy should say, for a stated loss."""

from __future__ import annotations

from decimal import Decimal

import click

from sandbox.cli.common import login_name, print_json, print_table
from sandbox.governance.advice import Advice, MeasureAdvice, advise
from sandbox.governance.installation import open_books
from sandbox.governance.registration import require_dataset
from sandbox.governance.survey import survey
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.load import load
from sandbox.policy.policies import Policies
from sandbox.privacy.loss import Loss
from sandbox.settings import Settings
from sandbox.sources.survey import survey_loss


def advise_on(name: str, *, epsilon: Decimal | None, sure: bool, as_json: bool) -> None:
    """Print advice on one dataset's policy; asks first unless ``sure``.

    Raises:
        Refusal: the dataset is unknown, its tables cannot be read, or the budget is spent.
        click.Abort: the person does not want to pay.
    """
    settings = Settings.from_environment()
    policies = load(settings.policies)
    dataset = require_dataset(policies, name)
    wished = epsilon or dataset.profile_epsilon
    if not sure:
        click.confirm(price(dataset, wished, policies) + " Go on?", abort=True, err=True)
    books = open_books(settings)
    found = survey(
        name, epsilon=wished, actor=login_name(), settings=settings, policies=policies, books=books
    )
    advice = advise(dataset, found)
    if as_json:
        print_json({"epsilon": str(wished), **advice.to_document()})
    else:
        print_advice(advice)


def price(dataset: DatasetPolicy, epsilon: Decimal, policies: Policies) -> str:
    """Return what advice costs, in one sentence."""
    loss, population = survey_loss(dataset, epsilon), policies.populations[dataset.population]
    cap = Loss.cap(epsilon=population.lifetime_epsilon, delta=population.delta_of_losses)
    return (
        f"Advice on {dataset.name} spends an epsilon of {epsilon} (rho {loss.picorho / 10**12:.6f} of "
        f"{cap.picorho / 10**12:.6f}) of the lifetime budget of population {population.name}, for good."
    )


def print_advice(advice: Advice) -> None:
    """Print the advice as tables and as keys of the policy."""
    for table in advice.tables:
        click.echo(
            f"\nTable {table.table}: about {table.units} units with {table.rows} rows. "
            f"Now max_rows_per_unit = {table.max_rows}, proposed {table.proposed}."
        )
        click.echo("COUNT(*) of the whole table at epsilon 1, by contribution bound:")
        rows = [[error.rows, error.dropped, error.noise, error.error] for error in table.errors]
        print_table(["rows a unit", "rows dropped, at least", "noise (std)", "error (rms)"], rows)
    click.echo("\nColumns, by one row drawn of each unit, in percent:")
    names = ["table", "column", "missing", "unreadable", "outside", "±", "bounds", "99 % at most"]
    print_table(
        names,
        [
            [c.table, c.column, c.missing, c.unreadable, c.outside, c.resolution, *_values(c.measure)]
            for c in advice.columns
        ],
    )
    click.echo(f"\nKeys to replace in datasets/{advice.dataset}.toml:\n\n{advice.to_toml()}")


def _values(measure: MeasureAdvice | None) -> list[str | None]:
    return [None, None] if measure is None else [" to ".join(measure.bounds), measure.most_below]

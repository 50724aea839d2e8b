"""Advice on a policy is a function of the policy and of noisy numbers alone."""

from __future__ import annotations

import tomllib
from decimal import Decimal

from questions import VISITS, dataset_of

from sandbox.governance.advice import Advice, ColumnAdvice, advise
from sandbox.sources.classes import FIRST_BIN, INSIDE, MISSING, OUTSIDE, classes_of, grid_of, surveyed
from sandbox.sources.profile import TruncationProfile, edges_for
from sandbox.sources.survey import Survey, TableSurvey

DATASET = dataset_of(VISITS, max_rows=4)
TABLE = DATASET.tables["visits"]
COST = TABLE.columns["cost"]
UNITS = 10_000


def profile(units: dict[int, int], epsilon: Decimal) -> TruncationProfile:
    edges = edges_for(TABLE)
    counts = tuple(units.get(edge, 0) for edge in edges)
    return TruncationProfile(edges=edges, counts=(*counts, 0), max_rows=4, epsilon=epsilon)


def costs(values: dict[str, int]) -> tuple[int, ...]:
    """Return counts of a measure's classes, each value given as the edge its bin ends at."""
    grid = grid_of(COST)
    counts = [0] * classes_of(COST)
    for edge, number in values.items():
        counts[FIRST_BIN + grid.index(Decimal(edge))] = number
    return tuple(counts)


def survey(**columns: tuple[int, ...]) -> Survey:
    """Return a survey in which units have up to 20 rows, and every column it does not name is clean."""
    epsilon = Decimal(1)
    clean = {
        name: (*[0] * INSIDE, UNITS) if column.use != "measure" else costs({"0.1": UNITS})
        for name, column in surveyed(TABLE).items()
        if name != "change"
    }
    return Survey(
        epsilon=epsilon,
        tables={
            "visits": TableSurvey(
                profile=profile({2: 6000, 8: 3000, 16: 1000}, epsilon),
                columns={**clean, "change": (0,) * classes_of(TABLE.columns["change"])} | columns,
            )
        },
    )


def on(column: str, advice: Advice) -> ColumnAdvice:
    return next(found for found in advice.columns if found.column == column)


def test_the_proposed_bound_has_the_least_error_of_truncation_and_noise() -> None:
    (table,) = advise(DATASET, survey()).tables
    assert (table.units, table.max_rows, table.proposed) == (UNITS, 4, 16)
    errors = {error.rows: error for error in table.errors}
    assert {4, 8, 16, 32, 64} <= errors.keys()
    assert errors[4].dropped > errors[8].dropped > errors[16].dropped == 0
    assert errors[16].error == errors[16].noise == 22
    assert min(errors.values(), key=lambda error: error.error).rows == 16


def test_bounds_that_are_too_wide_are_told_where_the_values_lie() -> None:
    measure = on("cost", advise(DATASET, survey(cost=costs({"20": 5000, "35": 4950, "80": 50})))).measure
    assert measure is not None
    assert (measure.bounds, measure.most_below, measure.proposed) == (("0", "100"), "35", ("0", "35"))


def test_values_beyond_the_bounds_are_counted_and_widen_them() -> None:
    found = on("cost", advise(DATASET, survey(cost=costs({"-20": 500, "50": 8500, "400": 1000}))))
    assert found.outside == Decimal("15.0")
    assert found.measure is not None
    assert found.measure.proposed == ("-25", "400")


def test_missing_and_foreign_values_are_told_in_percent_with_what_noise_leaves_open() -> None:
    counts = [0] * (INSIDE + 1)
    counts[MISSING], counts[OUTSIDE], counts[INSIDE] = 730, 260, UNITS - 990
    found = on("district", advise(DATASET, survey(district=tuple(counts))))
    assert (found.missing, found.unreadable, found.outside) == (
        Decimal("7.3"),
        Decimal("0.0"),
        Decimal("2.6"),
    )
    assert found.resolution == Decimal("0.1")
    assert found.measure is None


def test_noise_that_hides_everything_proposes_nothing() -> None:
    found = on("cost", advise(DATASET, survey(cost=costs({"20": 3, "35": -4}))))
    assert found.measure is not None
    assert (found.measure.most_below, found.measure.proposed) == (None, None)


def test_the_fragment_is_toml_with_the_policys_own_keys() -> None:
    advice = advise(DATASET, survey(cost=costs({"20": 9950, "80": 50})))
    tables = tomllib.loads(advice.to_toml())["tables"]
    assert tables == {"visits": {"max_rows_per_unit": 16, "columns": {"cost": {"bounds": ["0", "20"]}}}}


def test_the_same_noisy_numbers_give_the_same_advice() -> None:
    again = Survey.from_document(survey().to_document())
    assert advise(DATASET, again) == advise(DATASET, survey())

"""The promise measured: answers on two neighbors refute no claim, whichever noise they get.

The whole way, plan to extract to noise, on registered copies. Each kind of audit is tried on a planted
fault too: it must flag half the noise, noise for one row instead of one person, and a key that shows
only where its true count is above 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from questions import VISITS, dataset_of, exact, load, plan_of
from refutation import Draws, delta_of

from sandbox.privacy import noise
from sandbox.privacy.bound import Sensitivity
from sandbox.privacy.cells import ExactCells
from sandbox.privacy.loss import PICO
from sandbox.privacy.measurement import Measurement
from sandbox.privacy.mechanism import Mechanism, Noise, laplace
from sandbox.privacy.noise import NoiseFault, add_noise
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import finish
from sandbox.privacy.quantile import step
from sandbox.sources.snapshot import Snapshot

DRAWS = 4_000
CHOICES = 1_500
COLUMNS: dict[str, dict[str, Any]] = VISITS | {
    "ill": {"use": "measure", "bounds": ["0", "1"], "functions": ["quantile"]}
}
DATASET = dataset_of(COLUMNS, source="visits.csv", max_rows=12)
HEADER = "person_id,district,year,cost,change,day,note,ill\n"
OTHERS = "".join(
    f"p{n},{'Bei' if n % 3 else 'Dong'},{1 + n % 2},{n % 130},{n % 90 - 60},2025-01-01,n,{int(n >= 66)}\n"
    for n in range(120)
)
VICTIM = "v,Nan,1,100,-50,2025-01-01,n,1\n" * 15
COUNT = "COUNT(*) FROM visits"
QUESTIONS = (
    COUNT,
    "COUNT(DISTINCT person_id) FROM visits",
    "SUM(cost) FROM visits",
    "SUM(change) FROM visits WHERE district = 'Nan'",
    "SUM(cost * change / 7) FROM visits",
    "SUM(k) FROM (SELECT person_id, COUNT(*) AS k FROM visits GROUP BY person_id) AS u",
)


@dataclass(frozen=True)
class Pair:
    larger: Snapshot
    smaller: Snapshot


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    def loaded(directory: Path, rows: str) -> Snapshot:
        (directory / "raw").mkdir()
        (directory / "raw" / "visits.csv").write_text(HEADER + rows)
        return load(DATASET, directory)

    return Pair(
        larger=loaded(tmp_path_factory.mktemp("larger"), OTHERS + VICTIM),
        smaller=loaded(tmp_path_factory.mktemp("smaller"), OTHERS),
    )


def measured(pair: Pair, plan: Plan, *, claimed: Plan | None = None, draws: int = DRAWS) -> Draws:
    """Draw the first noisy number of ``plan``, as one that was ``claimed`` otherwise."""
    one, other = (_under(plan, exact(claimed or plan, copy)) for copy in (pair.larger, pair.smaller))
    return Draws.of(lambda: add_noise(one).measured[0][0], lambda: add_noise(other).measured[0][0], draws)


def chosen(pair: Pair, plan: Plan, *, claimed: Plan | None = None) -> Draws:
    """Draw the first chosen candidate of ``plan``."""
    one, other = (_under(plan, exact(claimed or plan, copy)) for copy in (pair.larger, pair.smaller))
    return Draws.of(
        lambda: add_noise(one).chosen[0][0].value, lambda: add_noise(other).chosen[0][0].value, CHOICES
    )


def _under(plan: Plan, cells: ExactCells) -> ExactCells:
    return ExactCells(plan, cells.measured, cells.bins)


def with_measurement(plan: Plan, **changed: Any) -> Plan:
    (first, *rest) = plan.measurements
    return replace(plan, measurements=(replace(first, **changed), *rest))


@pytest.mark.parametrize("question", QUESTIONS)
def test_neighbors_are_told_apart_no_better_than_the_claimed_epsilon(pair: Pair, question: str) -> None:
    plan = plan_of(f"SELECT {question}", DATASET)
    found = measured(pair, plan).least_epsilon()
    assert 0 < found <= float(plan.epsilon)


def test_gaussian_noise_keeps_to_the_curve_of_its_rho(pair: Pair) -> None:
    plan = plan_of("SELECT SUM(cost) FROM visits", DATASET, measure="zcdp")
    assert plan.measurements[0].noise.mechanism is Mechanism.GAUSSIAN
    found = measured(pair, plan, draws=3 * DRAWS).least_delta(1.0)
    assert 0 < found <= delta_of(float(plan.loss.picorho / PICO), 1.0)


def test_a_choice_among_candidates_costs_no_more_than_its_share(pair: Pair) -> None:
    plan = plan_of("SELECT MEDIAN(ill) FROM visits", DATASET, epsilon="2")
    found = chosen(pair, plan).least_epsilon()
    assert 0 <= found <= float(plan.selections[0].shares[0])


@pytest.mark.parametrize("measure", ["pure", "zcdp"])
def test_the_audit_flags_half_the_noise(pair: Pair, measure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(f"SELECT {COUNT}", DATASET, measure=measure)
    drawn = measured(pair, halved(plan, monkeypatch), claimed=plan)
    rho = float(plan.loss.picorho / PICO)
    assert drawn.least_epsilon() > 1 if measure == "pure" else drawn.least_delta(1.0) > delta_of(rho, 1.0)


def halved(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return the plan with half its noise, past the mechanism's own map."""
    right = noise._measure
    half = Noise(mechanism=plan.measurements[0].noise.mechanism, scale=plan.measurements[0].noise.scale / 2)

    def lying(values: Any, measurement: Measurement) -> tuple[int, ...]:
        monkeypatch.setattr(noise, "_require_pure", lambda *_, **__: None)
        paid = replace(measurement, loss=replace(measurement.loss, picorho=2**62))
        return right(values, paid)

    monkeypatch.setattr(noise, "_measure", lying)
    return with_measurement(plan, noise=half)


def test_half_the_noise_is_refused_by_the_mechanism_s_own_map(pair: Pair) -> None:
    for measure in ("pure", "zcdp"):
        plan = plan_of(f"SELECT {COUNT}", DATASET, measure=measure)
        right = plan.measurements[0].noise
        half = with_measurement(plan, noise=replace(right, scale=right.scale / 2))
        with pytest.raises(NoiseFault):
            add_noise(_under(half, exact(plan, pair.larger)))


def test_the_audit_flags_noise_for_one_row_instead_of_one_person(pair: Pair) -> None:
    plan = plan_of(f"SELECT {COUNT}", DATASET)
    for_a_row = with_measurement(plan, sensitivity=Sensitivity(1, 1), noise=laplace(l1=1, epsilon=Decimal(1)))
    assert measured(pair, for_a_row, claimed=plan).least_epsilon() > 1


def test_the_audit_flags_a_choice_made_for_one_row_instead_of_one_person(pair: Pair) -> None:
    plan = plan_of("SELECT MEDIAN(ill) FROM visits", DATASET, epsilon="2")
    (selection,) = plan.selections
    for_a_row = replace(plan, selections=(replace(selection, sensitivity=step(Decimal("0.5"))),))
    found = chosen(pair, for_a_row, claimed=plan).least_epsilon()
    assert found > float(selection.shares[0])


def test_the_audit_flags_a_key_that_shows_only_where_its_true_count_is_above_0(pair: Pair) -> None:
    plan = plan_of("SELECT district, COUNT(*) AS n FROM visits GROUP BY district", DATASET)
    one, other = (exact(plan, copy) for copy in (pair.larger, pair.smaller))
    assert Draws.of(lambda: shows(one), lambda: shows(other), 300).least_epsilon() == 0
    by_truth = Draws.of(lambda: one.measured[0][2] > 0, lambda: other.measured[0][2] > 0, 300)
    assert by_truth.least_epsilon() > 1


def shows(cells: ExactCells) -> bool:
    return "Nan" in [row[0] for row in finish(add_noise(cells)).rows]

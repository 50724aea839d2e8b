from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from questions import VISITS, dataset_of, plan_of

from sandbox.errors import Malformed, NotAnswerable, OverBudget
from sandbox.privacy.accuracy import ASSUMED_ROWS, expected_errors, half_width
from sandbox.privacy.loss import Loss
from sandbox.privacy.plan import ExactCells, NoisyCells, Plan, Statistic, StatisticKind
from sandbox.privacy.post import finish

K = 4


def plan(select: str, *, epsilon: str = "1") -> Plan:
    return plan_of(f"SELECT {select}", dataset_of(VISITS, max_rows=K), epsilon=epsilon)


@pytest.mark.parametrize(
    ("select", "sensitivity"),
    [
        ("COUNT(*) FROM visits", K),
        ("COUNT(cost) FROM visits", K),
        ("COUNT(DISTINCT person_id) FROM visits", 1),
        ("year, COUNT(DISTINCT person_id) FROM visits GROUP BY year", 2),
        ("district, year, COUNT(DISTINCT person_id) FROM visits GROUP BY district, year", K),
        ("SUM(cost) FROM visits", K * 1000),
        ("SUM(change) FROM visits", K * 50),
        ("AVG(cost) FROM visits", K * 500),
        ("AVG(change) FROM visits", K * 35),
    ],
)
def test_sensitivity_follows_from_the_bounds_and_the_kept_rows(select: str, sensitivity: int) -> None:
    assert plan(select).measurements[0].sensitivity == sensitivity


def test_a_count_that_an_average_needs_is_measured_once() -> None:
    made = plan("AVG(cost) AS a, COUNT(cost) AS n FROM visits")
    assert [m.statistic for m in made.measurements] == [
        Statistic(StatisticKind.CENTERED_SUM, "cost"),
        Statistic(StatisticKind.VALUES, "cost"),
    ]


def test_the_measurements_together_stay_within_the_epsilon_and_cost_what_is_charged() -> None:
    made = plan("COUNT(*) AS n, SUM(cost) AS s, SUM(change) AS c FROM visits")
    parts = [m.epsilon for m in made.measurements]
    assert sum(parts) <= made.epsilon
    assert made.loss == Loss(sum(Loss.of_pure(part).picorho for part in parts))


def test_every_combination_of_the_public_domains_is_a_cell() -> None:
    made = plan("district, year, COUNT(*) FROM visits GROUP BY district, year")
    assert made.cells[:3] == (("Bei", 1), ("Bei", 2), ("Dong", 1))
    assert len(made.cells) == 6


def test_too_many_cells_are_refused() -> None:
    wide = {"use": "group_key", "domain": list(range(101))}
    dataset = dataset_of({"person_id": {"use": "unit_id"}, "a": wide, "b": wide})
    with pytest.raises(NotAnswerable) as refusal:
        plan_of("SELECT a, b, COUNT(*) FROM visits GROUP BY a, b", dataset)
    assert refusal.value.code == "too-many-cells"


def test_a_sum_that_one_person_moves_beyond_exact_numbers_is_refused() -> None:
    huge = {"use": "measure", "bounds": ["0", "90000000000000"], "functions": ["sum"]}
    dataset = dataset_of({"person_id": {"use": "unit_id"}, "x": huge}, max_rows=1000)
    with pytest.raises(NotAnswerable) as refusal:
        plan_of("SELECT SUM(x) FROM visits", dataset)
    assert refusal.value.code == "sum-too-large"


def test_noise_that_64_bits_could_not_hold_is_refused() -> None:
    large = {"use": "measure", "bounds": ["0", "9000000000000"], "functions": ["sum"]}
    dataset = dataset_of({"person_id": {"use": "unit_id"}, "x": large}, max_rows=1000)
    assert plan_of("SELECT SUM(x) FROM visits", dataset, epsilon="1").measurements[0].scale > 2**52
    with pytest.raises(NotAnswerable):
        plan_of("SELECT SUM(x) FROM visits", dataset, epsilon="0.01")


def test_an_epsilon_above_the_authorization_is_refused() -> None:
    with pytest.raises(OverBudget):
        plan("COUNT(*) FROM visits", epsilon="10.000001")


@pytest.mark.parametrize("epsilon", ["NaN", "Infinity", "0", "-1", "101"])
def test_what_is_no_epsilon_is_refused(epsilon: str) -> None:
    with pytest.raises(Malformed):
        plan("COUNT(*) FROM visits", epsilon=epsilon)


def test_the_digest_follows_question_and_epsilon() -> None:
    one, other = plan("COUNT(*) FROM visits"), plan("COUNT(*) FROM visits WHERE year = 1")
    assert one.digest == plan("COUNT(*) FROM visits").digest
    assert len({one.digest, other.digest, plan("COUNT(*) FROM visits", epsilon="0.5").digest}) == 3


def test_exact_cells_do_not_show_their_values() -> None:
    assert "4711" not in repr(ExactCells(plan("COUNT(*) FROM visits"), ((4711,),)))


def test_an_answer_has_keys_values_and_intervals_in_the_order_of_the_question() -> None:
    made = plan("SUM(cost) AS s, year, COUNT(*) AS n FROM visits GROUP BY year")
    table = finish(NoisyCells(made, ((12345, -5), (7, -2))))
    sum_width, count_width = map(half_width, made.measurements)
    assert table.columns == ("s", "s_low", "s_high", "year", "n", "n_low", "n_high")
    assert table.rows[0][0] == "1234.5"
    assert list(table.rows[0][3:]) == [1, 7, 7 - count_width, 7 + count_width]
    assert table.rows[1][0] == "-0.5"
    assert Decimal(str(table.rows[0][1])) == Decimal(12345 - sum_width) / 10


def test_an_average_is_the_middle_plus_the_mean_distance_and_stays_within_the_bounds() -> None:
    made = plan("AVG(cost) AS a FROM visits")
    (row,) = finish(NoisyCells(made, ((-1000,), (100,)))).rows
    assert row[0] == "49.000"  # middle 50.0, minus 100.0 over 100 rows
    (beyond,) = finish(NoisyCells(made, ((10**9,), (1,)))).rows
    assert beyond[0] == "100.000"
    assert beyond[2] == "100.000"


def test_an_average_of_nobody_is_empty_and_its_interval_is_the_bounds() -> None:
    made = plan("AVG(change) AS a FROM visits")
    assert finish(NoisyCells(made, ((55,), (0,)))).rows == ((None, "-50.00", "20.00"),)


def test_no_number_of_an_answer_is_a_float() -> None:
    made = plan("district, COUNT(*), SUM(cost), AVG(cost), AVG(change) FROM visits GROUP BY district")
    noisy = NoisyCells(made, tuple((3, 70, 200) for _ in made.measurements))
    assert {type(value) for row in finish(noisy).rows for value in row} <= {int, str, type(None)}


def test_a_dry_run_states_the_expected_error_of_each_aggregate() -> None:
    made = plan("COUNT(*) AS n, SUM(cost) AS s, AVG(cost) AS a FROM visits")
    count, total, average = expected_errors(made)
    assert (count.name, count.note) == ("n", "")
    assert count.half_width == Decimal(half_width(made.measurements[0]))
    assert total.half_width == Decimal(half_width(made.measurements[1])) / 10
    assert 0 < average.half_width < 100
    assert str(ASSUMED_ROWS) in average.note


def test_a_half_width_is_the_least_whole_number_that_holds_often_enough() -> None:
    measurement = replace(plan("COUNT(*) FROM visits").measurements[0], scale=1.0)
    # a = e^-1: P(|X| > 2) = 2 a^3 / (1 + a) = 0.0728, P(|X| > 3) = 0.0268
    assert half_width(measurement, 0.95) == 3

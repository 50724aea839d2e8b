"""What is measured, how far one unit reaches, what it costs, and how the numbers are shown."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from questions import VISITS, dataset_of, plan_of

from sandbox.errors import Malformed, NotAnswerable, OverBudget
from sandbox.privacy.accuracy import ASSUMED_ROWS, epsilon_for, expected_errors
from sandbox.privacy.bound import Sensitivity
from sandbox.privacy.cells import Choice, ExactCells, NoisyCells
from sandbox.privacy.explain import explain
from sandbox.privacy.loss import Loss
from sandbox.privacy.measurement import CONFIDENCE
from sandbox.privacy.mechanism import Mechanism, half_width
from sandbox.privacy.plan import Plan
from sandbox.privacy.post import AnswerTable, finish

K = 4


def plan(select: str, *, epsilon: str = "1", measure: str = "pure") -> Plan:
    return plan_of(f"SELECT {select}", dataset_of(VISITS, max_rows=K), epsilon=epsilon, measure=measure)


def answered(made: Plan, *rows: tuple[int, ...]) -> AnswerTable:
    return finish(NoisyCells(made, rows, ()))


@pytest.mark.parametrize(
    ("select", "l1", "l2_squared"),
    [
        ("COUNT(*) FROM visits", K, K**2),
        ("COUNT(cost) FROM visits", K, K**2),
        ("COUNT(DISTINCT person_id) FROM visits", 1, 1),
        ("year, COUNT(DISTINCT person_id) FROM visits GROUP BY year", 2, 2),
        ("district, year, COUNT(DISTINCT person_id) FROM visits GROUP BY district, year", K, K),
        ("SUM(cost) FROM visits", K * 1000, (K * 1000) ** 2),
        ("SUM(change) FROM visits", K * 50, (K * 50) ** 2),
        ("AVG(cost) FROM visits", K * 500, (K * 500) ** 2),
        ("AVG(change) FROM visits", K * 35, (K * 35) ** 2),
        ("SUM(cost + change) FROM visits", K * 1200, (K * 1200) ** 2),
        ("SUM(CASE WHEN cost > 50 THEN 1 ELSE 0 END) FROM visits", K, K**2),
        ("COUNT(*) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id) AS u", 1, 1),
        ("SUM(n) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id) AS u", K, K**2),
        (
            "COUNT(*) FROM (SELECT cost FROM visits UNION ALL SELECT cost FROM visits) AS u",
            2 * K,
            (2 * K) ** 2,
        ),
    ],
)
def test_sensitivity_follows_from_the_bounds_and_the_kept_rows(select: str, l1: int, l2_squared: int) -> None:
    assert plan(select).measurements[0].sensitivity == Sensitivity(l1, l2_squared)


def test_a_second_moment_is_centered_so_that_a_row_moves_it_by_half_of_its_square_at_most() -> None:
    squares = plan("VAR_POP(cost) FROM visits").measurements[0]
    assert squares.sensitivity.l1 == K * 500**2 // 2


def test_a_count_that_an_average_needs_is_measured_once() -> None:
    made = plan("AVG(cost) AS a, COUNT(cost) AS n FROM visits")
    assert [m.statistic.kind.value for m in made.measurements] == ["sum", "values"]


def test_an_average_and_a_variance_of_one_column_share_what_both_need() -> None:
    assert len(plan("AVG(cost) AS a, VAR_POP(cost) AS v FROM visits").measurements) == 3


def test_an_average_spends_more_on_its_sum_than_on_its_count() -> None:
    total, count = plan("AVG(cost) FROM visits").measurements
    assert total.epsilon > count.epsilon


@pytest.mark.parametrize("select", ["COUNT(*) AS n, SUM(cost) AS s, AVG(change) AS c FROM visits"])
def test_pure_parts_add_up_to_the_epsilon_and_cost_what_is_charged(select: str) -> None:
    made = plan(select)
    parts = [m.epsilon for m in made.measurements]
    assert Decimal("0.999") < sum(parts) <= made.epsilon
    assert made.loss == Loss(sum(Loss.of_pure(part).picorho for part in parts))


def test_zcdp_parts_add_up_to_half_the_square_of_the_epsilon() -> None:
    made = plan("COUNT(*) AS n, SUM(cost) AS s, AVG(change) AS c FROM visits", measure="zcdp")
    assert abs(made.loss.picorho - Loss.of_pure(made.epsilon).picorho) <= len(made.measurements)


def test_noise_is_gaussian_only_where_the_policy_lets_it_and_it_is_smaller() -> None:
    pure, zcdp = (plan("COUNT(*) FROM visits", measure=measure) for measure in ("pure", "zcdp"))
    assert pure.measurements[0].noise.mechanism is Mechanism.LAPLACE
    assert zcdp.measurements[0].noise.mechanism is Mechanism.GAUSSIAN
    assert pure.loss == zcdp.loss
    widths = [half_width(one.measurements[0].noise, CONFIDENCE) for one in (zcdp, pure)]
    assert widths == sorted(widths)


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


def test_totals_of_persons_are_refused_because_they_do_not_add_up() -> None:
    with pytest.raises(NotAnswerable) as refusal:
        plan("district, COUNT(DISTINCT person_id) FROM visits GROUP BY ROLLUP(district)")
    assert refusal.value.code == "totals-do-not-add-up"


def test_exact_cells_do_not_show_their_values() -> None:
    assert "4711" not in repr(ExactCells(plan("COUNT(*) FROM visits"), ((4711,),), ()))


def test_an_answer_has_keys_values_and_intervals_in_the_order_of_the_question() -> None:
    made = plan("SUM(cost) AS s, year, COUNT(*) AS n FROM visits GROUP BY year")
    table = answered(made, (12345, -5), (7, -2))
    sum_width, count_width = (half_width(m.noise, CONFIDENCE) for m in made.measurements)
    assert table.columns == ("s", "s_low", "s_high", "year", "n", "n_low", "n_high")
    assert table.rows[0][0] == "1234.5"
    assert list(table.rows[0][3:]) == [1, 7, 7 - count_width, 7 + count_width]
    assert table.rows[1][0] == "-0.5"
    assert Decimal(str(table.rows[0][1])) == Decimal(12345 - sum_width) / 10


def test_an_average_is_the_middle_plus_the_mean_distance_and_stays_within_the_bounds() -> None:
    made = plan("AVG(cost) AS a FROM visits")
    assert answered(made, (-1000,), (100,)).rows[0][0] == "49.000"  # 50.0 minus 100.0 over 100 rows
    (beyond,) = answered(made, (10**9,), (1,)).rows
    assert (beyond[0], beyond[2]) == ("100.000", "100.000")


def test_an_average_of_nobody_is_empty_and_its_interval_is_the_bounds() -> None:
    made = plan("AVG(change) AS a FROM visits")
    assert answered(made, (55,), (0,)).rows == ((None, "-50.00", "20.00"),)


def test_a_variance_is_the_mean_square_minus_the_squared_mean() -> None:
    made = plan("VAR_POP(change) AS v, STDDEV_POP(change) AS s FROM visits")
    squares, total, count = 4 * 100 - 4 * 612, 0, 4  # distances from -15 of +-10; squares lie around 612
    row = answered(made, (squares,), (total,), (count,)).rows[0]
    assert (row[0], row[3]) == ("100.00", "10.00")


def test_a_ratio_of_sums_is_divided_after_the_noise() -> None:
    made = plan("ROUND(100 * SUM(cost) / COUNT(*), 1) AS r FROM visits")
    assert answered(made, (12345,), (7,)).rows[0][0] == "17635.7"


def test_totals_are_the_sums_of_their_parts() -> None:
    made = plan("district, year, COUNT(*) AS n FROM visits GROUP BY ROLLUP(district, year)")
    rows = answered(made, (1, 2, 3, 4, 5, 6)).rows
    assert {row[:2]: row[2] for row in rows}[None, None] == 21
    assert {row[:2]: row[2] for row in rows}["Dong", None] == 7
    assert len(rows) == 6 + 3 + 1


def test_having_order_and_limit_look_at_the_noisy_numbers() -> None:
    made = plan(
        "district, COUNT(*) AS n FROM visits GROUP BY district HAVING COUNT(*) > 1 ORDER BY n DESC LIMIT 1"
    )
    assert [row[0] for row in answered(made, (5, -3, 9)).rows] == ["Nan"]
    assert answered(made, (0, 0, 1)).rows == ()


def test_a_chosen_quantile_lies_within_its_interval() -> None:
    made = plan("MEDIAN(change) AS m FROM visits")
    table = finish(NoisyCells(made, (), ((Choice(50, 60, 20),),)))
    assert table.rows == (("0.0", "0.0", "0.0"),)  # ends on the wrong side are moved to the value
    table = finish(NoisyCells(made, (), ((Choice(50, 40, 70),),)))
    assert table.rows == (("0.0", "-10.0", "20.0"),)


def test_no_number_of_an_answer_is_a_float() -> None:
    made = plan("district, COUNT(*), SUM(cost), AVG(cost), AVG(change) FROM visits GROUP BY district")
    table = answered(made, *((3, 70, 200) for _ in made.measurements))
    assert {type(value) for row in table.rows for value in row} <= {int, str, type(None)}


def test_a_dry_run_states_the_expected_error_of_each_output() -> None:
    made = plan("COUNT(*) AS n, SUM(cost) AS s, AVG(cost) AS a, MEDIAN(cost) AS m FROM visits")
    count, total, average, median = expected_errors(made)
    assert (count.name, count.note) == ("n", "")
    assert count.half_width == half_width(made.measurements[0].noise, CONFIDENCE)
    assert total.half_width == Decimal(half_width(made.measurements[1].noise, CONFIDENCE)) / 10
    assert average.half_width is not None
    assert 0 < average.half_width < 100
    assert str(ASSUMED_ROWS) in average.note
    assert median.half_width is None
    assert "rows away" in median.note


@pytest.mark.parametrize("target", ["3", "20", "400"])
def test_the_loss_for_a_wished_error_is_the_least_that_reaches_it(target: str) -> None:
    made = plan("COUNT(*) AS n FROM visits")
    found = epsilon_for(made.checked, target=Decimal(target), profiles={})
    errors = [
        expected_errors(plan("COUNT(*) AS n FROM visits", epsilon=str(epsilon)))[0].half_width
        for epsilon in (found, found - Decimal("0.0001"))
    ]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[0] <= Decimal(target) < errors[1]


def test_an_error_out_of_reach_is_refused_with_what_is_reached() -> None:
    made = plan("SUM(cost) AS s FROM visits")
    with pytest.raises(OverBudget) as refusal:
        epsilon_for(made.checked, target=Decimal("0.01"), profiles={})
    assert refusal.value.code == "target-out-of-reach"
    assert "+-" in refusal.value.allowed


def test_a_plan_laid_open_names_bounds_sensitivity_noise_and_loss() -> None:
    document = explain(plan("district, AVG(cost) AS a, MEDIAN(cost) AS m FROM visits GROUP BY district"))
    (total, count), (choice,) = document["measurements"], document["selections"]
    assert total["measures"] == "sum of (visits.cost - 50.0)"
    assert total["interval"] == "[-50.0, 50.0] or NULL"
    assert (total["sensitivity_l1"], count["sensitivity_l1"]) == (K * 500, K)
    assert choice["candidates"] == 501
    assert document["groups"] == 3
    parts = [total, count, choice]
    assert sum(part["picorho"] for part in parts) == document["picorho"]


def test_widths_shown_are_those_of_the_noise_that_is_added() -> None:
    made = plan("COUNT(*) AS n FROM visits")
    scale = made.measurements[0].noise.scale
    assert K <= scale <= K * 1.03
    ratio = math.exp(-1 / scale)
    width = half_width(made.measurements[0].noise, CONFIDENCE)
    assert 2 * ratio ** (width + 1) / (1 + ratio) <= 0.05 < 2 * ratio**width / (1 + ratio)


def test_a_number_may_be_rounded_before_its_point() -> None:
    made = plan("ROUND(SUM(cost), -2) AS s FROM visits")
    assert answered(made, (123456,)).rows[0][0] == 12300

"""Who may ask what now: in which order it is checked, and what a refusal teaches."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.errors import NotAllowed, NotAnswerable, Refusal
from sandbox.policy.check import CheckedQuery, check
from sandbox.policy.load import Policies, load
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.query import describe
from sandbox.query.sql import parse

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANALYST = Actor(
    name="ana",
    groups=frozenset({"analysts", "visits-study"}),
    scopes=frozenset({Scope.QUERY}),
    channel=Channel.NOTEBOOK,
)
STRANGER = Actor(
    name="sam", groups=frozenset({"analysts"}), scopes=frozenset({Scope.QUERY}), channel=Channel.NOTEBOOK
)
COUNT = "SELECT COUNT(*) FROM visits"


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load(Path(__file__).parents[2] / "policies")


def _ask(
    policies: Policies,
    sql: str,
    *,
    authorization: str = "visits-study",
    actor: Actor = ANALYST,
    now: datetime = NOW,
) -> CheckedQuery:
    return check(parse(sql), policies=policies, authorization=authorization, actor=actor, now=now)


def _refusal(
    policies: Policies,
    sql: str,
    *,
    authorization: str = "visits-study",
    actor: Actor = ANALYST,
    now: datetime = NOW,
) -> Refusal:
    with pytest.raises(Refusal) as caught:
        _ask(policies, sql, authorization=authorization, actor=actor, now=now)
    return caught.value


def test_a_checked_question_carries_the_policy_it_is_answered_under(policies: Policies) -> None:
    checked = _ask(
        policies, "SELECT district, AVG(cost), COUNT(DISTINCT person_id) FROM visits GROUP BY district"
    )
    assert checked.dataset.name == "health_visits"
    assert (describe.relation(checked.source), checked.unit.name) == (
        "visits (at most 20 rows of a unit)",
        "person_id",
    )
    assert (checked.authorization.name, checked.population.name) == ("visits-study", "residents")
    assert (checked.actor_name, checked.policy_digest) == ("ana", policies.digest)


def test_only_check_makes_a_checked_question(policies: Policies) -> None:
    made = _ask(policies, COUNT)
    fields = {name: getattr(made, name) for name in CheckedQuery.__slots__}
    with pytest.raises(TypeError, match="only check"):
        CheckedQuery(**fields, proof=object())


def test_values_take_the_type_of_what_they_are_compared_with(policies: Policies) -> None:
    checked = _ask(
        policies,
        COUNT + " WHERE cost > 5 AND cost IN (1, 2.5) AND visit_date >= '2025-01-01' AND sex = 'male'",
    )
    assert checked.where is not None
    assert describe.test(checked.where) == (
        "(visits.cost > 5.00 AND visits.cost IN (1.00, 2.50) AND "
        "visits.visit_date >= DATE '2025-01-01' AND visits.sex = 'male')"
    )


def test_an_authorization_of_others_is_refused_like_one_that_does_not_exist(policies: Policies) -> None:
    others = _refusal(policies, COUNT, actor=STRANGER)
    nobodys = _refusal(policies, COUNT, actor=STRANGER, authorization="no-such")
    assert (others.code, str(others)) == (nobodys.code, str(nobodys))
    assert others.code == "authorization-not-held"


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "authorization-not-begun"),
        (datetime(2028, 1, 1, tzinfo=UTC), "authorization-over"),
    ],
)
def test_a_term_acts_at_the_instant(policies: Policies, now: datetime, code: str) -> None:
    assert _refusal(policies, COUNT, now=now).code == code


@pytest.mark.parametrize(
    "now", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
)
def test_the_first_and_the_last_instant_of_a_term_are_inside(policies: Policies, now: datetime) -> None:
    assert _ask(policies, COUNT, now=now).query == parse(COUNT)


def test_an_ended_authorization_says_when_it_ended(policies: Policies) -> None:
    refusal = _refusal(policies, COUNT, authorization="visits-closed")
    assert "2026-01-01" in refusal.sentence
    assert "data steward" in refusal.allowed


def test_the_order_of_the_checks_is_membership_term_scope_columns(policies: Policies) -> None:
    wrong_in_all = "SELECT COUNT(nothing) FROM elsewhere"
    closed = "visits-closed"
    assert (
        _refusal(policies, wrong_in_all, authorization=closed, actor=STRANGER).code
        == "authorization-not-held"
    )
    assert _refusal(policies, wrong_in_all, authorization=closed).code == "authorization-over"
    assert _refusal(policies, wrong_in_all).code == "table-out-of-scope"
    assert _refusal(policies, "SELECT COUNT(nothing) FROM visits").code == "unknown-column"


def test_a_moment_without_a_time_zone_is_a_fault_of_the_caller(policies: Policies) -> None:
    with pytest.raises(ValueError, match="time zone"):
        _ask(policies, COUNT, now=datetime(2026, 6, 1))  # noqa: DTZ001 - the fault under test


COLUMN_CASES = [
    ("SELECT COUNT(*) FROM people", NotAllowed, "table-out-of-scope", "It opens: visits."),
    ("SELECT SUM(note) FROM visits", NotAllowed, "hidden-column", "opens: age_group, cost"),
    (COUNT + " WHERE note IS NULL", NotAllowed, "hidden-column", "opens: age_group, cost"),
    ("SELECT SUM(costs) FROM visits", NotAnswerable, "unknown-column", "Did you mean cost?"),
    (
        "SELECT distrikt, COUNT(*) FROM visits GROUP BY distrikt",
        NotAnswerable,
        "unknown-column",
        "Did you mean district?",
    ),
    (COUNT + " WHERE zzz = 1", NotAnswerable, "unknown-column", "You may use: age_group"),
    (
        "SELECT cost, COUNT(*) FROM visits GROUP BY cost",
        NotAnswerable,
        "not-a-group-key",
        "age_group, district",
    ),
    (
        "SELECT person_id, COUNT(*) FROM visits GROUP BY person_id",
        NotAllowed,
        "unit-not-usable",
        "COUNT(DISTINCT person_id)",
    ),
    (COUNT + " WHERE person_id = 'P000001'", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    (COUNT + " WHERE person_id IS NULL", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    ("SELECT COUNT(person_id) FROM visits", NotAllowed, "unit-not-usable", "COUNT(*)"),
    ("SELECT SUM(person_id) FROM visits", NotAllowed, "unit-not-usable", "COUNT(*)"),
    ("SELECT COUNT(DISTINCT district) FROM visits", NotAnswerable, "distinct-not-unit", "person_id"),
    ("SELECT COUNT(DISTINCT nothing) FROM visits", NotAnswerable, "unknown-column", "You may use"),
    (
        "SELECT SUM(district) FROM visits",
        NotAllowed,
        "function-not-allowed",
        "COUNT(*), COUNT(DISTINCT person_id)",
    ),
    (
        "SELECT SUM(EXTRACT(year FROM visit_date)) FROM visits",
        NotAllowed,
        "function-not-allowed",
        "AVG(cost)",
    ),
    ("SELECT CORR(cost, cost) FROM visits", NotAllowed, "function-not-allowed", "QUANTILE(cost)"),
    ("SELECT MIN(cost + 1) FROM visits", NotAllowed, "no-extremes", "of the column alone"),
    ("SELECT SUM(1 / cost) FROM visits", NotAnswerable, "could-divide-by-zero", "NULLIF(column, 0)"),
    (
        "SELECT SUM(cost * cost * cost * cost) FROM visits",
        NotAnswerable,
        "could-overflow",
        "smaller factors",
    ),
    ("SELECT SUM(CASE WHEN cost > 5 THEN 1 ELSE 'x' END) FROM visits", NotAnswerable, "mixed-kinds", "all"),
    (COUNT + " WHERE district + 1 > 2", NotAnswerable, "not-a-number", "CASE"),
    (COUNT + " WHERE EXTRACT(year FROM cost) = 2025", NotAnswerable, "not-a-date", "dates"),
    (COUNT + " WHERE 1 / (person_id - 17) > 0", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    (
        "SELECT COUNT(*) FROM visits AS a JOIN visits AS b ON a.person_id = b.person_id",
        NotAnswerable,
        "self-join",
        "per person",
    ),
    (
        "SELECT COUNT(*) FROM visits AS a JOIN visits AS b ON a.district = b.district",
        NotAnswerable,
        "join-not-on-unit",
        "person_id alone",
    ),
    (
        "SELECT COUNT(*) FROM (SELECT district, COUNT(*) AS n FROM visits GROUP BY district) AS d",
        NotAnswerable,
        "not-per-unit",
        "GROUP BY person_id alone",
    ),
    (COUNT + " WHERE cost > '5'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost = 'NaN'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost = TRUE", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost > DATE '2025-01-01'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost > 9223372036854775807", NotAnswerable, "could-overflow", "LEAST"),
    (COUNT + " WHERE visit_date > 5", NotAnswerable, "literal-type", "'2025-01-31'"),
    (COUNT + " WHERE visit_date > 'soon'", NotAnswerable, "sql-literal", "'2025-01-31'"),
    (COUNT + " WHERE visit_date > '2025-02-30'", NotAnswerable, "sql-literal", "'2025-01-31'"),
    (COUNT + " WHERE district = 5", NotAnswerable, "literal-type", "single quotes"),
    (COUNT + " WHERE district < 'Beihe'", NotAnswerable, "not-ordered", "IN"),
    (COUNT + " WHERE district = 'Atlantis'", NotAnswerable, "value-out-of-domain", "Anlan, Beihe"),
    (COUNT + " WHERE NOT (sex IN ('male', 'other'))", NotAnswerable, "value-out-of-domain", "female, male"),
    (COUNT + " WHERE cost > 5 AND (sex = 'male' OR note = 'x')", NotAllowed, "hidden-column", "opens"),
]


@pytest.mark.parametrize("case", COLUMN_CASES, ids=lambda case: case[0])
def test_a_column_is_used_as_its_policy_says_or_refused(
    policies: Policies, case: tuple[str, type[Refusal], str, str]
) -> None:
    sql, kind, code, allowed = case
    refusal = _refusal(policies, sql)
    assert (type(refusal), refusal.code) == (kind, code)
    assert allowed in refusal.allowed


@pytest.mark.parametrize("case", COLUMN_CASES, ids=lambda case: case[0])
def test_a_refusal_never_repeats_a_value_of_the_question(
    policies: Policies, case: tuple[str, type[Refusal], str, str]
) -> None:
    text = str(_refusal(policies, case[0]))
    assert not any(value in text for value in ("P000001", "Atlantis", "5.001", "soon", "'other'"))


def test_a_column_of_the_table_that_is_not_opened_is_out_of_scope(policies: Policies) -> None:
    refusal = _refusal(
        policies,
        "SELECT sex, COUNT(*) FROM visits GROUP BY sex",
        authorization="visits-closed",
        now=datetime(2025, 6, 1, tzinfo=UTC),
    )
    assert (refusal.code, refusal.allowed) == ("column-out-of-scope", "It opens: district, service.")


@pytest.mark.parametrize(
    "sql",
    [
        COUNT + " WHERE cost > 5.001 AND cost > 5.10 AND cost > 5.100 AND cost > -3",
        COUNT + " WHERE cost IS NULL OR district IS NOT NULL",
        COUNT + " WHERE visit_date BETWEEN '2025-01-01' AND DATE '2025-03-31'",
        "SELECT sex, age_group, COUNT(cost), SUM(cost), AVG(cost) FROM visits GROUP BY sex, age_group",
        "SELECT COUNT(visit_date) FROM visits WHERE cost / 3 > 1",
        "SELECT visit_date, COUNT(*) FROM visits GROUP BY visit_date",
        "SELECT BIN(cost, 100) AS b, COUNT(*), MIN(cost), MEDIAN(cost) FROM visits GROUP BY b",
        "SELECT DATE_TRUNC('month', visit_date) AS m, COUNT(*) FROM visits GROUP BY m ORDER BY m LIMIT 3",
        "SELECT AVG(n) FROM (SELECT person_id, COUNT(*) AS n FROM visits GROUP BY person_id) AS u",
    ],
)
def test_what_the_policy_allows_is_checked_without_a_change_of_meaning(policies: Policies, sql: str) -> None:
    assert _ask(policies, sql).query == parse(sql)

"""Who may ask what now: in which order it is checked, and what a refusal teaches."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.errors import NotAllowed, NotAnswerable, Refusal
from sandbox.policy.check import CheckedQuery, check
from sandbox.policy.load import Policies, load
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.query.expr import All, Among, Compare, Operator, Query
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
    assert (checked.table_name, checked.table.max_rows_per_unit) == ("visits", 20)
    assert (checked.authorization.name, checked.population.name) == ("visits-study", "residents")
    assert (checked.actor_name, checked.policy_digest) == ("ana", policies.digest)


def test_only_check_makes_a_checked_question(policies: Policies) -> None:
    made = _ask(policies, COUNT)
    fields = {name: getattr(made, name) for name in CheckedQuery.__slots__}
    with pytest.raises(TypeError, match="only check"):
        CheckedQuery(**fields, proof=object())


def test_values_take_the_type_of_their_column(policies: Policies) -> None:
    checked = _ask(
        policies,
        COUNT + " WHERE cost > 5 AND cost IN (1, 2.5) AND visit_date >= '2025-01-01' AND sex = 'male'",
    )
    assert checked.query.where == All(
        (
            Compare("cost", Operator.GT, Decimal(5)),
            Among("cost", (Decimal(1), Decimal("2.5"))),
            Compare("visit_date", Operator.GE, date(2025, 1, 1)),
            Compare("sex", Operator.EQ, "male"),
        )
    )
    assert isinstance(checked.query.where, All)
    assert isinstance(checked.query.where.parts[0], Compare)
    assert isinstance(checked.query.where.parts[0].literal, Decimal)


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
    (COUNT + " GROUP BY distrikt", NotAnswerable, "unknown-column", "Did you mean district?"),
    (COUNT + " WHERE zzz = 1", NotAnswerable, "unknown-column", "It has: age_group"),
    (COUNT + " GROUP BY cost", NotAnswerable, "not-a-group-key", "age_group, district, service, sex"),
    (COUNT + " GROUP BY visit_date", NotAnswerable, "not-a-group-key", "age_group, district"),
    (COUNT + " GROUP BY person_id", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    (COUNT + " WHERE person_id = 'P000001'", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    (COUNT + " WHERE person_id IS NULL", NotAllowed, "unit-not-usable", "COUNT(DISTINCT person_id)"),
    ("SELECT COUNT(person_id) FROM visits", NotAllowed, "unit-not-usable", "COUNT(*)"),
    ("SELECT SUM(person_id) FROM visits", NotAllowed, "unit-not-usable", "COUNT(*)"),
    ("SELECT COUNT(DISTINCT district) FROM visits", NotAnswerable, "distinct-not-unit", "person_id"),
    ("SELECT COUNT(DISTINCT nothing) FROM visits", NotAnswerable, "unknown-column", "It has"),
    (
        "SELECT SUM(district) FROM visits",
        NotAllowed,
        "function-not-allowed",
        "COUNT(*), COUNT(DISTINCT person_id)",
    ),
    ("SELECT COUNT(visit_date) FROM visits", NotAllowed, "function-not-allowed", "AVG(cost)"),
    (COUNT + " WHERE cost > '5'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost = 'NaN'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost = TRUE", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost > DATE '2025-01-01'", NotAnswerable, "literal-type", "without quotes"),
    (COUNT + " WHERE cost > 5.001", NotAnswerable, "literal-decimals", "2 decimals"),
    (COUNT + " WHERE cost IN (1, 5.001)", NotAnswerable, "literal-decimals", "2 decimals"),
    (COUNT + " WHERE cost > 9223372036854775807", NotAnswerable, "literal-range", "range"),
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
        COUNT + " GROUP BY sex",
        authorization="visits-closed",
        now=datetime(2025, 6, 1, tzinfo=UTC),
    )
    assert (refusal.code, refusal.allowed) == ("column-out-of-scope", "It opens: district, service.")


@pytest.mark.parametrize(
    "sql",
    [
        COUNT + " WHERE cost > 5.10 AND cost > 5.100 AND cost > -3",
        COUNT + " WHERE cost IS NULL OR district IS NOT NULL",
        COUNT + " WHERE visit_date BETWEEN '2025-01-01' AND DATE '2025-03-31'",
        "SELECT COUNT(cost), SUM(cost), AVG(cost) FROM visits GROUP BY sex, age_group",
    ],
)
def test_what_the_policy_allows_is_checked_without_a_change_of_meaning(policies: Policies, sql: str) -> None:
    checked: Query = _ask(policies, sql).query
    assert checked.outputs == parse(sql).outputs
    assert checked.keys == parse(sql).keys

"""Every accepted value means the same to every engine, and makes none of them fail: by experiment.

Made-up values and conditions are printed for the engine's own copy, with the column types it really has,
and held against Python's exact integers on every row: NULLs and the ends of each interval included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from engines import KINDS, Bench, make_bench
from evaluation import truth_of, value_of
from health import kept_tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_terms import SCOPE, TESTS, VALUES
from questions import HEALTH, dataset_with
from reference import raw_rows
from sqlglot import exp

from sandbox.errors import NotAnswerable
from sandbox.policy import terms as typing_of
from sandbox.policy.dataset import EngineKind
from sandbox.query.expr import Arithmetic, Binary, Column, Constant, Predicate, Scalar
from sandbox.query.typed import Term, Test
from sandbox.sources import terms
from sandbox.sources.snapshot import Snapshot
from sandbox.sources.terms import Dialect

DATASET = dataset_with(HEALTH)
AT_ONCE = 12
EXAMPLES = {EngineKind.DUCKDB: 30, EngineKind.POSTGRESQL: 30, EngineKind.SPARK: 3}
"""Statements tried, of up to AT_ONCE values and as many conditions each."""


@dataclass(frozen=True)
class Subject:
    """One engine with its copy, and the rows that are in it."""

    bench: Bench
    snapshot: Snapshot
    rows: Sequence[dict[tuple[str, str], Any]]

    def found(self, asked: Sequence[Term | Test]) -> list[tuple[Any, ...]]:
        """Return the values of each term and test, a list for each row, in the order of ``rows``."""
        dialect = Dialect(self.bench.engines.of(self.bench.kind).dialect)
        columns = [
            terms.term(one, dialect) if isinstance(one, Term) else terms.test(one, dialect) for one in asked
        ]
        select = exp.select(terms.column("visits", "person_id"), *columns).from_("visits")
        rows = self.bench.rows(self.snapshot, select.sql(dialect=dialect.value))
        by_person = {row[0]: row[1:] for row in rows}
        return [by_person[row["visits", "person_id"]] for row in self.rows]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Each engine, with one row a person, so that rows are told apart."""
    bench = make_bench(request.param, request, tmp_path_factory.mktemp("meaning"))
    tables = kept_tables(5, persons=50)
    tables["visits"] = [{**row, "person_id": f"r{number}"} for number, row in enumerate(tables["visits"])]
    raw = {name: raw_rows(table, tables[name]) for name, table in DATASET.tables.items()}
    rows = [{("visits", name): value for name, value in row.items()} for row in tables["visits"]]
    yield Subject(bench, bench.load(DATASET, raw), rows)
    bench.close()


def accepted(scalars: Sequence[Scalar], predicates: Sequence[Predicate]) -> list[Term | Test]:
    """Return those that the policy check lets through, typed."""
    found: list[Term | Test] = []
    for scalar in scalars:
        with suppress(NotAnswerable):
            found.append(typing_of.term_of(scalar, SCOPE))
    for predicate in predicates:
        with suppress(NotAnswerable):
            found.append(typing_of.test_of(predicate, SCOPE))
    return found


def wrong(subject: Subject, asked: Sequence[Term | Test]) -> list[tuple[object, object, object]]:
    """Return each value that an engine and the reference disagree on."""
    expected = [tuple(_reference(one, row) for one in asked) for row in subject.rows]
    return [
        (one, found, right)
        for found_row, right_row in zip(subject.found(asked), expected, strict=True)
        for one, found, right in zip(asked, found_row, right_row, strict=True)
        if found != right or type(found) is not type(right)
    ]


def _reference(one: Term | Test, row: dict[tuple[str, str], Any]) -> object:
    return value_of(one, row) if isinstance(one, Term) else truth_of(one, row)


MANY = st.lists(VALUES, min_size=1, max_size=AT_ONCE), st.lists(TESTS, min_size=1, max_size=AT_ONCE)


def test_engines_and_reference_agree_on_every_accepted_value_and_condition(subject: Subject) -> None:
    tried = 0

    @settings(
        max_examples=EXAMPLES[subject.bench.kind], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(scalars=MANY[0], predicates=MANY[1])
    def holds(scalars: list[Scalar], predicates: list[Predicate]) -> None:
        nonlocal tried
        asked = accepted(scalars, predicates)
        tried += len(asked)
        assert not asked or wrong(subject, asked)[:3] == []

    holds()
    assert tried >= EXAMPLES[subject.bench.kind]


def test_a_division_that_goes_down_instead_of_being_cut_is_found(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def floored(left: exp.Expr, right: exp.Expr, _: object) -> exp.Expr:
        real = exp.Div(this=exp.cast(left, "DOUBLE"), expression=right, typed=True)
        return exp.cast(exp.Floor(this=exp.paren(real)), "BIGINT")

    monkeypatch.setattr(terms, "divided", floored)
    third = typing_of.term_of(Binary(Arithmetic.DIVIDE, Column("debt"), Constant(3)), SCOPE)
    assert wrong(subject, [third])

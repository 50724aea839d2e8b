"""Which rows of a unit each aggregate looks at, and whether they are bounded before WHERE or after.

The bounded copy is as fast as the plain query. Bounding again at query time, after WHERE, sorts every
row of the question, and drops fewer of them; it is possible where the policy lets the copy hold more
rows than one answer looks at, and chosen where the error it predicts is smaller by a fifth or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.policy.aggregates import TypedAggregate
from sandbox.policy.check import CheckedQuery
from sandbox.privacy.aggregate import Recipe, recipe_of
from sandbox.privacy.bound import (
    Bound,
    BoundAfter,
    BoundBefore,
    Profile,
    Setting,
    best_bound,
    candidates_up_to,
    narrowed,
    numbered_table,
)
from sandbox.privacy.share import share
from sandbox.query.expr import Aggregate, Function
from sandbox.query.fields import fields_in
from sandbox.query.typed import Base, Relation, max_rows_of

WORTH_SORTING = 0.64
"""Squared error, against the copy's, below which bounding after WHERE is worth its time: 0.8 squared."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """Where rows are read from, and how many of a unit each aggregate looks at."""

    source: Relation
    bounds: Mapping[Aggregate, int]


def choose(
    checked: CheckedQuery, profiles: Mapping[str, Profile], *, groups: int, epsilon: float
) -> Strategy:
    """Return the strategy with the smallest predicted error, by policy and registration profile alone.

    Where rows of a unit are combined (sub-queries per unit, joins of private tables, UNION ALL), or the
    table has no profile, every aggregate looks at as many rows as the policy allows.
    """
    table = numbered_table(checked.source)
    profile = None if table is None else profiles.get(table.name)
    if table is None or profile is None:
        return Strategy(checked.source, dict.fromkeys(checked.aggregates, max_rows_of(checked.source)))
    setting = Setting(groups=groups, epsilon=epsilon / len(checked.aggregates))
    before = {
        aggregate: _best(one, table, BoundBefore(profile, share(checked.where) * share(one.where)), setting)
        for aggregate, one in checked.aggregates.items()
    }
    if not _may_bound_after(checked, table):
        return _strategy(checked, before)
    after = {
        aggregate: _best(one, table, BoundAfter(profile, share(checked.where)), setting)
        for aggregate, one in checked.aggregates.items()
    }
    better = all(after[key].error <= WORTH_SORTING * before[key].error for key in before)
    return _strategy(checked, after, after=True) if better else _strategy(checked, before)


def _best(one: TypedAggregate, table: Base, rows: BoundBefore | BoundAfter, setting: Setting) -> Bound:
    return best_bound(_likeness(one, table.max_rows), rows, candidates_up_to(table.max_rows), setting)


def _likeness(one: TypedAggregate, rows: int) -> Recipe:
    """Return the recipe whose error stands for the aggregate's; a quantile is weighed as an average."""
    if one.function is not Function.QUANTILE:
        return recipe_of(one, max_rows=rows)
    return recipe_of(TypedAggregate(Function.AVG, one.terms, one.where, None), max_rows=rows)


def _may_bound_after(checked: CheckedQuery, table: Base) -> bool:
    """Tell whether WHERE is a test of the table's own fields, and the copy holds rows to choose from."""
    if checked.where is None or table.stored_rows <= table.max_rows:
        return False
    return {field.source for field in fields_in(checked.where)} == {table.alias}


def _strategy(checked: CheckedQuery, found: Mapping[Aggregate, Bound], *, after: bool = False) -> Strategy:
    bounds = {aggregate: bound.rows for aggregate, bound in found.items()}
    source = narrowed(checked.source, max(bounds.values()), after=checked.where if after else None)
    return Strategy(source, bounds)

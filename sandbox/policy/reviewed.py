"""May this question have a reviewed answer: exact, and shown to nobody before people have approved it?

Besides the dataset and the authorization, its form decides. A reviewed answer is checked cell by cell, so
each of its numbers must be one that can be checked: a plain aggregate of a column as it is, over rows that
are nobody's combination, in groups that are public and shown whether or not anybody is in them. Two
columns that differ for a few persons only (by FILTER, CASE or a sub-query) would tell of these few by
their difference, within one table, however large each of them is.

All of it looks at the question and the policy only, as :mod:`sandbox.policy.check` does.
"""

from __future__ import annotations

from typing import Final

from sandbox.errors import NotAllowed, NotAnswerable
from sandbox.policy.aggregates import TypedAggregate
from sandbox.policy.check import CheckedQuery
from sandbox.query.expr import Aggregate, Function, Output
from sandbox.query.typed import Base, Field, Joined, Relation, unit_of

PLAIN: Final = frozenset({Function.COUNT_ROWS, Function.COUNT_VALUES, Function.COUNT_UNITS})
SPREADS: Final = frozenset({Function.VAR_SAMP, Function.VAR_POP, Function.STDDEV_SAMP, Function.STDDEV_POP})
ANSWERED: Final = PLAIN | SPREADS | {Function.SUM, Function.AVG}
"""What a reviewed answer may show."""
_INSTEAD: Final = "Ask for COUNT, SUM, AVG, VAR or STDDEV, or leave mode out and ask with noise."


def require_reviewed(checked: CheckedQuery) -> None:
    """Return if ``checked`` may have a reviewed answer.

    Raises:
        NotAllowed: the dataset or the authorization gives none.
        NotAnswerable: the question has a form that cannot be checked cell by cell.
    """
    _require_opened(checked)
    _require_one_table(checked.source)
    _require_plain_shape(checked)
    for output in checked.query.outputs:
        if isinstance(output, Output):
            if not isinstance(output.formula, Aggregate):
                raise NotAnswerable(
                    "reviewed-formula",
                    f"{output.name} is computed from aggregates, which a reviewed answer does not do.",
                    allowed="Ask for the aggregates themselves, and compute with the released table.",
                )
            _require_plain(checked.aggregates[output.formula])


def _require_opened(checked: CheckedQuery) -> None:
    if not checked.dataset.reviewed:
        raise NotAllowed(
            "reviewed-closed",
            f"The dataset {checked.dataset.name} gives differentially private answers only.",
            allowed="Leave mode out; the answer then comes at once, with noise.",
        )
    if not checked.authorization.reviewed_answers:
        raise NotAllowed(
            "reviewed-closed",
            f"The authorization {checked.authorization.name} does not open reviewed answers.",
            allowed="Leave mode out, or ask the data steward for an authorization with reviewed_answers.",
        )


def _require_one_table(source: Relation) -> None:
    match source:
        case Base() if source.unit is not None:
            return
        case Joined() if unit_of(source.right) is None:
            _require_one_table(source.left)
        case _:
            raise NotAnswerable(
                "reviewed-source",
                "A reviewed answer reads one table, alone or joined with public tables.",
                allowed="Ask of the table itself, or leave mode out and ask with noise.",
            )


def _require_plain_shape(checked: CheckedQuery) -> None:
    query = checked.query
    if query.having is not None or query.order or query.limit is not None:
        raise NotAnswerable(
            "reviewed-shape",
            "HAVING, ORDER BY and LIMIT would show which groups are large before anybody has approved it.",
            allowed="Leave them out: every public group is in a reviewed answer, sorted by key.",
        )
    if checked.unlisted:
        raise NotAnswerable(
            "reviewed-keys",
            "A reviewed answer groups by public values only, since its number of rows is told at once.",
            allowed="Group by keys whose values the catalogue lists, or leave mode out.",
        )
    finest = set(range(len(query.keys)))
    if query.sets and finest not in map(set, query.sets):
        raise NotAnswerable(
            "reviewed-totals",
            "Totals without the groups they are made of cannot be checked against each other.",
            allowed="Use ROLLUP or CUBE, or add the set of all keys to GROUPING SETS.",
        )


def _require_plain(aggregate: TypedAggregate) -> None:
    if aggregate.function not in ANSWERED:
        what = "an exact quantile is one person's value"
        if aggregate.function is not Function.QUANTILE:
            what = "what two columns have in common cannot be checked cell by cell"
        raise NotAnswerable(
            "reviewed-aggregate", f"A reviewed answer does not show this: {what}.", allowed=_INSTEAD
        )
    if aggregate.where is not None:
        raise NotAnswerable(
            "reviewed-filter",
            "With FILTER, two columns of one table may differ by a few persons.",
            allowed="Write the condition in WHERE, and ask for each table apart.",
        )
    if not all(isinstance(term, Field) for term in aggregate.terms):
        raise NotAnswerable(
            "reviewed-expression",
            "A reviewed answer aggregates columns as they are; two expressions may differ by a few persons.",
            allowed="Name a column alone inside the aggregate.",
        )

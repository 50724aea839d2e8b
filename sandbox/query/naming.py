"""Names of the columns of an answer: as written with AS, else made of what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable
from sandbox.query.aggregate import MEDIAN
from sandbox.query.expr import Aggregate, Call, Column, Constant, Formula, Function, Scalar
from sandbox.query.teach import lesson, name_of, only

INTERVAL_SUFFIXES: Final = ("", "_low", "_high")
"""Each noisy output gives three columns of the answer."""
MAX_NAME: Final = 63
"""Characters of a name, as PostgreSQL has it."""

_WORDS: Final = {
    Function.COUNT_ROWS: "count",
    Function.COUNT_VALUES: "count",
    Function.COUNT_UNITS: "count",
}


def written_name(node: object) -> tuple[str | None, exp.Expr]:
    """Return the name that AS gives, None if none does, and what is named.

    Raises:
        Refusal: the name is not one that can be given.
    """
    if isinstance(node, exp.Alias):
        only(node, "this", "alias")
        return name_of(node.args.get("alias")), node.this
    if not isinstance(node, exp.Expr):
        raise lesson(node)
    return None, node


def default_name(value: Formula | Scalar) -> tuple[str, bool]:
    """Return the name of an output without AS, and whether it stands for this value alone.

    A name that does not is numbered where it is taken.
    """
    match value:
        case Column(name):
            return name, True
        case Aggregate(_, arguments, where):
            plain = all(isinstance(argument, Column) for argument in arguments)
            words = [_word(value), *(argument.name for argument in arguments if isinstance(argument, Column))]
            return "_".join(words if plain else words[:1])[:MAX_NAME], plain and where is None
        case Call(function, arguments, part):
            columns = [argument for argument in arguments if not isinstance(argument, Constant)]
            if len(columns) == 1 and isinstance(columns[0], Column):
                word = function.value if part is None else part.value
                return f"{word}_{columns[0].name}"[:MAX_NAME], False
            return "key", False
        case _:
            return "", False


def numbered(names: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the names, those that do not stand for one value alone numbered where they are taken."""
    taken = {name for name, fixed in names if fixed}
    result = []
    for name, fixed in names:
        free, number = name, 2
        while not fixed and free in taken:
            free, number = f"{name[: MAX_NAME - 4]}_{number}", number + 1
        taken.add(free)
        result.append(free)
    return result


def distinct_names(names: Sequence[tuple[str, bool]]) -> None:
    """Require that all columns of the answer have different names; True marks a noisy one.

    Raises:
        NotAnswerable: two have the same.
    """
    columns = [name + suffix for name, noisy in names for suffix in (INTERVAL_SUFFIXES if noisy else ("",))]
    if len(set(columns)) < len(columns):
        raise NotAnswerable(
            "sql-duplicate-name",
            "Two columns of the answer have one name; an aggregate also gives name_low and name_high.",
            allowed="Give each a name of its own with AS.",
        )


def _word(aggregate: Aggregate) -> str:
    if aggregate.function is Function.QUANTILE and aggregate.fraction == MEDIAN:
        return "median"
    return _WORDS.get(aggregate.function, aggregate.function.value)

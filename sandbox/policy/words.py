"""What may be asked of a value: no more than of every column that it is computed from.

Columns in the condition of a CASE or FILTER only choose rows, as WHERE does, and need be opened only.
"""

from __future__ import annotations

from sandbox.errors import NotAllowed
from sandbox.policy.scope import WORDS, Scope, offer
from sandbox.query.expr import Binary, Call, Case, Column, Scalar


def words_in(scalar: Scalar | None, scope: Scope) -> frozenset[str]:
    """Return what aggregates of ``scalar`` may be asked for; None is the row itself."""
    words = WORDS
    for column in _value_columns(scalar):
        words &= scope.value(column).words
    return words


def require_word(word: str, scalar: Scalar, scope: Scope) -> None:
    """Require that an aggregate of ``scalar`` may be asked for.

    Raises:
        NotAllowed: of one column that it is computed from, it may not.
    """
    for column in _value_columns(scalar):
        if word not in scope.value(column).words:
            offers = ["COUNT(*)", f"COUNT(DISTINCT {scope.unit_name()})", *scope.offers()]
            raise NotAllowed(
                "function-not-allowed",
                f"{word.upper()} of {column.name} is not allowed.",
                allowed=offer("You may ask for", offers),
            )


def _value_columns(scalar: Scalar | None) -> list[Column]:
    match scalar:
        case Column():
            return [scalar]
        case Binary(_, left, right):
            return [*_value_columns(left), *_value_columns(right)]
        case Call():
            return [column for argument in scalar.arguments for column in _value_columns(argument)]
        case Case(branches, otherwise):
            results = [*(then for _, then in branches), otherwise]
            return [column for result in results for column in _value_columns(result)]
        case _:
            return []

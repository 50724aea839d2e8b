"""GROUP BY: which expressions are keys, and which sets of them (ROLLUP, CUBE, GROUPING SETS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations, product
from math import prod
from typing import Final

from sqlglot import exp

from sandbox.errors import NotAnswerable
from sandbox.query.digest import same_scalar
from sandbox.query.expr import Scalar
from sandbox.query.literal import inside
from sandbox.query.teach import lesson, only, too_large

MAX_KEYS: Final = 8
"""Keys of one question; with 10 values each, eight keys already make 10^8 groups."""
MAX_SETS: Final = 64
"""Grouping sets of one question: CUBE of six keys."""

_Set = tuple[object, ...]
_CONSTRUCTS: Final = (exp.Rollup, exp.Cube, exp.GroupingSets)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The keys of a question and its sets of them, as in :class:`~sandbox.query.expr.Query`."""

    keys: tuple[Scalar, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()

    def index(self, scalar: Scalar) -> int | None:
        """Return which key ``scalar`` is, None if it is none."""
        for index, key in enumerate(self.keys):
            if same_scalar(key, scalar):
                return index
        return None


def read_grouping(group: object, read_key: Callable[[object], Scalar]) -> Grouping:
    """Return the keys and sets that a GROUP BY clause states; ``read_key`` reads one item of it.

    The sets stand with the finest first, else in written order; the keys in the order in which the
    sets name them.

    Raises:
        Refusal: a form that is not supported, or more than :data:`MAX_KEYS` or :data:`MAX_SETS`.
    """
    if group is None:
        return Grouping()
    if type(group) is not exp.Group:
        raise lesson(group)
    only(group, "expressions")
    if not group.expressions:
        raise NotAnswerable(
            "sql-group-by", "GROUP BY names no key.", allowed="Name columns, or leave it out."
        )
    alternatives = [_sets(node) for node in group.expressions]
    _not_too_many(prod(map(len, alternatives)))
    written = [tuple(chain.from_iterable(choice)) for choice in product(*alternatives)]
    plain = not any(isinstance(node, _CONSTRUCTS) for node in group.expressions)
    keys: list[Scalar] = []
    found: dict[int, int] = {}
    sets = [
        tuple(sorted(_number(item, keys, found, read_key) for item in items)) for items in _finest(written)
    ]
    if any(len(set(indices)) < len(indices) for indices in sets) or len(set(sets)) < len(sets):
        raise NotAnswerable(
            "sql-group-by", "A key or a set of keys stands twice in GROUP BY.", allowed="Name it once."
        )
    if plain or sets == [tuple(range(len(keys)))]:
        return Grouping(tuple(keys))
    return Grouping(tuple(keys), tuple(sets))


def _finest(written: list[_Set]) -> list[_Set]:
    return sorted(written, key=len, reverse=True)


def _not_too_many(sets: int) -> None:
    if sets > MAX_SETS:
        raise too_large(f"GROUP BY makes at most {MAX_SETS} sets of keys.")


def _number(
    node: object, keys: list[Scalar], found: dict[int, int], read_key: Callable[[object], Scalar]
) -> int:
    # CUBE names one item in many sets: it is read once.
    if id(node) not in found:
        key = read_key(node)
        index = Grouping(tuple(keys)).index(key)
        if index is None:
            index = len(keys)
            keys.append(key)
        if len(keys) > MAX_KEYS:
            raise too_large(f"A question has at most {MAX_KEYS} keys.")
        found[id(node)] = index
    return found[id(node)]


def _sets(node: object) -> list[_Set]:
    match node:
        case exp.Rollup():
            only(node, "expressions")
            items = [_items(item) for item in node.expressions]
            return [_flat(items[:length]) for length in range(len(items), -1, -1)]
        case exp.Cube():
            only(node, "expressions")
            items = [_items(item) for item in node.expressions]
            _not_too_many(2 ** min(len(items), MAX_SETS))
            sizes = range(len(items), -1, -1)
            return [_flat(some) for size in sizes for some in combinations(items, size)]
        case exp.GroupingSets():
            only(node, "expressions")
            return [one for item in node.expressions for one in _sets(item)]
        case _:
            return [_items(node)]


def _items(node: object) -> _Set:
    node = inside(node)
    if type(node) is exp.Tuple:
        only(node, "expressions")
        return tuple(map(inside, node.expressions))
    return (node,)


def _flat(items: list[_Set] | tuple[_Set, ...]) -> _Set:
    return tuple(chain.from_iterable(items))

"""The sentences that answer SQL which is not asked here.

What is accepted is decided elsewhere, by allow-list (:mod:`sandbox.query.sql`,
:mod:`sandbox.query.predicate`): whatever has no sentence of its own in these tables is refused all
the same, with a general one. A sentence never repeats the question, which may hold a person's name.
"""

from __future__ import annotations

import re

from sqlglot import exp

from sandbox.errors import Malformed, NotAnswerable, Refusal

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")

AGGREGATES = "Ask for COUNT(*), COUNT(column), COUNT(DISTINCT unit), SUM(column) or AVG(column)."
CONDITIONS = (
    "Compare one column with one value (= <> < <= > >=), use IN, BETWEEN or IS NULL, "
    "and join such conditions by AND, OR, NOT."
)
SHAPE = "Write SELECT keys and aggregates FROM table WHERE conditions GROUP BY keys."

Lesson = tuple[str, str, str]
"""Code of the refusal, what is wrong, what would be allowed."""

_LATER = "Leave it out and {} the answer in pandas: what is done to an answer costs nothing."
_PARTS: dict[str, Lesson] = {
    "having": ("sql-having", "HAVING is not supported yet.", _LATER.format("filter")),
    "order": ("sql-order-by", "ORDER BY is not supported yet.", _LATER.format("sort")),
    "sort": ("sql-order-by", "SORT BY is not supported.", _LATER.format("sort")),
    "limit": ("sql-limit", "LIMIT is not supported yet.", _LATER.format("sort and cut")),
    "offset": ("sql-limit", "OFFSET is not supported.", _LATER.format("sort and cut")),
    "distinct": (
        "sql-distinct",
        "SELECT DISTINCT would list the values that occur, which tells of single rows.",
        "GROUP BY the column: every value of its public domain appears, with a count.",
    ),
    "joins": ("sql-join", "More than one table is not supported yet.", "Ask one table at a time."),
    "laterals": ("sql-join", "LATERAL is not supported.", "Ask one table at a time."),
    "with_": ("sql-cte", "WITH is not supported yet.", SHAPE),
    "qualify": ("sql-window", "QUALIFY works on rows, and rows never leave.", SHAPE),
    "windows": ("sql-window", "WINDOW works on rows, and rows never leave.", SHAPE),
    "sample": (
        "sql-sample",
        "Sampling is not supported: it makes no answer cheaper here.",
        "Ask the whole table.",
    ),
    "into": ("sql-write", "A question writes nothing, so SELECT INTO has no place.", SHAPE),
    "hint": ("sql-comment", "Hints are not accepted.", "Leave the hint out."),
    "filter": ("sql-filter", "FILTER is not supported yet.", "Ask a second question with that WHERE."),
    "query": (
        "sql-subquery",
        "A query inside a query is not supported yet.",
        "Write the values themselves, as in IN ('a', 'b').",
    ),
    "db": ("sql-name", "A table is named without a schema here.", "Write the table's name alone."),
    "catalog": ("sql-name", "A table is named without a database here.", "Write the table's name alone."),
    "rollup": (
        "sql-group-by",
        "ROLLUP is not supported yet.",
        "Name the columns, and ask once for each set.",
    ),
    "cube": ("sql-group-by", "CUBE is not supported yet.", "Name the columns, and ask once for each set."),
    "grouping_sets": ("sql-group-by", "GROUPING SETS is not supported yet.", "Ask once for each set."),
    "all": ("sql-group-by", "GROUP BY ALL is not supported.", "Name the columns to group by."),
    "symmetric": ("sql-condition", "BETWEEN SYMMETRIC is not supported.", "Write the smaller value first."),
}

_SUBQUERY: Lesson = ("sql-subquery", "A query inside a query is not supported yet.", SHAPE)
_WINDOW: Lesson = ("sql-window", "Window functions work on rows, and rows never leave.", SHAPE)
_VALUE: Lesson = (
    "sql-literal",
    "A value must stand where a placeholder does.",
    "Write the value itself, as in 5 or 'text'.",
)
_PATTERN: Lesson = (
    "sql-pattern",
    "Patterns (LIKE, regular expressions) are not supported yet.",
    "List the values, as in IN ('a', 'b').",
)
_CLASSES: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Lesson], ...] = (
    ((exp.Subquery, exp.Select, exp.Exists, exp.SetOperation), _SUBQUERY),
    ((exp.Window,), _WINDOW),
    ((exp.Filter,), _PARTS["filter"]),
    ((exp.Rollup,), _PARTS["rollup"]),
    ((exp.Cube,), _PARTS["cube"]),
    ((exp.GroupingSets,), _PARTS["grouping_sets"]),
    ((exp.Placeholder, exp.Parameter, exp.SessionParameter), _VALUE),
    ((exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.Glob), _PATTERN),
    ((exp.Case, exp.If), ("sql-case", "CASE is not supported yet.", "Ask one question for each case.")),
    (
        (exp.Star,),
        ("row-output", "SELECT * would show rows, and rows never leave.", AGGREGATES),
    ),
    (
        (exp.Anonymous,),
        ("sql-function", "A function that is not known here is never called.", AGGREGATES),
    ),
    ((exp.AggFunc,), ("sql-function", "That aggregate is not supported yet.", AGGREGATES)),
    (
        (exp.Cast, exp.TryCast),
        (
            "sql-cast",
            "Columns are compared as they are, without a cast.",
            "Write a date as DATE '2025-01-31'.",
        ),
    ),
    (
        (exp.Connector, exp.Predicate, exp.Not),
        ("sql-condition", "A condition of this form is not supported here.", CONDITIONS),
    ),
    (
        (exp.Binary, exp.Neg, exp.Paren),
        (
            "sql-expression",
            "Arithmetic inside a question is not supported yet.",
            "Compute with the answer in pandas.",
        ),
    ),
    ((exp.Func,), ("sql-function", "Functions of values are not supported yet.", AGGREGATES)),
)


def lesson(node: object) -> Refusal:
    """Return the refusal of a piece of SQL that is not on the allow-list at its place."""
    for classes, (code, sentence, allowed) in _CLASSES:
        if isinstance(node, classes):
            return NotAnswerable(code, sentence, allowed=allowed)
    return NotAnswerable("sql-unsupported", "This part of SQL is not supported.", allowed=SHAPE)


def only(node: exp.Expr, *parts: str) -> None:
    """Require that of all a node may hold, nothing but ``parts`` is set.

    Raises:
        NotAnswerable: something else is set.
    """
    for part, value in node.args.items():
        if part in parts or value is None or value is False or value == []:
            continue
        code, sentence, allowed = _PARTS.get(
            part, ("sql-unsupported", "This part of SQL is not supported.", SHAPE)
        )
        raise NotAnswerable(code, sentence, allowed=allowed)


def name_of(node: object) -> str:
    """Return the lower-case name that an unquoted identifier spells.

    Raises:
        NotAnswerable: it is not an identifier, or a quoted one: a quoted name may be a file.
        Malformed: it is no name that a policy can give.
    """
    if not isinstance(node, exp.Identifier):
        raise lesson(node)
    only(node, "this", "quoted")
    if node.args.get("quoted"):
        raise NotAnswerable(
            "sql-quoted-name",
            "Names in double quotes and file names are not accepted.",
            allowed="Write the name without quotes; a text value stands in single quotes.",
        )
    text = node.this
    if not isinstance(text, str) or NAME.fullmatch(text) is None:
        raise Malformed(
            "sql-name",
            "A name here has a letter first, then letters, digits or _, at most 63, all ASCII.",
            allowed="Look the names up in the catalogue.",
        )
    return text.lower()

"""The sentences that answer SQL which is not asked here.

What is accepted is decided elsewhere, by allow-list (:mod:`sandbox.query.sql` and the readers it
calls): whatever has no sentence of its own in these tables is refused all the same, with a general
one. A sentence never repeats the question, which may hold a person's name.
"""

from __future__ import annotations

import re

from sqlglot import exp

from sandbox.errors import Malformed, NotAnswerable, Refusal

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")

AGGREGATES = (
    "Ask for COUNT(*), COUNT, SUM, AVG, MIN, MAX, MEDIAN, QUANTILE, VAR_SAMP, STDDEV_SAMP, CORR or "
    "REGR_SLOPE of values, or COUNT(DISTINCT unit)."
)
CONDITIONS = (
    "Compare values (= <> < <= > >=), use IN, BETWEEN, LIKE or IS NULL, "
    "and join such conditions by AND, OR, NOT."
)
FORMULAS = "Write as in ROUND(SUM(cost) / COUNT(*), 2); everything else is free of charge in pandas."
FUNCTIONS = (
    "Known are + - * / %, ABS, SIGN, FLOOR, CEIL, ROUND, LEAST, GREATEST, COALESCE, NULLIF, POWER, BIN, "
    "CASE, IF, DATE_TRUNC, EXTRACT, DATEDIFF."
)
JOINS = "Write JOIN table ON left.column = right.column, or LEFT JOIN, or USING (column)."
SHAPE = "Write SELECT keys and aggregates FROM table WHERE conditions GROUP BY keys."
SUBQUERIES = (
    "Write (SELECT values FROM table WHERE conditions) AS name, with GROUP BY unit for one row of each unit, "
    "or UNION ALL of such."
)

Lesson = tuple[str, str, str]
"""Code of the refusal, what is wrong, what would be allowed."""

_CUT = "Write ORDER BY and LIMIT once, at the end of the question: they sort and cut the noisy answer."
_SETS: Lesson = ("sql-group-by", "Totals are asked for otherwise.", "Write GROUP BY ROLLUP (a, b).")
_PARTS: dict[str, Lesson] = {
    "sort": ("sql-order-by", "SORT BY is not supported.", _CUT),
    "having": ("sql-having", "HAVING has no place inside a sub-query.", SUBQUERIES),
    "order": ("sql-order-by", "ORDER BY has no place here, where it would sort rows.", _CUT),
    "limit": ("sql-limit", "LIMIT inside a sub-query would choose rows, and which ones tells of them.", _CUT),
    "offset": ("sql-limit", "OFFSET is not supported.", "Cut the answer in pandas, free of charge."),
    "limit_options": ("sql-limit", "LIMIT takes a number of rows.", _CUT),
    "distinct": (
        "sql-distinct",
        "SELECT DISTINCT would list the values that occur, which tells of single rows.",
        "GROUP BY the column: every value of its public domain appears, with a count.",
    ),
    "laterals": ("sql-join", "LATERAL is not supported.", JOINS),
    "joins": ("sql-join", "Tables are joined one after the other, without brackets around joins.", JOINS),
    "method": ("sql-join", "NATURAL, ASOF and POSITIONAL joins are not supported.", JOINS),
    "with_": ("sql-cte", "WITH has no place here.", "Write WITH at the start of the question."),
    "recursive": ("sql-cte", "WITH RECURSIVE has no bound on the rows of one unit.", SUBQUERIES),
    "columns": ("sql-name", "Columns are not renamed after an alias.", "Name each column with AS."),
    "qualify": ("sql-window", "QUALIFY works on rows, and rows never leave.", SHAPE),
    "windows": ("sql-window", "WINDOW works on rows, and rows never leave.", SHAPE),
    "sample": (
        "sql-sample",
        "Sampling is not supported: it makes no answer cheaper here.",
        "Ask the whole table.",
    ),
    "into": ("sql-write", "A question writes nothing, so SELECT INTO has no place.", SHAPE),
    "hint": ("sql-comment", "Hints are not accepted.", "Leave the hint out."),
    "pivots": (
        "sql-pivot",
        "PIVOT is not supported.",
        "GROUP BY the column, and pivot the answer in pandas.",
    ),
    "query": (
        "sql-subquery",
        "A query inside a condition or a value is not supported.",
        "Write the values themselves, as in IN ('a', 'b'), or join a public table.",
    ),
    "unnest": ("sql-subquery", "IN takes values.", "Write the values themselves, as in IN ('a', 'b')."),
    "db": ("sql-name", "A table is named without a schema here.", "Write the table's name alone."),
    "catalog": ("sql-name", "A table is named without a database here.", "Write the table's name alone."),
    "rollup": _SETS,
    "cube": _SETS,
    "totals": _SETS,
    "all": ("sql-group-by", "GROUP BY ALL is not supported.", "Name the columns to group by."),
    "symmetric": ("sql-condition", "BETWEEN SYMMETRIC is not supported.", "Write the smaller value first."),
    "by_name": ("sql-union", "UNION ALL BY NAME is not supported.", "Write the columns in the same order."),
    "except_": ("sql-star", "Columns are not left out of *.", "Name the columns."),
    "replace": ("sql-star", "Columns are not replaced in *.", "Name the columns."),
    "rename": ("sql-star", "Columns are not renamed in *.", "Name the columns."),
    "ignore_nulls": ("sql-function", "IGNORE NULLS is not supported.", "Every aggregate leaves NULLs out."),
}

_CLOCKS = {"now", "getdate", "sysdate", "get_current_timestamp", "transaction_timestamp"}
"""Functions that the library does not know as what they are."""
_CLASSES: tuple[tuple[tuple[type[exp.Expr], ...], Lesson], ...] = (
    ((exp.Except, exp.Intersect), ("sql-union", "EXCEPT and INTERSECT compare rows one by one.", SUBQUERIES)),
    (
        (exp.Union,),
        (
            "sql-union",
            "UNION has no place here.",
            "Put UNION ALL into a sub-query: FROM (... UNION ALL ...).",
        ),
    ),
    ((exp.Subquery, exp.Select, exp.Exists, exp.Any, exp.All), _PARTS["query"]),
    ((exp.Window,), ("sql-window", "Window functions work on rows, and rows never leave.", SHAPE)),
    (
        (exp.Values, exp.Unnest, exp.TableFromRows),
        (
            "sql-table-function",
            "Rows are not written into a question.",
            "Ask for a table that the catalogue names.",
        ),
    ),
    ((exp.Lateral,), _PARTS["laterals"]),
    (
        (exp.Filter,),
        ("sql-filter", "FILTER belongs to an aggregate.", "Write COUNT(*) FILTER (WHERE cost > 10)."),
    ),
    (
        (exp.Placeholder, exp.Parameter, exp.SessionParameter),
        (
            "sql-literal",
            "A value must stand where a placeholder does.",
            "Write the value itself, as in 5 or 'text'.",
        ),
    ),
    (
        (exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.Glob, exp.Escape),
        (
            "sql-pattern",
            "Of patterns only LIKE is supported, without ESCAPE.",
            "Write name LIKE 'A%', or list the values, as in IN ('a', 'b').",
        ),
    ),
    ((exp.Star,), ("row-output", "SELECT * would show rows, and rows never leave.", AGGREGATES)),
    (
        (
            *(exp.DPipe, exp.Concat, exp.ConcatWs, exp.Substring, exp.Lower, exp.Upper, exp.Trim, exp.Length),
            *(exp.Left, exp.Right, exp.Replace, exp.Reverse, exp.SplitPart, exp.StrPosition, exp.TimeToStr),
            *(exp.RegexpExtract, exp.RegexpReplace, exp.Initcap, exp.Chr, exp.Pad, exp.Repeat),
            *(exp.StartsWith, exp.EndsWith, exp.Contains, exp.Dayname, exp.Monthname, exp.Unicode),
        ),
        (
            "sql-text",
            "Texts are compared as they are; none is built, cut or changed.",
            "Use =, IN or LIKE with a text as it is stored, or CASE to name groups.",
        ),
    ),
    (
        (
            *(exp.Rand, exp.Randn, exp.Uuid, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp),
            *(exp.CurrentUser, exp.Localtime, exp.Localtimestamp),
        ),
        (
            "sql-volatile",
            "A function whose value changes from call to call is not called.",
            "Write the date itself, as in DATE '2025-01-31'.",
        ),
    ),
    (
        (exp.Interval, exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TimestampSub, exp.LastDay),
        (
            "sql-interval",
            "Intervals are not added to dates.",
            "Write the date itself, or count days: visit_date - DATE '2025-01-01' < 30.",
        ),
    ),
    (
        (exp.Bracket, exp.Dot, exp.JSONExtract, exp.JSONExtractScalar, exp.Array, exp.Struct, exp.Map),
        (
            "sql-nested",
            "Parts of lists, structures and JSON are not taken out here.",
            "Ask for columns of plain values; the steward can add one to the bounded copy.",
        ),
    ),
    (
        (exp.Null,),
        (
            "sql-null",
            "NULL stands where a value must.",
            "NULL may be a result of CASE or IF or an argument of COALESCE; else use IS NULL.",
        ),
    ),
    ((exp.Order,), ("sql-order-by", "ORDER BY has no place inside an aggregate.", AGGREGATES)),
    (
        (exp.IgnoreNulls, exp.RespectNulls),
        ("sql-function", "That aggregate is not supported here.", AGGREGATES),
    ),
    ((exp.Tuple,), ("sql-expression", "Values in brackets with commas are not compared.", CONDITIONS)),
    ((exp.IntDiv,), ("sql-function", "Whole division is not supported.", "Write FLOOR(a / b).")),
    (
        (exp.Anonymous,),
        ("sql-function", "A function that is not known here is never called.", FUNCTIONS),
    ),
    ((exp.AggFunc, exp.WithinGroup), ("sql-function", "That aggregate is not supported here.", AGGREGATES)),
    (
        (exp.Cast, exp.TryCast),
        (
            "sql-cast",
            "Columns are used as they are, without a cast.",
            "Write a date as DATE '2025-01-31'; a number with ROUND, FLOOR or CEIL.",
        ),
    ),
    (
        (exp.Connector, exp.Predicate, exp.Not),
        (
            "sql-condition",
            "A condition of this form is not supported here.",
            CONDITIONS + " As a value, write CASE WHEN condition THEN 1 ELSE 0 END.",
        ),
    ),
    ((exp.Binary, exp.Unary), ("sql-expression", "That operator is not supported.", FUNCTIONS)),
    ((exp.Func,), ("sql-function", "That function is not supported.", FUNCTIONS)),
)


def lesson(node: object) -> Refusal:
    """Return the refusal of a piece of SQL that is not on the allow-list at its place."""
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _CLOCKS:
        node = exp.CurrentTimestamp()
    for classes, (code, sentence, allowed) in _CLASSES:
        if isinstance(node, classes):
            return NotAnswerable(code, sentence, allowed=allowed)
    return NotAnswerable("sql-unsupported", "This part of SQL is not supported.", allowed=SHAPE)


def too_large(sentence: str) -> Refusal:
    """Return the refusal of a question that is too large, as ``sentence`` says."""
    return NotAnswerable("sql-too-large", sentence, allowed="Ask several questions.")


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

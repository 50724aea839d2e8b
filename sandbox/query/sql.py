"""The only reader of SQL: text in, a :class:`~sandbox.query.expr.Query` or a refusal out.

In this order: (1) the text is short and sound, (2) its tokens are one SELECT without comments, (3)
sqlglot reads it, (4) every node of what sqlglot read is on the allow-list at its place and holds
nothing else. sqlglot reads much more SQL than is asked here, and reads ``FROM 'file.parquet'`` as a
plain table and any call as an anonymous function: that is why nothing but (4) is relied upon.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from sandbox.errors import Malformed, NotAnswerable, Refusal
from sandbox.query.expr import Aggregate, Function, Key, Query
from sandbox.query.predicate import MAX_NESTING, Columns, read_predicate, too_deep
from sandbox.query.teach import AGGREGATES, SHAPE, lesson, name_of, only

MAX_CHARACTERS: Final = 20_000
"""A question is written by a person; longer ones are lists that belong in a policy."""
INTERVAL_SUFFIXES: Final = ("", "_low", "_high")
"""Each aggregate gives three columns of the answer."""

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}


def parse(sql: str) -> Query:
    """Return the question that ``sql`` asks.

    The names in it are lower case and need not exist: that is for the policy to say.

    Raises:
        Malformed: the text cannot be read.
        NotAnswerable: it can be read and is not a question that is answered here.
    """
    return _question(_statement(sql))


def is_plain_name(name: str) -> bool:
    """Tell whether ``name`` can be written in a question as the name of a table and of a column."""
    try:
        query = parse(f"SELECT {name}, COUNT({name}) FROM {name} WHERE {name} IS NULL GROUP BY {name}")  # noqa: S608 - parsed, never run
    except Refusal:
        return False
    return query.table == name and query.keys == (name,)


def _unreadable() -> Malformed:
    return Malformed("sql-unreadable", "This is not SQL that can be read.", allowed=SHAPE)


def _statement(sql: str) -> exp.Select:
    # (1) the text
    if len(sql) > MAX_CHARACTERS:
        raise Malformed(
            "sql-too-long",
            f"A question has at most {MAX_CHARACTERS} characters.",
            allowed="Use BETWEEN, or ask several questions.",
        )
    if "\0" in sql or any("\ud800" <= character <= "\udfff" for character in sql):
        raise _unreadable()
    dialect = DuckDB()
    # (2) its tokens, (3) its tree
    try:
        tokens = dialect.tokenize(sql)
        _one_select(tokens)
        trees = dialect.parser().parse(tokens, sql)
    except Refusal:
        raise
    except (SqlglotError, RecursionError):
        raise _unreadable() from None  # the library's text repeats the question
    except Exception:  # noqa: BLE001 - what the parser trips over cannot be read either
        raise _unreadable() from None
    statements = [tree for tree in trees if tree is not None]
    if len(statements) != 1:
        raise _unreadable()
    if not isinstance(statements[0], exp.Select):
        raise lesson(statements[0])
    return statements[0]


def _one_select(tokens: list[Token]) -> None:
    if not tokens:
        raise Malformed("sql-empty", "Nothing is asked.", allowed=SHAPE)
    if any(token.comments for token in tokens):
        raise NotAnswerable(
            "sql-comment",
            "Comments and hints are not accepted: the log would keep them beside the question.",
            allowed="Leave them out.",
        )
    if any(token.token_type is TokenType.SEMICOLON for token in tokens[:-1]):
        raise NotAnswerable(
            "sql-several", "Several statements were sent at once.", allowed="Send one question at a time."
        )
    depth = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > MAX_NESTING:
            raise too_deep()
    first = tokens[0].token_type
    if first is TokenType.WITH:
        raise NotAnswerable("sql-cte", "WITH is not supported yet.", allowed=SHAPE)
    if first is not TokenType.SELECT:
        raise NotAnswerable(
            "sql-not-select", "Only a SELECT is a question; nothing else is run here.", allowed=SHAPE
        )


def _question(select: exp.Select) -> Query:
    only(select, "expressions", "from_", "where", "group")
    table, columns = _table(select.args.get("from_"))
    keys = _keys(select.args.get("group"), columns)
    outputs = tuple(_output(node, columns, keys) for node in select.expressions)
    if not any(isinstance(output, Aggregate) for output in outputs):
        raise NotAnswerable("row-output", "The question asks for no aggregate.", allowed=AGGREGATES)
    _distinct_names(outputs)
    where = select.args.get("where")
    if where is None:
        return Query(table=table, outputs=outputs, keys=keys)
    if not isinstance(where, exp.Where):
        raise lesson(where)
    only(where, "this")
    return Query(table=table, outputs=outputs, keys=keys, where=read_predicate(where.this, columns))


def _table(source: object) -> tuple[str, Columns]:
    if source is None:
        raise NotAnswerable("sql-no-table", "The question names no table.", allowed=SHAPE)
    if not isinstance(source, exp.From):
        raise lesson(source)
    only(source, "this")
    table = source.this
    if not isinstance(table, exp.Table):
        raise lesson(table)
    only(table, "this", "alias")
    if isinstance(table.this, exp.Func):
        raise NotAnswerable(
            "sql-table-function", "Functions that make or read tables are never called.", allowed=SHAPE
        )
    name, alias = name_of(table.this), table.args.get("alias")
    if alias is None:
        return name, Columns(frozenset({name}))
    if not isinstance(alias, exp.TableAlias):
        raise lesson(alias)
    only(alias, "this")
    return name, Columns(frozenset({name_of(alias.this)}))


def _keys(group: object, columns: Columns) -> tuple[str, ...]:
    if group is None:
        return ()
    if not isinstance(group, exp.Group):
        raise lesson(group)
    only(group, "expressions")
    for node in group.expressions:
        if isinstance(node, exp.Literal):
            raise NotAnswerable(
                "sql-group-by", "GROUP BY a number is not supported.", allowed="Name the columns to group by."
            )
    keys = tuple(columns.read(node) for node in group.expressions)
    if len(set(keys)) < len(keys):
        raise NotAnswerable("sql-group-by", "A column stands twice in GROUP BY.", allowed="Name it once.")
    return keys


def _output(node: object, columns: Columns, keys: tuple[str, ...]) -> Key | Aggregate:
    name = None
    if isinstance(node, exp.Alias):
        only(node, "this", "alias")
        name, node = name_of(node.args.get("alias")), node.this
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        column = columns.read(node)
        if column not in keys:
            raise NotAnswerable(
                "row-output",
                "A column stands alone in SELECT without being grouped by, which would show rows.",
                allowed="Name it in GROUP BY by its own name, or put it inside an aggregate.",
            )
        return Key(column, name or column)
    if isinstance(node, exp.Column):
        raise lesson(node.this)
    function, of = _aggregate(node, columns)
    return Aggregate(function, of, name or _default_name(function, of))


def _aggregate(node: object, columns: Columns) -> tuple[Function, str | None]:
    match node:
        case exp.Count() if type(node) is exp.Count:
            only(node, "this", "big_int")
            return _count(node.this, columns)
        case exp.Sum() if type(node) is exp.Sum:
            only(node, "this")
            return Function.SUM, columns.read(_not_distinct(node.this))
        case exp.Avg() if type(node) is exp.Avg:
            only(node, "this")
            return Function.AVG, columns.read(_not_distinct(node.this))
        case exp.Literal():
            raise NotAnswerable("sql-expression", "A value alone is not a question.", allowed=AGGREGATES)
        case _:
            raise lesson(node)


def _not_distinct(node: object) -> object:
    if isinstance(node, exp.Distinct):
        raise NotAnswerable(
            "sql-distinct", "DISTINCT is answered for COUNT of the unit only.", allowed=AGGREGATES
        )
    return node


def _count(inside: object, columns: Columns) -> tuple[Function, str | None]:
    if isinstance(inside, exp.Star):
        only(inside)
        return Function.COUNT_ROWS, None
    if isinstance(inside, exp.Distinct):
        only(inside, "expressions")
        if len(inside.expressions) != 1:
            raise NotAnswerable(
                "sql-distinct", "COUNT(DISTINCT ...) takes one column, the unit.", allowed=AGGREGATES
            )
        return Function.COUNT_UNITS, columns.read(inside.expressions[0])
    if isinstance(inside, exp.Column):
        return Function.COUNT_VALUES, columns.read(inside)
    raise NotAnswerable("sql-count", "COUNT takes * or one column.", allowed=AGGREGATES)


def _default_name(function: Function, column: str | None) -> str:
    if function is Function.COUNT_ROWS:
        return "count"
    word = function.value if function in {Function.SUM, Function.AVG} else "count"
    return f"{word}_{column}"


def _distinct_names(outputs: tuple[Key | Aggregate, ...]) -> None:
    names = [
        output.name + suffix
        for output in outputs
        for suffix in (INTERVAL_SUFFIXES if isinstance(output, Aggregate) else ("",))
    ]
    if len(set(names)) < len(names):
        raise NotAnswerable(
            "sql-duplicate-name",
            "Two columns of the answer have one name; an aggregate also gives name_low and name_high.",
            allowed="Give each a name of its own with AS.",
        )

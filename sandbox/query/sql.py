"""The only reader of SQL: text in, a :class:`~sandbox.query.expr.Query` or a refusal out.

In this order: (1) the text is short and sound, (2) its tokens are one statement without comments, (3)
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
from sandbox.query.derived import read_where
from sandbox.query.expr import Column, Query, Table, aggregates_in
from sandbox.query.grouping import read_grouping
from sandbox.query.output import MAX_AGGREGATES, read_limit, read_outputs
from sandbox.query.predicate import read_scalar
from sandbox.query.resolve import Items
from sandbox.query.scope import MAX_NESTING, Meter, too_deep
from sandbox.query.source import Reader
from sandbox.query.teach import SHAPE, lesson, only, too_large

MAX_CHARACTERS: Final = 20_000
"""A question is written by a person; longer ones are lists that belong in a policy."""

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
    return query.source == Table(name) and query.keys == (Column(name),)


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
        _one_question(tokens)
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
    if isinstance(statements[0], exp.Select):
        return statements[0]
    if isinstance(statements[0], exp.Query):
        raise lesson(statements[0])
    raise NotAnswerable(
        "sql-not-select", "Only a SELECT is a question; nothing else is run here.", allowed=SHAPE
    )


def _one_question(tokens: list[Token]) -> None:
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
    if first not in {TokenType.SELECT, TokenType.WITH}:
        raise NotAnswerable(
            "sql-not-select", "Only a SELECT is a question; nothing else is run here.", allowed=SHAPE
        )


def _question(select: exp.Select) -> Query:
    only(
        select,
        *("expressions", "from_", "joins", "where", "group", "having", "order", "limit", "with_"),
    )
    source, scope = Reader(Meter()).within(select.args.get("with_")).source(select)
    items = Items.of(select)
    grouping = read_grouping(select.args.get("group"), lambda node: read_scalar(items.meant(node), scope))
    outputs = read_outputs(items, grouping, scope)
    query = Query(
        source=source,
        outputs=outputs.columns,
        keys=grouping.keys,
        sets=grouping.sets,
        where=read_where(select, scope),
        having=outputs.having(select.args.get("having")),
        order=outputs.order(select.args.get("order")),
        limit=read_limit(select.args.get("limit")),
    )
    if sum(1 for formula in query.formulas for _ in aggregates_in(formula)) > MAX_AGGREGATES:
        raise too_large(f"A question has at most {MAX_AGGREGATES} aggregates.")
    return query

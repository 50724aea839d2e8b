"""The same bounded copy in PostgreSQL; what holds of it is said in :mod:`sandbox.sources.recipe`.

PostgreSQL cannot try a cast, so nothing is cast that could fail: raw columns have types there, and one
that does not fit its policy is refused before a row is read. Texts get the collation "C", under which
two are equal where their bytes are.

The order in which a unit's rows are kept is by MD5 of the seed and the row's text, which writes equal
rows equally and others otherwise. The seed comes as a session setting, so that no statement holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.policy.dataset import LARGEST_INTEGER, ColumnPolicy, ColumnType, TablePolicy, Use
from sandbox.policy.values import spell
from sandbox.privacy.fixed import FixedPoint
from sandbox.sources.classes import Reading
from sandbox.sources.compile import ROW_NUMBER
from sandbox.sources.recipe import FIRST_DATE, LAST_DATE, in_period, quoted, text
from sandbox.sources.recipe_public import PublicRows

SEED_SETTING = "pds.seed"
"""Setting of the transaction that holds the seed."""
LARGEST_32_BITS = 2**31 - 1
INTEGERS = frozenset({"smallint", "integer", "bigint"})
FLOATS = frozenset({"real", "double precision"})
NUMBERS = INTEGERS | FLOATS | {"numeric"}
TEXTS = frozenset({"text", "character varying", "character", "uuid", "enum"})
DATES = frozenset({"date", "timestamp without time zone"})
_FITTING: Mapping[ColumnType, frozenset[str]] = {
    ColumnType.INTEGER: NUMBERS,
    ColumnType.DECIMAL: NUMBERS,
    ColumnType.TEXT: TEXTS,
    ColumnType.DATE: DATES,
    ColumnType.BOOLEAN: frozenset({"boolean"}),
}


def fits(policy: ColumnPolicy, raw_type: str) -> bool:
    """Return whether a raw column of PostgreSQL's ``raw_type`` can be used as its policy says."""
    if policy.use is Use.HIDDEN:
        return True
    if policy.use is Use.UNIT_ID or policy.type is None:
        return raw_type in INTEGERS | TEXTS
    return raw_type in _FITTING[policy.type]


def copy_statement(
    schema: str, name: str, table: TablePolicy, *, reader: str, types: Mapping[str, str]
) -> str:
    """Return the statement that makes the bounded copy of one table in ``schema``.

    Args:
        schema: of the copy.
        name: of the table in the copy.
        table: its policy.
        reader: the raw table, quoted.
        types: PostgreSQL's type of each raw column; each one fits.
    """
    unit = quoted(table.unit_column)
    kept = {
        quoted(column): kept_value(quoted(column), policy, types[column])
        for column, policy in table.columns.items()
        if policy.use not in {Use.HIDDEN, Use.UNIT_ID}
    }
    values = [
        f"{unit_value(unit, types[table.unit_column])} AS {unit}",
        *(f"{value} AS {key}" for key, value in kept.items()),
    ]
    columns = ", ".join([unit, *kept])
    order, number = ", ".join([hashed([unit, *kept]), *kept]), quoted(ROW_NUMBER)
    return (
        f"CREATE TABLE {quoted(schema)}.{quoted(name)} AS SELECT {columns}, {number} FROM "  # noqa: S608  # names are the policy's, quoted
        f"(SELECT {columns}, row_number() OVER (PARTITION BY {unit} ORDER BY {order}) AS {number} "
        f"FROM (SELECT {', '.join(values)} FROM {reader}) AS typed WHERE {unit} IS NOT NULL) AS numbered "
        f"WHERE {number} <= {table.rows_in_copy} ORDER BY {number}, {unit}"
    )


def hashed(columns: Sequence[str]) -> str:
    """Return an expression that hashes columns with the seed."""
    return f"md5(current_setting('{SEED_SETTING}') || ROW({', '.join(columns)})::text)"


def public_rows(table: TablePolicy, *, reader: str, types: Mapping[str, str]) -> PublicRows:
    """Return the rows of one public table, their values read as those of any other."""
    return PublicRows(
        kept={
            quoted(column): kept_value(quoted(column), policy, types[column])
            for column, policy in table.columns.items()
            if policy.use is not Use.HIDDEN
        },
        key=tuple(map(quoted, table.unique_key)),
        reader=reader,
    )


def unit_kind(raw_type: str) -> str:
    """Return what units of this raw type are written as; of two kinds, one person could be two units.

    A ``uuid`` is spelled in one way, which a text need not follow.
    """
    if raw_type in INTEGERS:
        return "bigint"
    return raw_type if raw_type == "uuid" else "text"


def unit_value(column: str, raw_type: str) -> str:
    """Return the expression for a unit: the raw identifier itself."""
    return f"{column}::bigint" if raw_type in INTEGERS else f'{column}::text COLLATE "C"'


def kept_value(column: str, policy: ColumnPolicy, raw_type: str) -> str:
    """Return the expression for a kept value of any other column."""
    if policy.use is Use.MEASURE:
        return _measure(column, policy, raw_type)
    value = _typed(column, policy.type, raw_type)
    if policy.use is not Use.GROUP_KEY:
        return in_period(value, policy)
    domain = ", ".join(text(item) if isinstance(item, str) else str(item) for item in sorted(policy.domain))
    return f"CASE WHEN {value} IN ({domain}) THEN {value} END"


def reading(column: str, policy: ColumnPolicy, raw_type: str) -> Reading:
    """Return how advice on the policy reads a raw column; a measure's NaN and infinities are no numbers."""
    kept = kept_value(column, policy, raw_type)
    if policy.use is not Use.MEASURE:
        return Reading(raw=column, typed=_typed(column, policy.type, raw_type), kept=kept)
    kind = _number_kind(raw_type)
    number = f"CASE WHEN {column}::{kind} NOT IN ({_not_finite(kind)}) THEN {column}::{kind} END"
    return Reading(raw=column, typed=number, kept=kept)


def _number_kind(raw_type: str) -> str:
    return "float8" if raw_type in FLOATS else "numeric"


def _not_finite(kind: str) -> str:
    return ", ".join(f"'{word}'::{kind}" for word in ("NaN", "Infinity", "-Infinity"))


def _measure(column: str, policy: ColumnPolicy, raw_type: str) -> str:
    fixed, kind = FixedPoint.of(policy), _number_kind(raw_type)
    low, high = (f"{text(spell(bound))}::{kind}" for bound in policy.limits)
    number = f"{column}::{kind}"
    kept = (
        f"CASE WHEN {number} IN ({_not_finite(kind)}) THEN NULL "
        f"WHEN {number} <= {low} THEN {fixed.low}::bigint WHEN {number} >= {high} THEN {fixed.high}::bigint "
        f"WHEN {column} IS NOT NULL THEN least({fixed.high}, greatest({fixed.low}, "
        f"{_rounded(f'{number} * {10**fixed.decimals}', kind)}::bigint)) END"
    )
    # PostgreSQL adds 32-bit numbers up in 64 bits, but 64-bit ones as decimals of any length, slowly.
    return f"({kept})::integer" if fixed.reach < LARGEST_32_BITS else kept


def _rounded(scaled: str, kind: str) -> str:
    """Return the whole number next to ``scaled``, ties away from zero, as DuckDB rounds."""
    if kind == "numeric":
        return f"round({scaled})"
    whole = f"trunc({scaled})"  # round() of a float would take ties to the even number
    return f"({whole} + CASE WHEN abs({scaled} - {whole}) >= 0.5 THEN sign({scaled}) ELSE 0 END)"


def _typed(column: str, kind: ColumnType | None, raw_type: str) -> str:
    match kind:
        case ColumnType.INTEGER:
            return f"{column}::bigint" if raw_type in INTEGERS else _whole(column, raw_type)
        case ColumnType.DATE:
            known = f"{column} >= DATE '{FIRST_DATE}' AND {column} < DATE '{LAST_DATE}' + 1"
            return f"CASE WHEN {known} THEN {column}::date END"
        case ColumnType.BOOLEAN:
            return column
        case _:
            return f'{column}::text COLLATE "C"'


def _whole(column: str, raw_type: str) -> str:
    kind = "numeric" if raw_type == "numeric" else "float8"
    # Strictly within: as a float the largest integer is 2^63, which is one too many.
    within = f"{column} > -{LARGEST_INTEGER}::{kind} AND {column} < {LARGEST_INTEGER}::{kind}"
    return f"CASE WHEN {within} AND {column} = trunc({column}::{kind}) THEN {column}::bigint END"

"""The same bounded copy in Spark SQL; what holds of it is said in :mod:`sandbox.sources.recipe`.

Casts are tried, so that none can fail. The order in which a unit's rows are kept is by SHA-256 of the
seed and the row as JSON, which writes equal rows equally and others otherwise; the seed comes as a
parameter of the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.policy.dataset import ColumnPolicy, ColumnType, TablePolicy, Use
from sandbox.policy.values import spell
from sandbox.privacy.fixed import FixedPoint
from sandbox.sources.classes import Reading
from sandbox.sources.compile import ROW_NUMBER
from sandbox.sources.recipe import FIRST_DATE, LAST_DATE, in_period
from sandbox.sources.recipe_public import PublicRows

INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint"})
FLOATS = frozenset({"float", "double"})
OTHER_UNITS = frozenset({"string", "date", "boolean"})


def copy_statement(table: TablePolicy, *, reader: str, types: Mapping[str, str]) -> str:
    """Return the query whose result is the bounded copy of one table.

    Args:
        table: its policy.
        reader: the view over the raw table.
        types: Spark's type of each raw column.

    The parameter ``:seed`` stands for the seed.
    """
    unit = quoted(table.unit_column)
    kept = {
        quoted(column): kept_value(quoted(column), policy)
        for column, policy in table.columns.items()
        if policy.use not in {Use.HIDDEN, Use.UNIT_ID}
    }
    values = [
        f"{unit_value(unit, types[table.unit_column])} AS {unit}",
        *(f"{value} AS {key}" for key, value in kept.items()),
    ]
    columns, number = ", ".join([unit, *kept]), quoted(ROW_NUMBER)
    order = ", ".join([hashed([unit, *kept]), *kept])
    return (
        f"SELECT {columns}, {number} FROM "  # noqa: S608  # names are the policy's, quoted
        f"(SELECT {columns}, row_number() OVER (PARTITION BY {unit} ORDER BY {order}) AS {number} "
        f"FROM (SELECT {', '.join(values)} FROM {reader}) AS typed WHERE {unit} IS NOT NULL) AS numbered "
        f"WHERE {number} <= {table.rows_in_copy} ORDER BY {number}, {unit}"
    )


def public_rows(table: TablePolicy, *, reader: str) -> PublicRows:
    """Return the rows of one public table, their values read as those of any other."""
    return PublicRows(
        kept={
            quoted(column): kept_value(quoted(column), policy)
            for column, policy in table.columns.items()
            if policy.use is not Use.HIDDEN
        },
        key=tuple(map(quoted, table.unique_key)),
        reader=reader,
    )


def hashed(columns: Sequence[str]) -> str:
    """Return the expression that hashes columns with the seed, the parameter ``:seed``."""
    return f"sha2(concat(:seed, to_json(struct({', '.join(columns)}))), 256)"


def reading(column: str, policy: ColumnPolicy) -> Reading:
    """Return how advice on the policy reads a raw column."""
    number = f"try_cast({column} AS DOUBLE)"
    measured = f"CASE WHEN NOT isnan({number}) AND NOT {_infinite(number)} THEN {number} END"
    typed = measured if policy.use is Use.MEASURE else _typed(column, policy.type)
    return Reading(raw=column, typed=typed, kept=kept_value(column, policy))


def fits_unit(raw_type: str) -> bool:
    """Return whether raw values of Spark's ``raw_type`` can say whose row it is."""
    return raw_type in INTEGERS | FLOATS | OTHER_UNITS or raw_type.startswith("decimal(")


def unit_kind(raw_type: str) -> str:
    """Return what units of this raw type are written as; of two kinds, one person could be two units."""
    return "bigint" if raw_type in INTEGERS else raw_type


def unit_value(column: str, raw_type: str) -> str:
    """Return the expression for a unit: the raw identifier itself, two never becoming one."""
    if raw_type in INTEGERS:
        return f"CAST({column} AS BIGINT)"
    if raw_type in FLOATS:  # identifiers with gaps, as data frames write them; 0.0 and -0.0 are one
        return f"CASE WHEN NOT isnan({column}) THEN CAST({column} + CAST(0 AS {raw_type}) AS STRING) END"
    return f"CAST({column} AS STRING)"


def kept_value(column: str, policy: ColumnPolicy) -> str:
    """Return the expression for a kept value of any other column."""
    if policy.use is Use.MEASURE:
        return _measure(column, policy)
    value = _typed(column, policy.type)
    if policy.use is not Use.GROUP_KEY:
        return in_period(value, policy)
    domain = ", ".join(text(item) if isinstance(item, str) else str(item) for item in sorted(policy.domain))
    return f"CASE WHEN {value} IN ({domain}) THEN {value} END"


def _measure(column: str, policy: ColumnPolicy) -> str:
    fixed = FixedPoint.of(policy)
    low, high = (f"CAST({text(spell(bound))} AS DOUBLE)" for bound in policy.limits)
    number = f"try_cast({column} AS DOUBLE)"
    scaled = f"({number} * {10**fixed.decimals}D)"
    # Ties go away from zero, as DuckDB rounds; both parts are exact.
    part = f"CASE WHEN abs({scaled}) - floor(abs({scaled})) >= 0.5D THEN 1 ELSE 0 END"
    rounded = f"try_cast(sign({scaled}) * (floor(abs({scaled})) + {part}) AS BIGINT)"
    return (
        f"CASE WHEN {number} IS NULL OR isnan({number}) OR {_infinite(number)} THEN NULL "
        f"WHEN {number} <= {low} THEN {fixed.low}L WHEN {number} >= {high} THEN {fixed.high}L "
        f"ELSE least({fixed.high}L, greatest({fixed.low}L, {rounded})) END"
    )


def _infinite(number: str) -> str:
    return f"abs({number}) = CAST('Infinity' AS DOUBLE)"


def _typed(column: str, kind: ColumnType | None) -> str:
    match kind:
        case ColumnType.INTEGER:
            exact = f"try_cast({column} AS DECIMAL(38, 6))"
            return f"CASE WHEN {exact} = floor({exact}) THEN try_cast({exact} AS BIGINT) END"
        case ColumnType.DATE:
            day = f"try_cast({column} AS DATE)"
            return f"CASE WHEN {day} BETWEEN DATE '{FIRST_DATE}' AND DATE '{LAST_DATE}' THEN {day} END"
        case ColumnType.BOOLEAN:
            return f"try_cast({column} AS BOOLEAN)"
        case _:
            return f"CAST({column} AS STRING)"


def quoted(name: str) -> str:
    """Return ``name`` as an identifier of Spark."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """Return ``value`` as a text literal of Spark, where a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

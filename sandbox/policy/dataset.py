"""What a dataset is and how each of its columns may be used.

A column that no table lists is hidden. Everything an answer is computed from stands here and is
public: the values a group may have, the bounds a number is clamped to, and how many rows one unit
(one person) may contribute. None of it is ever read off the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr

from sandbox.policy.values import (
    Day,
    Epsilon,
    Exact,
    Located,
    Name,
    PolicyModel,
    Slug,
    fixed_point,
    spell,
)

LARGEST_INTEGER = 2**63 - 1
"""Integers live in 64-bit columns."""
LARGEST_DOMAIN = 1_000
"""Values one grouping column may have; each is a cell of every answer, empty or not."""
MOST_ROWS_PER_UNIT = 100_000
"""Above it, noise drowns every answer."""
AggregateWord = Literal["count", "sum", "avg", "variance", "covariance", "quantile"]
"""What a measure may be asked for: ``variance`` opens VAR and STDDEV, ``covariance`` opens COVAR, CORR and
REGR, ``quantile`` opens MEDIAN and PERCENTILE."""


class EngineKind(StrEnum):
    """Where raw tables and their bounded copy live, and what runs questions."""

    DUCKDB = "duckdb"
    """Files of one machine, no server."""
    POSTGRESQL = "postgresql"
    """Two roles of a PostgreSQL database: one reads raw tables, the other their copies alone."""
    SPARK = "spark"
    """Files on storage that several machines share."""


_SOURCES = {
    EngineKind.DUCKDB: (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.(parquet|csv)"),
        "Write the name of one file in the raw directory, ending in .parquet or .csv.",
    ),
    EngineKind.POSTGRESQL: (
        re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}"),
        "Write the schema and the name of one table in the raw database, as in registers.visits.",
    ),
    EngineKind.SPARK: (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\.(parquet|csv)"),
        "Write the name of one file or directory in the raw directory, ending in .parquet or .csv.",
    ),
}
"""What a table's source may be, by engine, and the sentence for what it may not."""


class Use(StrEnum):
    """What a column is for."""

    UNIT_ID = "unit_id"
    """Says whose row it is; may be counted distinctly and nothing else."""
    GROUP_KEY = "group_key"
    """May group and filter; its possible values are public."""
    MEASURE = "measure"
    """A number that may be summed; clamped to public bounds."""
    FILTER = "filter"
    """May stand in WHERE; groups by its period, or above a threshold where it may."""
    HIDDEN = "hidden"
    """Never leaves the raw table, not even into the bounded copy."""


class ColumnType(StrEnum):
    """What a column's values are once bounded."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"


class Openness(StrEnum):
    """How far a dataset is opened."""

    OPEN = "open"
    SANDBOX_ONLY = "sandbox_only"
    NOT_OPEN = "not_open"


class ColumnPolicy(PolicyModel):
    """How one column may be used."""

    use: Use
    """What the column is for."""
    type: ColumnType | None = None
    """Type of the values: stated for a filter, inferred for group_key and measure, else None."""
    domain: Annotated[tuple[StrictInt | StrictStr, ...], Field(max_length=LARGEST_DOMAIN)] = ()
    """Every value a group_key may have; a value outside becomes NULL at registration."""
    bounds: tuple[Exact, Exact] | None = None
    """Smallest and largest value of a measure; what lies outside is clamped at registration."""
    decimals: Annotated[StrictInt, Field(ge=0, le=6)] = 0
    """Digits after the point that are kept of a measure."""
    functions: tuple[AggregateWord, ...] = ()
    """Aggregates a measure may be asked for."""
    extremes: tuple[Exact, Exact] | None = None
    """Quantiles that stand for MIN and MAX of a measure, such as 0.01 and 0.99; None refuses both."""
    period: tuple[Day, Day] | None = None
    """First and last day of a date filter; a date outside becomes NULL at registration. With it, dates
    may be computed with, and group."""
    may_group: StrictBool = False
    """Of a filter: whether it may group although its values are not public. Then only groups of enough
    persons are shown, by a threshold that costs a delta of its own."""
    description: str = ""
    """One sentence for the catalogue."""

    @classmethod
    def _completed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if "type" in given or given.get("use") not in (Use.GROUP_KEY, Use.MEASURE):
            return given
        if given["use"] == Use.MEASURE:
            return {**given, "type": ColumnType.DECIMAL if given.get("decimals") else ColumnType.INTEGER}
        domain = given.get("domain")
        numbers = isinstance(domain, list | tuple) and domain and isinstance(domain[0], int)
        return {**given, "type": ColumnType.INTEGER if numbers else ColumnType.TEXT}

    @property
    def limits(self) -> tuple[Decimal, Decimal]:
        """Bounds of a measure.

        Raises:
            TypeError: the column is not a measure.
        """
        if self.bounds is None:
            raise TypeError("only a measure has bounds")
        return self.bounds

    def _contradictions(self) -> Iterator[Located]:
        needs = {Use.GROUP_KEY: ("domain",), Use.MEASURE: ("bounds", "functions"), Use.FILTER: ("type",)}
        fits = {
            Use.GROUP_KEY: {"domain", "type"},
            Use.MEASURE: {"bounds", "decimals", "functions", "extremes", "type"},
            Use.FILTER: {"type", "period", "may_group"},
        }.get(self.use, set())
        for key in needs.get(self.use, ()):
            if not getattr(self, key):
                yield (key,), f"A {self.use} column must state its {key}."
        for key in sorted(self.model_fields_set - {"use", "description"} - fits):
            yield (key,), f"A {self.use} column has no {key}; leave it out."
        yield from self._wrong_domain()
        yield from self._wrong_measure()
        yield from self._wrong_type()
        yield from self._wrong_period()

    def _wrong_domain(self) -> Iterator[Located]:
        if len({type(value) for value in self.domain}) > 1:
            yield ("domain",), "Write either whole numbers only or texts only, not both."
        elif len(set(self.domain)) < len(self.domain):
            yield ("domain",), "A value stands here twice; list each value once."
        for value in self.domain:
            if isinstance(value, str) and (not value or "\0" in value):
                yield ("domain",), "An empty text cannot be a group; leave it out, it counts as missing."
            if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
                yield ("domain",), f"{value} does not fit into 64 bits."

    def _wrong_measure(self) -> Iterator[Located]:
        if self.bounds is None:
            return
        low, high = self.bounds
        if low >= high:
            yield (
                ("bounds",),
                f"The lower bound {spell(low)} must be less than the upper bound {spell(high)}.",
            )
        for bound in self.bounds:
            scaled = fixed_point(bound, self.decimals)
            if scaled is None:
                yield (
                    ("bounds",),
                    f"{spell(bound)} has more than the {self.decimals} decimals of this column.",
                )
            elif abs(scaled) > LARGEST_INTEGER // MOST_ROWS_PER_UNIT:
                yield ("bounds",), f"{spell(bound)} is too large to be summed exactly in 64 bits."
        if len(set(self.functions)) < len(self.functions):
            yield ("functions",), "A function stands here twice; list each once."
        if self.extremes is not None:
            yield from self._wrong_extremes(*self.extremes)

    def _wrong_extremes(self, low: Decimal, high: Decimal) -> Iterator[Located]:
        if not 0 < low < high < 1 or any(fixed_point(end, 4) is None for end in (low, high)):
            yield (
                ("extremes",),
                'Write two quantiles above 0 and below 1 with at most 4 decimals, as in ["0.01", "0.99"].',
            )

    def _wrong_period(self) -> Iterator[Located]:
        if self.period is None:
            return
        if self.type is not ColumnType.DATE:
            yield ("period",), "Only a date has a period; leave it out."
        elif self.period[0] > self.period[1]:
            yield ("period",), "The period ends before it begins; write the first day first."

    def _wrong_type(self) -> Iterator[Located]:
        if self.use is Use.FILTER and self.type is ColumnType.DECIMAL:
            yield ("type",), 'A decimal can only be filtered as a measure: write use = "measure" with bounds.'
        if self.use in {Use.GROUP_KEY, Use.MEASURE}:
            inferred = self._completed({"use": self.use, "domain": self.domain, "decimals": self.decimals})
            if self.type is not inferred["type"]:
                yield ("type",), f"The other keys make this column {inferred['type']}; leave the type out."


def _is_public(table: Any) -> bool:
    given = table.get("public") if isinstance(table, Mapping) else getattr(table, "public", None)
    return given is True


def _use_of(column: Any) -> Any:
    return column.get("use") if isinstance(column, Mapping) else getattr(column, "use", None)


class TablePolicy(PolicyModel):
    """One table of a dataset: where it is read from, whom its rows belong to, what may be used."""

    source: StrictStr
    """File inside the raw directory, ending in .parquet or .csv; with PostgreSQL, schema.table."""
    public: StrictBool = False
    """Whether anybody may read it as it is: it belongs to no unit and is there to be joined."""
    unique_key: tuple[Name, ...] = ()
    """Columns that no two rows of a public table share; a join must name all of them."""
    max_rows_per_unit: Annotated[StrictInt, Field(ge=0, le=MOST_ROWS_PER_UNIT)] = 0
    """Rows of one unit that one answer looks at. 0 for a public table."""
    stored_rows_per_unit: Annotated[StrictInt, Field(ge=0, le=MOST_ROWS_PER_UNIT)] = 0
    """Rows of one unit that the copy holds, so that a question may bound after its WHERE, at query time;
    left out, no more than one answer looks at. The rest is dropped at registration."""
    description: str = ""
    """One sentence for the catalogue."""
    columns: dict[Name, ColumnPolicy]
    """Columns by name; one that is not listed is hidden."""

    @property
    def unit_column(self) -> str:
        """Name of the one column that says whose row it is.

        Raises:
            TypeError: the table is public.
        """
        for name, column in self.columns.items():
            if column.use is Use.UNIT_ID:
                return name
        raise TypeError("a public table has no unit")

    @property
    def rows_in_copy(self) -> int:
        """Rows of one unit that the copy holds."""
        return max(self.max_rows_per_unit, self.stored_rows_per_unit)

    def column(self, name: str) -> ColumnPolicy | None:
        """Return the column if the policy lists it and does not hide it."""
        found = self.columns.get(name)
        return None if found is None or found.use is Use.HIDDEN else found

    @classmethod
    def _contradictions_as_written(cls, given: Mapping[str, Any]) -> Iterator[Located]:
        columns = given.get("columns")
        if not isinstance(columns, Mapping):
            return
        units = [str(name) for name, column in columns.items() if _use_of(column) == Use.UNIT_ID]
        if given.get("public") is True:
            yield from cls._wrong_public(given, units)
            return
        if "max_rows_per_unit" not in given:
            yield ("max_rows_per_unit",), "This key is missing and must be given."
        elif given["max_rows_per_unit"] == 0:
            yield ("max_rows_per_unit",), "The number must be at least 1."
        stored, most = given.get("stored_rows_per_unit", 0), given.get("max_rows_per_unit", 0)
        if isinstance(stored, int) and isinstance(most, int) and 0 < stored <= most:
            yield ("stored_rows_per_unit",), "Write more than max_rows_per_unit, or leave this out."
        if given.get("unique_key"):
            yield ("unique_key",), "Only a public table has a unique key; leave it out."
        if not units:
            yield ("columns",), 'No column says whose row it is; give one column use = "unit_id".'
        if len(units) > 1:
            yield ("columns",), f"{' and '.join(units)} are all unit_id; keep one and hide the others."

    @classmethod
    def _wrong_public(cls, given: Mapping[str, Any], units: list[str]) -> Iterator[Located]:
        if units:
            yield ("columns",), f"{units[0]} says whose row it is, and a public table is about nobody."
        for rows in ("max_rows_per_unit", "stored_rows_per_unit"):
            if given.get(rows):
                yield (rows,), "A public table has no units, so leave this out."
        key = given.get("unique_key")
        uses = {name: _use_of(column) for name, column in given["columns"].items()}
        if not isinstance(key, list | tuple) or not key or any(name not in uses for name in key):
            yield ("unique_key",), "Name the columns of this table that no two of its rows share."
        elif len(set(key)) < len(key) or any(uses[name] not in {Use.GROUP_KEY, Use.FILTER} for name in key):
            yield ("unique_key",), "Name each column once; each is a group_key or a filter."


class DatasetPolicy(PolicyModel):
    """One dataset: what it is called, who answers for it, how far it is opened, what it holds."""

    name: Name
    """Name in questions and records; also the name of the file."""
    title: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    """Title for people."""
    owner: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    """Body that answers for the data."""
    grade: Slug
    """Grade from grades.toml; sets the minimum controls."""
    openness: Openness
    """How far the dataset is opened."""
    population: Name
    """Population from populations.toml whose lifetime budget every answer is charged to."""
    lifetime_epsilon: Epsilon | None = None
    """Epsilon of all answers from this dataset, at the delta of its population; None: no cap of its own."""
    engine: EngineKind = EngineKind.DUCKDB
    """Where the raw tables and their bounded copy live."""
    reviewed: StrictBool = False
    """Whether authorizations may open it for reviewed answers; its grade must allow that."""
    profile_epsilon: Epsilon
    """Privacy loss that registration may spend, per table, on learning how many rows are dropped."""
    description: str = ""
    """What the dataset is, for the catalogue."""
    tables: Annotated[dict[Name, TablePolicy], Field(min_length=1)]
    """Tables by name."""

    @property
    def private_tables(self) -> dict[str, TablePolicy]:
        """The tables whose rows belong to units."""
        return {name: table for name, table in self.tables.items() if not table.public}

    @classmethod
    def _contradictions_as_written(cls, given: Mapping[str, Any]) -> Iterator[Located]:
        tables, engine = given.get("tables"), given.get("engine", EngineKind.DUCKDB)
        if not isinstance(tables, Mapping) or engine not in list(EngineKind):
            return
        form, sentence = _SOURCES[EngineKind(engine)]
        for name, table in tables.items():
            source = table.get("source") if isinstance(table, Mapping) else getattr(table, "source", None)
            if isinstance(source, str) and form.fullmatch(source) is None:
                yield ("tables", str(name), "source"), sentence
        if tables and all(_is_public(table) for table in tables.values()):
            yield ("tables",), "All tables are public; give one that says whose row each of its rows is."

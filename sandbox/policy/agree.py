"""Whether policies that are each right by themselves agree with each other."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sandbox.policy.authorization import AuthorizationPolicy, Mode
from sandbox.policy.dataset import DatasetPolicy, Openness, TablePolicy, Use
from sandbox.policy.grades import GradePolicy, PopulationPolicy, Queries
from sandbox.policy.values import spell
from sandbox.query.sql import is_plain_name


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Mistake:
    """One thing to correct in a policy."""

    file: str
    """File inside the policies directory."""
    key: str
    """Key inside the file, its parts joined by dots; empty where the file as a whole is meant."""
    sentence: str
    """What is wrong and what to write instead."""

    def __str__(self) -> str:
        """Return the mistake on one line."""
        return f"{self.file}: {self.key}: {self.sentence}" if self.key else f"{self.file}: {self.sentence}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """Policies as read, before they are known to agree."""

    datasets: dict[str, DatasetPolicy]
    authorizations: dict[str, AuthorizationPolicy]
    populations: dict[str, PopulationPolicy]
    grades: dict[str, GradePolicy]
    unreadable: Collection[str]
    """What exists and has mistakes of its own: nobody is told that it is missing."""


def disagreements(draft: Draft) -> Iterator[Mistake]:
    """Yield every mistake that shows only when the files are read together."""
    for stem, dataset in draft.datasets.items():
        for key, sentence in _dataset(dataset, draft):
            yield Mistake(file=f"datasets/{stem}.toml", key=key, sentence=sentence)
    for stem, authorization in draft.authorizations.items():
        for key, sentence in _authorization(authorization, draft):
            yield Mistake(file=f"authorizations/{stem}.toml", key=key, sentence=sentence)


_Found = Iterator[tuple[str, str]]


def _dataset(dataset: DatasetPolicy, draft: Draft) -> _Found:
    if dataset.openness is Openness.NOT_OPEN:
        yield (
            "openness",
            "Data that is not open cannot be mounted at all; remove this file, or open it as sandbox_only.",
        )
    yield from _grade(dataset, draft)
    population = draft.populations.get(dataset.population)
    if population is None:
        file = "populations.toml"
        if not {file, f"{file} populations.{dataset.population}"} & set(draft.unreadable):
            yield "population", _missing("population", file, dataset.population, draft.populations)
    elif dataset.profile_epsilon * len(dataset.private_tables) > population.lifetime_epsilon:
        limit = spell(population.lifetime_epsilon)
        yield "profile_epsilon", f"Registration alone would spend the lifetime budget of {limit}; write less."
    if population is not None:
        yield from _own_cap(dataset, population)
    for name, table in dataset.tables.items():
        yield from _names(name, table)


def _grade(dataset: DatasetPolicy, draft: Draft) -> _Found:
    grade = draft.grades.get(dataset.grade)
    if grade is None:
        if not {"grades.toml", f"grades.toml grades.{dataset.grade}"} & set(draft.unreadable):
            yield "grade", _missing("grade", "grades.toml", dataset.grade, draft.grades)
    elif grade.queries is Queries.REFUSED:
        yield (
            "grade",
            f"Data of grade {grade.name} may not be registered, without exception; remove this file.",
        )
    if dataset.reviewed and grade is not None and not grade.reviewed:
        yield (
            "reviewed",
            f"Data of grade {grade.name} gives differentially private answers only; leave this out.",
        )


def _own_cap(dataset: DatasetPolicy, population: PopulationPolicy) -> _Found:
    own = dataset.lifetime_epsilon
    if own is None:
        return
    if own > population.lifetime_epsilon:
        limit = spell(population.lifetime_epsilon)
        yield "lifetime_epsilon", f"This exceeds the population's lifetime budget; write at most {limit}."
    if dataset.profile_epsilon * len(dataset.private_tables) > own:
        yield "profile_epsilon", f"Registration alone would spend the dataset's {spell(own)}; write less."


def _names(table_name: str, table: TablePolicy) -> _Found:
    sentence = "SQL reads this word otherwise, so nobody could ask for it; rename it in the source."
    if not is_plain_name(table_name):
        yield f"tables.{table_name}", sentence
    for name, column in table.columns.items():
        if column.use is not Use.HIDDEN and not is_plain_name(name):
            yield f"tables.{table_name}.columns.{name}", sentence


def _authorization(authorization: AuthorizationPolicy, draft: Draft) -> _Found:
    dataset = draft.datasets.get(authorization.dataset)
    if dataset is None:
        if f"datasets/{authorization.dataset}" not in draft.unreadable:
            yield "dataset", _missing("dataset", "datasets/", authorization.dataset, draft.datasets)
        return
    for name, columns in authorization.tables.items():
        table = dataset.tables.get(name)
        if table is None:
            where = f"datasets/{dataset.name}.toml"
            yield f"tables.{name}", _missing("table", where, name, dataset.tables)
            continue
        yield from _opened(name, columns, table)
    if authorization.reviewed_answers and not dataset.reviewed:
        yield "reviewed_answers", f"The dataset {dataset.name} gives no reviewed answers; leave this out."
    grade = draft.grades.get(dataset.grade)
    if grade is not None:
        yield from _within_grade(authorization, grade)
    population = draft.populations.get(dataset.population)
    if population is not None and authorization.loss.reserved_delta and population.reserved_delta is None:
        yield "loss.reserved_delta", "The population reserves no delta for such questions; leave it out."
    if population is not None and authorization.loss.total_epsilon > population.lifetime_epsilon:
        limit = spell(population.lifetime_epsilon)
        yield "loss.total_epsilon", f"This exceeds the population's lifetime budget; write at most {limit}."


def _opened(table_name: str, columns: tuple[str, ...], table: TablePolicy) -> _Found:
    key = f"tables.{table_name}"
    if len(set(columns)) < len(columns):
        yield key, "A column stands here twice; list each once."
    for name in columns:
        column = table.columns.get(name)
        if column is None:
            yield key, _missing("column", "the dataset", name, table.columns)
        elif column.use is Use.HIDDEN:
            yield key, f"The column {name} is hidden and cannot be opened; leave it out."
        elif column.use is Use.UNIT_ID:
            yield key, f"The unit {name} may always be counted and is not listed; leave it out."
    missing = [name for name in table.unique_key if name not in columns]
    if missing:
        yield key, f"This public table is joined on its unique key; open {', '.join(missing)} too."


def _within_grade(authorization: AuthorizationPolicy, grade: GradePolicy) -> _Found:
    loss = authorization.loss
    if grade.per_query_epsilon is not None and loss.per_query_epsilon > grade.per_query_epsilon:
        limit = spell(grade.per_query_epsilon)
        yield "loss.per_query_epsilon", f"Grade {grade.name} allows at most {limit} for one question."
    if grade.yearly_epsilon is not None:
        most = grade.yearly_epsilon * authorization.term.years
        if loss.total_epsilon > most:
            yearly = f"{spell(grade.yearly_epsilon)} a year"
            yield "loss.total_epsilon", f"Grade {grade.name} allows {yearly}; write at most {spell(most)}."
    if grade.scenario_only and authorization.mode is not Mode.SCENARIO:
        yield "mode", f'Grade {grade.name} is opened for single scenarios only; write mode = "scenario".'


def _missing(kind: str, where: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}."
    return f"There is no {kind} {name} in {where}; {hint}"

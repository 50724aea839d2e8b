"""Who may ask what, for which purpose, until when and at which loss.

An authorization has five parts that none may lack: the conditions of use, its mode, its term, how
it ends, and who is responsible for safety. It names every table and column it opens; what it does
not name is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from sandbox.policy.recipients import Recipients
from sandbox.policy.values import Delta, Epsilon, Located, Name, PolicyModel, Slug, spell

LONGEST_TERM_YEARS = 5
"""Longest term of an authorization; the rules for authorized operation of public data say five years."""

MOST_REVIEWED_ANSWERS = 1_000
"""Of one authorization: each is looked at by people."""

LONGEST_WINDOW_DAYS = 366 * LONGEST_TERM_YEARS
"""Longest time window: no longer than the longest term."""

Sentence = Annotated[StrictStr, Field(min_length=1, max_length=4_000)]


class Mode(StrEnum):
    """How wide an authorization reaches."""

    WHOLE = "whole"
    """A whole body of data for one operator; needs one more approver for each release."""
    DOMAIN = "domain"
    """One field, such as health."""
    SCENARIO = "scenario"
    """One stated purpose; the usual case."""


def _utc(value: Any) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("Say which time zone, as in 2026-01-01T00:00:00Z, or write the date alone.")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError("Write a date without quotes, as in 2026-01-01.")


Instant = Annotated[datetime, BeforeValidator(_utc)]


class Term(PolicyModel):
    """From when until when; a date alone means its first moment in UTC."""

    start: Instant
    """First moment at which questions are answered."""
    end: Instant
    """First moment at which they are no longer answered."""

    def _contradictions(self) -> Iterator[Located]:
        if self.end <= self.start:
            yield ("end",), "The term ends before it begins; write an end after the start."
        elif self.end > _years_later(self.start, LONGEST_TERM_YEARS):
            yield ("end",), f"A term is at most {LONGEST_TERM_YEARS} years; write an earlier end."

    @property
    def years(self) -> int:
        """Number of years begun, at least 1."""
        return next(n for n in range(1, LONGEST_TERM_YEARS + 1) if self.end <= _years_later(self.start, n))


def _years_later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)


class Measure(StrEnum):
    """In which terms each single answer is guaranteed."""

    PURE = "pure"
    """Each answer is epsilon-DP by itself; its noise is Laplace noise."""
    ZCDP = "zcdp"
    """Each answer is (epsilon^2 / 2)-zCDP, and charged that, with Gaussian noise where it is smaller.
    All answers together keep the same promise; one alone is (epsilon, delta)-DP at a larger epsilon."""


class WindowLimits(PolicyModel):
    """What may be spent in one time window; questions need one that a signed decision has opened."""

    epsilon: Epsilon
    """Largest epsilon of all answers of one window, at :attr:`LossLimits.delta_of_losses`."""
    days: Annotated[StrictInt, Field(ge=1, le=LONGEST_WINDOW_DAYS)]
    """How many days each window lasts, midnight to midnight in UTC."""


class LossLimits(PolicyModel):
    """How much may be learnt about one unit in all."""

    per_query_epsilon: Epsilon
    """Largest epsilon of one question."""
    total_epsilon: Epsilon
    """Epsilon of all answers together, at :attr:`total_delta`."""
    initial_epsilon: Epsilon | None = None
    """What of :attr:`total_epsilon` may be spent before a signed decision raises it; None: all."""
    analyst_epsilon: Epsilon | None = None
    """Epsilon of all answers to one person; None: as much as is left for all."""
    analyst_most_epsilon: Epsilon | None = None
    """How far a signed decision may raise :attr:`analyst_epsilon` for one person; None: not at all."""
    window: WindowLimits | None = None
    """What may be spent in one time window; None: time does not limit it."""
    total_delta: Delta
    """Chance, over all answers together, that the promise fails."""
    measure: Measure = Measure.PURE
    """In which terms one answer is guaranteed."""
    threshold_delta: Delta | None = None
    """Delta of one question whose keys are not public; None refuses such questions."""
    reserved_delta: Delta | None = None
    """Part of :attr:`total_delta` for all such questions together."""

    def _contradictions(self) -> Iterator[Located]:
        if self.per_query_epsilon > self.total_epsilon:
            limit = spell(self.total_epsilon)
            yield ("per_query_epsilon",), f"One question may not cost more than all together, {limit}."
        yield from self._wrong_parts()
        yield from self._wrong_reserve()

    @property
    def delta_of_losses(self) -> Decimal:
        """The delta that is left for losses in zCDP: all but what is reserved."""
        return self.total_delta - (self.reserved_delta or 0)

    def _wrong_parts(self) -> Iterator[Located]:
        whole = spell(self.total_epsilon)
        parts = {
            ("initial_epsilon",): self.initial_epsilon,
            ("analyst_epsilon",): self.analyst_epsilon,
            ("analyst_most_epsilon",): self.analyst_most_epsilon,
            ("window", "epsilon"): None if self.window is None else self.window.epsilon,
        }
        for key, part in parts.items():
            if part is not None and part > self.total_epsilon:
                yield key, f"This is part of total_epsilon; write at most {whole}."
        if self.analyst_most_epsilon is not None:
            if self.analyst_epsilon is None:
                yield ("analyst_most_epsilon",), "Without analyst_epsilon there is nothing to raise."
            elif self.analyst_most_epsilon <= self.analyst_epsilon:
                yield ("analyst_most_epsilon",), "Write more than analyst_epsilon, or leave this out."

    def _wrong_reserve(self) -> Iterator[Located]:
        if (self.threshold_delta is None) != (self.reserved_delta is None):
            yield ("threshold_delta",), "threshold_delta and reserved_delta are given together or not at all."
        elif self.threshold_delta is not None and self.reserved_delta is not None:
            if self.reserved_delta >= self.total_delta:
                yield ("reserved_delta",), "This is part of total_delta; write less than that."
            if self.threshold_delta > self.reserved_delta:
                yield ("threshold_delta",), "One question may not cost more than is reserved for all."


class AuthorizationPolicy(PolicyModel):
    """One authorization."""

    name: Slug
    """Name that a question states; also the name of the file."""
    group: Slug
    """Group of the hub whose members may use it."""
    dataset: Name
    """The one dataset it opens."""
    purpose: Sentence
    """What the answers are for."""
    mode: Mode
    """How wide it reaches (mandatory part)."""
    conditions: Sentence
    """Conditions of use (mandatory part)."""
    term: Term
    """From when until when (mandatory part)."""
    exit: Sentence
    """What happens with workspaces, files and products when it ends (mandatory part)."""
    responsible: Sentence
    """Who is responsible for safety (mandatory part)."""
    tables: Annotated[dict[Name, tuple[Name, ...]], Field(min_length=1)]
    """Tables, and the columns opened of each; the unit is always countable and is not listed."""
    loss: LossLimits
    """How much may be learnt."""
    reviewed_answers: Annotated[StrictInt, Field(ge=0, le=MOST_REVIEWED_ANSWERS)] = 0
    """Reviewed answers that may be asked for in all, by everybody together; 0: none at all."""
    recipients: Recipients = Field(default_factory=dict)
    """To whom released packages are encrypted; where there is nobody, packages are not encrypted."""

    def _contradictions(self) -> Iterator[Located]:
        holders: dict[str, str] = {}
        for name, key in self.recipients.items():
            if holders.setdefault(key, name) != name:
                yield ("recipients", name), f"This is the key of {holders[key]!r}; name each holder once."

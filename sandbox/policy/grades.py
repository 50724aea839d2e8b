"""The least that each grade of data demands, the populations, and the rules of review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt

from sandbox.policy.values import Delta, Epsilon, Located, Name, PolicyModel, Slug


class Queries(StrEnum):
    """Which kind of answer a grade admits."""

    ANY = "any"
    """Any aggregate; the gateway still answers with noise."""
    DP = "dp"
    """Differentially private answers only."""
    REFUSED = "refused"
    """The data may not be registered at all."""


class GradePolicy(PolicyModel):
    """Minimum controls of one grade; a dataset or authorization weaker than its grade does not load."""

    name: Slug
    """Name of the grade; in the file it is the heading."""
    queries: Queries
    """Which kind of answer is admitted."""
    min_group: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 0
    """Least number of persons in a group of a released file."""
    per_query_epsilon: Epsilon | None = None
    """Largest epsilon of one question; None leaves it to the authorization."""
    yearly_epsilon: Epsilon | None = None
    """Largest total epsilon of an authorization for each year of its term; None leaves it open."""
    scenario_only: StrictBool = False
    """Whether only authorizations of mode scenario may use the data."""
    reviewed: StrictBool = False
    """Whether its datasets may allow reviewed answers, which are exact and no differential privacy."""
    reviewers: Annotated[StrictInt, Field(ge=1, le=10)] = 1
    """Least number of reviewers who approve a release that is not green."""


class PopulationPolicy(PolicyModel):
    """Persons whose data several datasets hold, and what may be learnt about one of them in a lifetime."""

    name: Name
    """Name of the population; in the file it is the heading."""
    description: Annotated[str, Field(min_length=1)]
    """Who these persons are."""
    lifetime_epsilon: Epsilon
    """Epsilon of all answers from all datasets of this population, at :attr:`lifetime_delta`."""
    lifetime_delta: Delta
    """Chance, over all these answers, that the promise fails."""
    reserved_delta: Delta | None = None
    """Part of :attr:`lifetime_delta` for questions whose keys are not public; None refuses them."""

    @property
    def delta_of_losses(self) -> Decimal:
        """The delta that is left for losses in zCDP: all but what is reserved."""
        return self.lifetime_delta - (self.reserved_delta or 0)

    def _contradictions(self) -> Iterator[Located]:
        if self.reserved_delta is not None and self.reserved_delta >= self.lifetime_delta:
            yield ("reserved_delta",), "This is part of lifetime_delta; write less than that."


Risk = Literal["green", "amber", "red"]
Seats = Literal["open", "drawn"]
Percent = Annotated[StrictInt, Field(ge=1, le=100)]
Count = Annotated[StrictInt, Field(ge=1, le=1_000_000)]


def _default_quorum() -> dict[Risk, int]:
    return {"green": 1, "amber": 2, "red": 2}


def _default_cooling() -> dict[Risk, int]:
    return {"green": 0, "amber": 0, "red": 24}


class ReviewPolicy(PolicyModel):
    """What files may look like when they leave, and how many people must agree."""

    min_cell: Count = 10
    """Least count that a table may show."""
    round_to: Count = 5
    """Counts not covered by a receipt are rounded to multiples of this."""
    max_rows: Count = 5_000
    """A table with more rows is refused."""
    max_rows_unsupported: Count = 20
    """Rows of a table that no receipt supports."""
    significant_digits: Annotated[StrictInt, Field(ge=1, le=15)] = 4
    """Significant digits of a number that no receipt supports."""
    max_cell_chars: Count = 200
    """Characters in one cell."""
    one_share: Percent = 50
    """Percent of a sum from which its largest contribution dominates it."""
    two_share: Percent = 67
    """Percent of a sum from which its two largest contributions dominate it."""
    p_percent: Percent = 10
    """Percent of the largest contribution within which the second could estimate it."""
    class_share: Percent = 90
    """Percent of a total from which one of its cells tells of the whole group."""
    least_dof: Count = 10
    """Fewest residual degrees of freedom of a model."""
    flag_zeros: StrictBool = False
    """Whether a count of nobody is to be weighed."""
    profile: Slug | None = None
    """Name of the file in ``profiles`` that says the limits of checks which are not said here."""
    package_days: Annotated[StrictInt, Field(ge=1, le=365)] = 14
    """Days for which a released package may be downloaded."""
    max_downloads: Count = 3
    """Times that a released package may be downloaded."""
    quorum: dict[Risk, Annotated[StrictInt, Field(ge=1, le=10)]] = Field(default_factory=_default_quorum)
    """Reviewers who must approve, by risk class; a grade may ask for more. Red needs a data steward too."""
    training: StrictBool = False
    """Whether who hands in or reviews must have a training that has not run out."""
    seats: Seats = "drawn"
    """``drawn``: reviewers are drawn at random for each request; ``open``: whoever may review does."""
    cooling_hours: dict[Risk, Annotated[StrictInt, Field(ge=0, le=24 * 30)]] = Field(
        default_factory=_default_cooling
    )
    """Hours between approval and sealing, in which an officer may hold the request, by risk class."""
    lapse_days: Annotated[StrictInt, Field(ge=1, le=365)] = 60
    """Days after which a request that came back, and that its author left unanswered, is closed."""

    @classmethod
    def _contradictions_as_written(cls, given: Mapping[str, Any]) -> Iterator[Located]:
        for key, what in (("quorum", "how many approve"), ("cooling_hours", "how long to wait before")):
            table = given.get(key)
            if isinstance(table, Mapping):
                for risk in _default_quorum():
                    if risk not in table:
                        yield (key, risk), f"The table must say {what} a {risk} release."

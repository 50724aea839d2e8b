"""What every engine owes to a registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.errors import NotAnswerable


@dataclass(frozen=True, slots=True, repr=False)
class Units:
    """Exact counts; they live only between the engine and the noise."""

    bins: tuple[int, ...]
    """Units by their number of rows; see :func:`sandbox.sources.profile.edges_for`."""


@dataclass(frozen=True, slots=True, repr=False)
class Counted:
    """Exact counts of a survey of one table; they live only between the engine and the noise."""

    units: Units
    columns: Mapping[str, tuple[int, ...]]
    """By column, rows in each class; see :mod:`sandbox.sources.classes`."""


class Source(Protocol):
    """The raw tables of one dataset as they stand at one moment.

    Every method may raise anything, with any text; the caller lets none of it out.
    """

    def fingerprints(self) -> Mapping[str, str]:
        """Return, by table, what changes when its raw rows change."""

    def location(self, digest: str) -> str:
        """Return where the copy with this digest belongs."""

    def stands(self, location: str) -> bool:
        """Return whether a whole copy is there."""

    def copy(self, location: str, *, seed: bytes) -> Mapping[str, Units]:
        """Write the bounded copy, whole or not at all, and count the units of each table.

        Raises:
            Exception: of any type; also where the raw rows are no longer those of the fingerprints.
        """

    def count(self, *, seed: bytes) -> Mapping[str, Counted]:
        """Return what a survey counts in each table; ``seed`` draws one row of each unit."""


def require_one_kind(kinds: Iterable[str]) -> None:
    """Make sure that a person is written alike in every table of a dataset.

    Of whole numbers in one table and texts in another, none may be taken for the same and none for
    different without reading them: "007" may be the person 7 or somebody else.

    Raises:
        NotAnswerable: the units of the private tables are of different kinds.
    """
    if len(set(kinds)) > 1:
        raise unreadable()


def unreadable() -> NotAnswerable:
    """Return the one refusal of a registration."""
    return NotAnswerable(
        "source-unreadable",
        "The raw tables of this dataset cannot be read the way its policy describes them.",
        allowed="Each source exists, opens as its ending says, has every column that the policy names, "
        "and says whose row it is by values of the same type as the others. If a table is public, no two of "
        "its rows share the unique key.",
    )

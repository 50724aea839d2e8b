"""A survey: what advice on a dataset's policy is made of. Noisy, and paid for before it is taken.

For each table one histogram of its units by number of rows (:mod:`sandbox.sources.profile`) and, for
each column, one of one row of each unit by class (:mod:`sandbox.sources.classes`). Every histogram has
sensitivity 1, so all of them get the same share of the epsilon. Nothing else leaves the registrar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from functools import reduce
from typing import Any

from sandbox.canonical import Canonical
from sandbox.policy.dataset import DatasetPolicy
from sandbox.privacy.loss import Loss
from sandbox.privacy.noise import noisy_counts
from sandbox.sources.classes import surveyed
from sandbox.sources.loading.protocol import Source
from sandbox.sources.profile import TruncationProfile, noisy_profile

_SHARE = Context(prec=24, rounding=ROUND_FLOOR)


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSurvey:
    """What a survey says of one table."""

    profile: TruncationProfile
    """Units by their number of rows."""
    columns: Mapping[str, tuple[int, ...]]
    """By column, noisy number of units whose drawn row is in each class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What a survey says of one dataset."""

    epsilon: Decimal
    """Pure epsilon of each histogram."""
    tables: Mapping[str, TableSurvey]

    def to_document(self) -> dict[str, Canonical]:
        """Return the survey as a canonical document."""
        tables: dict[str, Canonical] = {
            name: {
                "profile": table.profile.to_document(),
                "columns": {column: list(counts) for column, counts in table.columns.items()},
            }
            for name, table in self.tables.items()
        }
        return {"epsilon": str(self.epsilon), "tables": tables}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Survey:
        """Read back what :meth:`to_document` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is another document.
        """
        tables = {
            name: TableSurvey(
                profile=TruncationProfile.from_document(table["profile"]),
                columns={column: tuple(counts) for column, counts in table["columns"].items()},
            )
            for name, table in document["tables"].items()
        }
        return cls(epsilon=Decimal(document["epsilon"]), tables=tables)


def survey_loss(dataset: DatasetPolicy, epsilon: Decimal) -> Loss:
    """Return what a survey of ``dataset`` costs that spends ``epsilon`` on all its histograms together."""
    each = Loss.of_pure(_share(dataset, epsilon))
    return reduce(Loss.__add__, [each] * _histograms(dataset))


def take_survey(dataset: DatasetPolicy, source: Source, *, seed: bytes, epsilon: Decimal) -> Survey:
    """Count and noise what the survey of ``dataset`` says.

    Args:
        dataset: the policy.
        source: its raw tables.
        seed: the dataset's secret; draws the row by which a unit takes part.
        epsilon: pure epsilon of all histograms together.

    Raises:
        Exception: of any type and text, where a table cannot be read.
    """
    share = _share(dataset, epsilon)
    tables = {
        name: TableSurvey(
            profile=noisy_profile(counted.units.bins, dataset.tables[name], epsilon=share),
            columns={
                column: noisy_counts(counts, sensitivity=1, epsilon=share)
                for column, counts in counted.columns.items()
            },
        )
        for name, counted in source.count(seed=seed).items()
    }
    return Survey(epsilon=share, tables=tables)


def _histograms(dataset: DatasetPolicy) -> int:
    return sum(1 + len(surveyed(table)) for table in dataset.private_tables.values())


def _share(dataset: DatasetPolicy, epsilon: Decimal) -> Decimal:
    return _SHARE.divide(epsilon, Decimal(_histograms(dataset)))

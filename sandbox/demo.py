"""A generated register to try the sandbox with: nobody in it exists.

It has what makes real registers hard: a few persons with hundreds of rows, costs with a heavy tail
and gaps, rows without a person, and a column of free text that must never leave.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

_Integers = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.float64]

PERSONS: Final = 25_000
ROWS: Final = 200_000

DISTRICTS: Final = (
    "Anlan",
    "Beihe",
    "Chunxi",
    "Dongshan",
    "Fengqiao",
    "Guanghua",
    "Hongwan",
    "Jinxiu",
    "Luhe",
    "Nanping",
    "Qingyuan",
    "Xicheng",
)
SERVICES: Final = (
    "general",
    "chronic_care",
    "vaccination",
    "dental",
    "maternity",
    "emergency",
    "mental_health",
    "rehabilitation",
)
AGE_GROUPS: Final = ("0-17", "18-39", "40-59", "60-79", "80+")
SEXES: Final = ("female", "male")

_SERVICE_WEIGHTS = np.array([30, 22, 12, 11, 5, 8, 5, 7]) / 100
_TYPICAL_COST = np.array([80, 150, 40, 220, 480, 620, 260, 310])
_AGE_WEIGHTS = np.array([14, 30, 28, 21, 7]) / 100
_FIRST_DAY = np.datetime64("2024-01-01")
_DAYS = 731
_FREQUENT = 50  # persons with hundreds of visits
_NOT_BILLED = 0.03
_NOBODY = 0.002
_NOTES = ("asked to call back", "brought an interpreter", "prefers mornings", "documents incomplete", "")


def write_register(target: Path, seed: int = 20260101) -> Path:
    """Write ``visits.parquet`` into ``target`` and return its path.

    The same seed gives the same rows in the same order. The file appears whole or not at all.

    Args:
        target: directory; made if it is not there.
        seed: of the generator.
    """
    target.mkdir(parents=True, exist_ok=True)
    path, unfinished = target / "visits.parquet", target / ".visits.parquet.unfinished"
    _visits(np.random.default_rng(seed)).to_parquet(unfinished, index=False, engine="pyarrow")
    unfinished.replace(path)
    return path


def _visits(random: np.random.Generator) -> pd.DataFrame:
    person = _persons_of_rows(random)
    district = random.choice(len(DISTRICTS), size=PERSONS, p=_falling(len(DISTRICTS)))
    age = random.choice(len(AGE_GROUPS), size=PERSONS, p=_AGE_WEIGHTS)
    sex = random.choice(len(SEXES), size=PERSONS, p=[0.52, 0.48])
    service = random.choice(len(SERVICES), size=ROWS, p=_SERVICE_WEIGHTS)
    day = _FIRST_DAY + random.integers(0, _DAYS, size=ROWS).astype("timedelta64[D]")
    identifier = pd.Series([f"P{number:06d}" for number in range(1, PERSONS + 1)])
    table = pd.DataFrame(
        {
            "person_id": identifier.to_numpy(dtype=object)[person],
            "district": np.array(DISTRICTS, dtype=object)[district[person]],
            "service": np.array(SERVICES, dtype=object)[service],
            "visit_date": pd.Series(day).dt.date,
            "cost": _costs(random, service),
            "age_group": np.array(AGE_GROUPS, dtype=object)[age[person]],
            "sex": np.array(SEXES, dtype=object)[sex[person]],
            "note": np.array(_NOTES, dtype=object)[random.integers(0, len(_NOTES), size=ROWS)],
        }
    )
    table.loc[random.random(ROWS) < _NOBODY, "person_id"] = None  # rows that belong to nobody known
    return table


def _persons_of_rows(random: np.random.Generator) -> _Integers:
    """Draw whose row each is, heavily skewed: most persons have a few, some have hundreds."""
    weight = random.lognormal(0.0, 0.7, size=PERSONS)
    weight[random.choice(PERSONS, size=_FREQUENT, replace=False)] *= 30
    return random.choice(PERSONS, size=ROWS, p=weight / weight.sum())


def _costs(random: np.random.Generator, service: _Integers) -> _Numbers:
    """Draw log-normal costs in yuan with two decimals; some visits were not billed."""
    cost = np.round(_TYPICAL_COST[service] * random.lognormal(0.0, 0.9, size=ROWS), 2)
    cost[random.random(ROWS) < _NOT_BILLED] = np.nan
    return cost


def _falling(length: int) -> _Numbers:
    weight: _Numbers = 1.0 / np.arange(2, length + 2, dtype=np.float64)
    total: _Numbers = weight / weight.sum()
    return total

"""What cures a finding, as functions of a data frame: each returns a new frame and leaves yours alone.

- :func:`drop_extremes` leaves out minima, maxima and ranges (C9);
- :func:`merge_small` adds small groups together, :func:`drop_small` leaves them out (C1);
- :func:`round_counts` rounds counts (C16);
- :func:`round_digits` cuts measures to significant digits (C24).

None of them makes a table safe by itself: check again, for the checks look at the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from sandbox.client.transport import Refused

_EXTREMES = frozenset(
    {"min", "max", "minimum", "maximum", "range", "p0", "p100", "smallest", "largest", "top1", "top2"}
)
_EXTREME_PARTS = ("最小", "最大", "极差", "最高值", "最低值")
_WORD = re.compile(r"[^\W_]+")


def round_counts(frame: pd.DataFrame, columns: Iterable[str], *, to: int = 5) -> pd.DataFrame:
    """Round counts to the nearest multiple of ``to``; half a multiple goes to the even one.

    Raises:
        Refused: a column is missing or holds something else than numbers.
    """
    return _each(frame, columns, lambda numbers: ((numbers / to).round() * to).astype("Int64"))


def round_digits(frame: pd.DataFrame, columns: Iterable[str], *, digits: int = 4) -> pd.DataFrame:
    """Round measures to ``digits`` significant digits; whole numbers stay whole.

    Raises:
        Refused: a column is missing or holds something else than numbers.
    """

    def cut(numbers: pd.Series) -> pd.Series:
        rounded = numbers.map(lambda value: float(f"{value:.{digits - 1}e}"), na_action="ignore")
        return rounded.astype("Int64") if (rounded.dropna() % 1 == 0).all() else rounded

    return _each(frame, columns, cut)


def drop_small(frame: pd.DataFrame, columns: Iterable[str], *, least: int = 10) -> pd.DataFrame:
    """Leave out the rows in which one of ``columns`` counts fewer than ``least``, and more than none.

    A total that still counts them gives them away: leave it out too, or merge instead.

    Raises:
        Refused: a column is missing or holds something else than numbers.
    """
    small = pd.Series(data=False, index=frame.index)
    for column in columns:
        small |= _small(_numbers(frame, column), least)
    return frame[~small].reset_index(drop=True)


def merge_small(
    frame: pd.DataFrame, by: str, columns: Sequence[str], *, least: int = 10, into: str = "other"
) -> pd.DataFrame:
    """Add small groups together into one row, with the next smallest until it is large enough.

    Args:
        frame: a table with one row for each group.
        by: the column that names the groups.
        columns: counts, which can be added.
        least: fewest that a count may show.
        into: name of the merged row.

    Raises:
        Refused: there are other columns beside these, which cannot be added; a group stands twice; or all
            groups together are too small.
    """
    counts = {column: _numbers(frame, column) for column in columns}
    other = [str(column) for column in frame.columns if column not in {by, *columns}]
    if other or not counts:
        raise _refused(
            f"Only counts can be added; {', '.join(other) or 'no column'} cannot.",
            "Leave other columns out first, or use drop_small.",
        )
    if frame[by].duplicated().any():
        raise _refused(f"A value of {by} stands in several rows.", "Give one row for each group.")
    order = pd.DataFrame(counts).min(axis=1).sort_values(kind="stable").index
    small = pd.DataFrame({name: _small(numbers, least) for name, numbers in counts.items()}).any(axis=1)
    if not small.any():
        return frame.copy()
    merged = list(frame.index[small])
    for index in (index for index in order if index not in merged):
        if not _small(_sums(counts, merged), least).any():
            break
        merged.append(index)
    if _small(_sums(counts, merged), least).any():
        raise _refused(f"All groups together are fewer than {least}.", "Such a table cannot leave.")
    row = {by: into, **_sums(counts, merged)}
    rest = frame.drop(index=merged)
    return pd.concat([rest, pd.DataFrame([row])[list(frame.columns)]], ignore_index=True)


def drop_extremes(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out each column, and each row by its label, that is a minimum, maximum, range or ``top1``."""
    columns = [column for column in frame.columns if not is_extreme(str(column))]
    kept = frame[columns]
    texts = kept.select_dtypes(exclude="number")
    extreme = texts.map(lambda cell: isinstance(cell, str) and is_extreme(cell)).any(axis=1)
    return kept[~extreme.astype(bool)].reset_index(drop=True)


def is_extreme(label: str) -> bool:
    """Return whether a name is one of a minimum, a maximum or a range."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    words = {word.casefold() for word in _WORD.findall(spaced)}
    return not _EXTREMES.isdisjoint(words) or any(part in label for part in _EXTREME_PARTS)


def _each(
    frame: pd.DataFrame, columns: Iterable[str], change: Callable[[pd.Series], pd.Series]
) -> pd.DataFrame:
    changed = pd.DataFrame(frame)
    return changed.assign(**{column: change(_numbers(frame, column)) for column in columns})


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame.columns:
        known = ", ".join(map(str, frame.columns))
        raise _refused(f"There is no column {column}.", f"The columns are: {known}.")
    numbers = pd.to_numeric(frame[column], errors="coerce")
    if numbers.isna().sum() > frame[column].isna().sum():
        raise _refused(f"Column {column} holds something else than numbers.", "Name columns of numbers.")
    return numbers


def _small(numbers: pd.Series, least: int) -> pd.Series:
    return (numbers < least) & (numbers != 0)


def _sums(counts: Mapping[str, pd.Series], rows: list[Any]) -> pd.Series:
    return pd.Series({name: numbers[rows].sum() for name, numbers in counts.items()})


def _refused(sentence: str, allowed: str) -> Refused:
    return Refused("fix-impossible", sentence, allowed=allowed)

"""What the checks say of files, each finding with what cures it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sandbox.client import fixes
from sandbox.client.transport import Refused

CURES: Mapping[str, tuple[str, ...]] = {
    "C1": ("merge_small", "drop_small"),
    "C9": ("drop_extremes",),
    "C16": ("round_counts",),
    "C24": ("round_digits",),
}
"""By code of a finding, the functions of :mod:`sandbox.client.fixes` that cure it, best first."""
ORDER = ("drop_extremes", "drop_small", "round_counts", "round_digits")
"""What :meth:`Checked.cured` applies, and when: groups go before what is left is rounded."""
_COLUMN = re.compile(r"(?:row \d+, )?column (?P<name>.+)")


@dataclass(frozen=True, slots=True)
class Checked:
    """What would be found if the files were handed in now; nothing was handed in."""

    document: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """``pass``; ``flag``: a reviewer must weigh it; ``refuse``: it would be blocked."""
        return str(self.document["verdict"])

    @property
    def findings(self) -> pd.DataFrame:
        """One row for each finding; ``cure`` is what to write in the notebook, where anything cures it."""
        rows = [
            {"file": file, **{key: found[key] for key in ("code", "severity", "where", "sentence", "fix")},
             "cure": "; or ".join(self._calls(found))}
            for file, found in self._found()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["file", "code", "severity", "where", "sentence", "fix", "cure"])

    def cured(self, frame: pd.DataFrame, file: str = "") -> pd.DataFrame:
        """Return ``frame`` with everything applied that cures a finding about it; check it again.

        Args:
            frame: the table that was checked.
            file: the name it was checked under; may be left out where one file was.

        Raises:
            Refused: several files were checked, and none is named; or a fix does not fit the frame.
        """
        names = [str(one["name"]) for one in self.document["files"]]
        if file not in names and (file or len(names) != 1):
            raise Refused("file-unnamed", "Say which file this is.", allowed=f"Checked: {', '.join(names)}.")
        wanted = [found for name, found in self._found() if name == (file or names[0])]
        for fix in ORDER:
            columns = [_column(found) for found in wanted if fix in CURES.get(found["code"], ())]
            if columns:
                frame = self._apply(fix, frame, [name for name in columns if name])
        return frame

    def _apply(self, fix: str, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        limits = self.document["limits"]
        match fix:
            case "drop_extremes":
                return fixes.drop_extremes(frame)
            case "drop_small":
                return fixes.drop_small(frame, columns, least=limits["min_cell"])
            case "round_counts":
                return fixes.round_counts(frame, columns, to=limits["round_to"])
            case _:
                return fixes.round_digits(frame, columns, digits=limits["significant_digits"])

    def _found(self) -> list[tuple[str, Mapping[str, Any]]]:
        of_files = [(str(one["name"]), found) for one in self.document["files"] for found in one["findings"]]
        return of_files + [("", found) for found in self.document["findings"]]

    def _calls(self, found: Mapping[str, Any]) -> list[str]:
        limits, column = self.document["limits"], _column(found)
        calls = {
            "merge_small": f"fixes.merge_small(df, by=..., columns=[{column!r}], least={limits['min_cell']})",
            "drop_small": f"fixes.drop_small(df, [{column!r}], least={limits['min_cell']})",
            "drop_extremes": "fixes.drop_extremes(df)",
            "round_counts": f"fixes.round_counts(df, [{column!r}], to={limits['round_to']})",
            "round_digits": f"fixes.round_digits(df, [{column!r}], digits={limits['significant_digits']})",
        }
        return [calls[name] for name in CURES.get(found["code"], ())]

    def __repr__(self) -> str:
        needed = f"({self.document['risk']}, {self.document['quorum']} must approve)"
        lines = [f"{self.verdict}: handed in now, this would {self.document['would']} {needed}"]
        for file, found in self._found():
            place = ", ".join(part for part in (file, found["where"]) if part)
            sentence = f"{found['sentence']} {found['fix']}".rstrip()
            lines.append(f"  {found['code']} [{found['severity']}] {place}: {sentence}")
            lines += [f"      cure: {call}" for call in self._calls(found)]
        return "\n".join(lines)


def _column(found: Mapping[str, Any]) -> str:
    match = _COLUMN.fullmatch(found["where"])
    return match["name"] if match else ""

"""Answers and estimates as a notebook shows them."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

PICO = 10**12


class Answer(pd.DataFrame):
    """A data frame of noisy values; ``x_low`` and ``x_high`` beside an aggregate ``x`` are its 95 % interval.

    The frame computes like any other. What you derive from it is a plain frame without a receipt,
    because a receipt covers the answer's own bytes only; :meth:`save` writes those.
    """

    _metadata: ClassVar[list[str]] = ["document"]
    document: Mapping[str, Any]

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Answer:
        """Build the frame from the gateway's document."""
        frame = pd.DataFrame(document["rows"], columns=document["columns"])
        for name in document["aggregates"]:
            for column in (name, f"{name}_low", f"{name}_high"):
                frame[column] = pd.to_numeric(frame[column])
        answer = cls(frame)
        answer.document = document
        return answer

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    @property
    def cost(self) -> dict[str, Any]:
        """Epsilon of this answer and the zCDP rho that was charged for it now: 0 where repeated."""
        return {"epsilon": self.document["epsilon"], "rho": self.document["picorho"] / PICO}

    @property
    def repeated(self) -> bool:
        """Whether this answer was given before and is given again, number for number, at no cost."""
        return bool(self.document["cached"])

    @property
    def left(self) -> list[dict[str, Any]]:
        """For each scope that was charged: what is left, and how many more questions like this fit."""
        return list(self.document["left"])

    @property
    def warnings(self) -> list[str]:
        """Sentences on what the answer leaves out."""
        return list(self.document["warnings"])

    @property
    def receipt(self) -> str:
        """The gateway's signed statement of this answer; hand it in with the file on submission."""
        return str(self.document["receipt"])

    @property
    def csv(self) -> bytes:
        """The answer's own CSV, the very bytes its receipt covers."""
        return str(self.document["csv"]).encode()

    @property
    def unchanged(self) -> bool:
        """Whether the frame still shows what the answer said; False once a cell was changed in place."""
        return pd.DataFrame(self).equals(pd.DataFrame(Answer.read(self.document)))

    def save(self, path: str | Path) -> Path:
        """Write the answer's own CSV, the very bytes its receipt covers, and the receipt beside it."""
        target = Path(path)
        target.write_bytes(self.csv)
        target.with_name(target.name + ".receipt").write_text(self.receipt + "\n", encoding="ascii")
        return target

    def _summary(self) -> list[str]:
        cost = f"cost: epsilon {self.document['epsilon']} (rho {self.cost['rho']:.6f})"
        lines = ["repeated: costs nothing" if self.repeated else cost]
        lines += [_left_line(left) for left in self.left]
        return lines + [f"note: {sentence}" for sentence in self.warnings]

    def __repr__(self) -> str:
        table = pd.DataFrame(self).to_string(index=False, max_rows=60)
        return "\n".join([table, "", *self._summary()])

    def _repr_html_(self) -> str:
        lines = "<br>".join(html.escape(line) for line in self._summary())
        return f"{pd.DataFrame(self)._repr_html_()}<p>{lines}</p>"  # type: ignore[operator]  # pandas leaves it untyped


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a question would cost and how exact it would be; nothing was read, nothing charged."""

    document: Mapping[str, Any]

    @property
    def cost(self) -> dict[str, Any]:
        """Epsilon and zCDP rho that the question would be charged."""
        return {"epsilon": self.document["epsilon"], "rho": self.document["picorho"] / PICO}

    @property
    def errors(self) -> pd.DataFrame:
        """For each aggregate the expected half width of its 95 % interval."""
        return pd.DataFrame(self.document["expected_errors"])

    @property
    def repeated(self) -> bool:
        """Whether the question was answered before, so that asking it costs nothing, unless ``fresh``."""
        return bool(self.document["cached"])

    def __repr__(self) -> str:
        cost = f"epsilon {self.document['epsilon']} (rho {self.cost['rho']:.6f})"
        again = f"would be repeated: costs nothing; a fresh answer would cost {cost}; no data was read"
        lines = [again if self.repeated else f"would cost: {cost}; no data was read"]
        lines += [_expected(error) for error in self.document["expected_errors"]]
        lines += [_left_line(left) for left in self.document["left"]]
        return "\n".join(lines + [f"note: {sentence}" for sentence in self.document["warnings"]])


@dataclass(frozen=True, slots=True)
class Filed:
    """A reviewed answer that waits for its reviewers; its numbers are not here."""

    document: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Id of the release request; :meth:`Session.my_releases` says where it stands."""
        return str(self.document["id"])

    @property
    def columns(self) -> list[str]:
        """Columns of the table."""
        return list(self.document["columns"])

    @property
    def left(self) -> int:
        """How many more reviewed answers the authorization opens."""
        return int(self.document["reviewed_answers_left"])

    def __repr__(self) -> str:
        shape = f"request {self.id}: {self.document['rows']} rows of {', '.join(self.columns)}"
        return f"{shape}\n{self.document['sentence']}\nreviewed answers left: {self.left}"


def _left_line(left: Mapping[str, Any]) -> str:
    more = f", {left['more_like_this']} more questions like this" if "more_like_this" in left else ""
    if "left_delta" in left:
        return f"left in {left['scope']}: delta {left['left_delta']} of {left['cap_delta']}{more}"
    return (
        f"left in {left['scope']}: rho {left['left_picorho'] / PICO:.6f} of "
        f"{left['cap_picorho'] / PICO:.6f} (epsilon {left['left_epsilon']} at delta {left['delta']}){more}"
    )


def _expected(error: Mapping[str, Any]) -> str:
    width = "" if error["half_width"] is None else f"± {error['half_width']} "
    return f"{error['name']}: {width}{error['note']}".rstrip()

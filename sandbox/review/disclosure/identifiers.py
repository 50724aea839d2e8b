"""C23: national identity numbers, bank cards and mobile telephones.

A number is believed to be an identifier when its check digit says so: GB 11643-1999 (ISO 7064
MOD 11-2) for resident identity numbers, ISO/IEC 7812-1 (Luhn) for cards. Mobile telephones have no
check digit; their numbering plan takes its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sandbox.review.finding import Finding, Severity

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
FEWEST = 3
"""Matches from which a column is refused."""
HALF = 0.5
"""Share of look-alikes that must pass, so that long sums are not taken for cards."""
_JOINTS = re.compile(r"(?<=[0-9])[ -](?=[0-9Xx])")


def is_resident_number(text: str) -> bool:
    """Return whether ``text`` is a resident identity number with a true date and check digit."""
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text[:17], strict=True))
    return text[0] in "12345678" and _CHECKS[total % 11] == text[17].upper()


def is_card_number(text: str) -> bool:
    """Return whether ``text`` begins as payment cards do and passes the Luhn check."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2]]
    return text[0] in "3456" and (sum(doubled) + sum(map(int, text[-1::-2]))) % 10 == 0


def is_mobile_number(text: str) -> bool:
    """Return whether ``text`` lies in the numbering plan of mobile telephones."""
    return (
        re.fullmatch(r"1(3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}", text) is not None
    )


@dataclass(frozen=True, slots=True)
class _Family:
    """One kind of identifier: how it looks and how it is proved."""

    title: str
    looks: re.Pattern[str]
    proves: Callable[[str], bool]
    one_is_enough: bool


_FAMILIES = (
    _Family(
        "resident identity numbers",
        re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9A-Za-z])"),
        is_resident_number,
        True,
    ),
    _Family("bank card numbers", re.compile(r"(?<![0-9.])[0-9]{16,19}(?![0-9.])"), is_card_number, False),
    _Family(
        "mobile telephone numbers", re.compile(r"(?<![0-9.])1[0-9]{10}(?![0-9.])"), is_mobile_number, False
    ),
)


def check(texts: Sequence[str], *, where: str) -> Iterator[Finding]:
    """Yield a finding for each kind of identifier that ``texts`` hold.

    Args:
        texts: cells of one column, or lines of a note.
        where: how to name the place.
    """
    plain = [_JOINTS.sub("", unicodedata.normalize("NFKC", text)) for text in texts]
    for family in _FAMILIES:
        alike = [match for text in plain for match in family.looks.findall(text)]
        proved = sum(map(family.proves, alike))
        if proved >= FEWEST and proved >= HALF * len(alike):
            yield _finding(family, proved, where, Severity.REFUSE)
        elif proved and family.one_is_enough:
            yield _finding(family, proved, where, Severity.FLAG)


def _finding(family: _Family, proved: int, where: str, severity: Severity) -> Finding:
    return Finding(
        code="C23",
        severity=severity,
        where=where,
        sentence=f"{proved} values are {family.title} by their check digit or numbering plan.",
        fix="Remove identifiers; nothing that names a person leaves.",
    )

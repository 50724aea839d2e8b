"""Numbers as they stand in cells: read exactly, respelled in one way.

A number is digits with an optional sign, decimal point and exponent, and nothing else; a percent
sign may follow. Commas in numbers are refused earlier, because 1,234 means two things.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Context, Decimal

_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?%?")
_SIGNS = {"\u2212": "-", "\uff0b": "+", "\uff0e": ".", "\uff05": "%"}
"""Minus, and the full-width forms of plus, point and percent."""
_CONTEXT_DIGITS = 80
"""More than 30 + 30 digits, so that reading never rounds."""
_LONGEST_PLAIN = 20
"""Largest power of ten that is spelled without an exponent."""


def read_number(cell: str) -> Decimal | None:
    """Return the number in ``cell``, or None where it is something else."""
    if _NUMBER.fullmatch(cell) is None:
        return None
    return Decimal(cell.rstrip("%"), Context(prec=_CONTEXT_DIGITS))


def is_whole(cell: str) -> bool:
    """Return whether ``cell`` is written as a whole number."""
    return _NUMBER.fullmatch(cell) is not None and not set(cell) & set(".eE%")


def _in_ascii(cell: str) -> str:
    """Return a number of any script in ASCII; what is none as it is."""
    if cell.isascii():
        return cell
    spelled = "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else _SIGNS.get(sign, sign) for sign in cell
    )
    return spelled if read_number(spelled) is not None else cell


def significant(number: Decimal) -> int:
    """Return how many significant digits ``number`` has, zeros at either end not counted."""
    return len("".join(map(str, number.as_tuple().digits)).strip("0"))


def respell(cell: str, *, digits: int) -> str:
    """Return the one spelling of a fractional number, rounded half to even to ``digits`` digits.

    Whole numbers and what is no number come back as they are: leading zeros may be part of a code. Digits of
    other scripts and widths, which no check would read as numbers, become those of ASCII.
    """
    cell = _in_ascii(cell)
    number = read_number(cell)
    if number is None or is_whole(cell):
        return cell.removeprefix("+") if number is not None else cell
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(number).normalize(Context(prec=digits))
    if rounded == 0:
        text = "0"
    elif abs(rounded.adjusted()) > _LONGEST_PLAIN:
        text = f"{rounded:E}"
    else:
        text = f"{rounded:f}"
    return text + ("%" if cell.endswith("%") else "")

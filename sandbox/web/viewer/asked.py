"""What a reader asked of a table: order, filter, columns, page; all of it in the address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from sandbox.errors import Malformed

FORMS: Final = ("table", "text", "hex")
"""Ways in which a file is shown; the first that fits it where nothing is asked."""
_NUMBER = re.compile(r"-?[0-9]{1,6}")
_NUMBERS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})*")
LONGEST_FIND = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One way of looking at a file; columns are counted from 1."""

    form: str = ""
    """One of :data:`FORMS`, or empty for the one that fits the file."""
    sort: int = 0
    """Column to sort by, negative for the largest first; 0 keeps the file's order."""
    find: str = ""
    """Text that a row must hold, in any case of letters."""
    column: int = 0
    """Column that must hold it; 0 is any."""
    hide: tuple[int, ...] = ()
    """Columns that are left out."""
    failing: bool = False
    """Whether only rows that a finding names are shown."""
    against: int = 0
    """Earlier round that the table is compared with; 0 compares nothing."""
    page: int = 1
    on: int = 0
    """Row or line that a comment is to be written on; 0 is the whole file."""

    def link(self, **changes: Any) -> str:
        """Return the query of this view with ``changes``; a change of what is shown starts at page 1."""
        return "?" + urlencode(replace(self, **{"page": 1, "on": 0, **changes}).query())

    def fields(self, *without: str) -> list[tuple[str, str]]:
        """Return the hidden fields of a form that changes ``without`` and keeps the rest."""
        return [(name, value) for name, value in self.query().items() if name not in {*without, "page", "on"}]

    def query(self) -> dict[str, str]:
        """Return what an address must say to ask for this view."""
        fields = {
            "as": self.form,
            "sort": self.sort or "",
            "find": self.find,
            "column": self.column or "",
            "hide": ".".join(map(str, self.hide)),
            "failing": "1" if self.failing else "",
            "against": self.against or "",
            "page": self.page if self.page > 1 else "",
            "on": self.on or "",
        }
        return {name: str(value) for name, value in fields.items() if value}


def read_asked(query: Mapping[str, str]) -> Asked:
    """Read the query of a file's page.

    Raises:
        Malformed: it asks for no view there is.
    """
    form, hide = query.get("as", ""), query.get("hide", "")
    if (form and form not in FORMS) or (hide and not _NUMBERS.fullmatch(hide)):
        raise _unknown()
    return Asked(
        form=form,
        sort=_number(query.get("sort", "0")),
        find=query.get("find", "")[:LONGEST_FIND],
        column=max(0, _number(query.get("column", "0"))),
        hide=tuple(sorted({int(part) for part in hide.split(".")})) if hide else (),
        failing="failing" in query,
        against=max(0, _number(query.get("against", "0"))),
        page=max(1, _number(query.get("page", "1"))),
        on=max(0, _number(query.get("on", "0"))),
    )


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _unknown()
    return int(text)


def _unknown() -> Malformed:
    return Malformed(
        "view-unknown", "The address asks for no view there is.", allowed="Use the page's links."
    )

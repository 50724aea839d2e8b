"""The officer's pages: search, one entry, the story of one question or release.

Each look is itself an entry, written before anything is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sandbox.audit.event import Kind
from sandbox.audit.explore.found import Found, Wanted
from sandbox.canonical import Canonical
from sandbox.errors import Malformed, NotFound
from sandbox.web.languages import translatable
from sandbox.web.render import page
from sandbox.web.route import Call, Reply, download
from sandbox.web.story import tell

EXPORTED: Final = 10_000
"""Entries of one export from the console; ``sandbox audit entries`` at the terminal has no limit."""
PAGE_ENTRIES: Final = 50
"""Entries on one page of the search."""
FACETS: Final = {
    "kind": translatable("What"),
    "actor": translatable("Who"),
    "authorization": translatable("Authorization"),
    "dataset": translatable("Dataset"),
    "decision": translatable("Decision"),
}
"""What the entries that fit are counted by, and how that is called."""
FILTERS: Final = (*FACETS, "subject", "text", "since", "until")
VALUES: Final = 10
"""Values of a facet that are shown at once."""
SEQ_DIGITS: Final = 18
"""Digits of the largest place that is looked up; below 2**63."""
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """One value of a facet, as a link that chooses it or takes it back."""

    text: str
    count: int
    chosen: bool
    link: str


def search(call: Call) -> Reply:
    """Show the newest entries that fit the filters, and what there is beside them."""
    filters = filters_of(call)
    wanted = Wanted(**filters, before=_seq(call.query["before"]) if "before" in call.query else None)
    call.gateway.looks.record_search(call.actor.name, wanted, channel=call.actor.channel.value)
    found = call.gateway.explorer.find(wanted, limit=PAGE_ENTRIES)
    return page(
        call,
        "audit.html",
        found=found,
        filters=filters,
        facets=_facets(found, filters),
        kinds=[kind.value for kind in Kind],
        before=wanted.before,
        shown=VALUES,
        exported=EXPORTED,
        older=urlencode({**filters, "before": found.older}) if found.older is not None else "",
        newest=urlencode(filters),
    )


def filters_of(call: Call) -> dict[str, str]:
    """Return what the query of a search says.

    Raises:
        Malformed: a day in it is none.
    """
    filters = {name: call.query[name] for name in FILTERS if name in call.query}
    for name in ("since", "until"):
        if name in filters and not _DAY.fullmatch(filters[name]):
            raise Malformed("day-malformed", "A day is written as in 2026-01-31.")
    return filters


def entry(call: Call) -> Reply:
    """Show one entry as it stands in the log."""
    return _entry(call, private=None, revealed=False)


def reveal(call: Call) -> Reply:
    """Show one entry with its sealed text; the look is recorded as such."""
    seq = _seq(call.params["seq"])
    _looked(call, subject=f"entry-{seq}", revealed=True)
    return _entry(call, private=call.gateway.books.log.reveal(seq), revealed=True)


def proof(call: Call) -> Reply:
    """Hand out the proof that one entry is in the log."""
    seq = _seq(call.params["seq"])
    _looked(call, subject=f"entry-{seq}")
    return download(name=f"entry-{seq}.tlog-proof", data=call.gateway.books.log.proof(seq))


def leaf(call: Call) -> Reply:
    """Hand out the exact bytes of one entry, which its proof speaks of."""
    seq = _seq(call.params["seq"])
    _looked(call, subject=f"entry-{seq}")
    return download(name=f"entry-{seq}.json", data=call.gateway.books.log.leaf(seq))


def trace(call: Call) -> Reply:
    """Tell the whole story of a question or a release, oldest first."""
    subject = call.params["id"]
    _looked(call, subject=subject)
    entries = call.gateway.books.log.trace(subject)
    if not entries:
        raise NotFound(
            "subject-unknown", "The log knows nothing of this id.", allowed="Search the log for it."
        )
    return page(call, "trace.html", subject=subject, entries=entries, story=tell(subject, entries))


def _facets(found: Found, filters: Mapping[str, str]) -> list[tuple[str, list[Value]]]:
    return [(label, _values(name, found.facets[name], filters)) for name, label in FACETS.items()]


def _values(name: str, counts: tuple[tuple[str, int], ...], filters: Mapping[str, str]) -> list[Value]:
    """Return the values of a facet, the chosen one first, even where nothing fits it any more."""
    chosen = filters.get(name)
    known = dict(counts)
    order = [value for value, _ in counts if value != chosen]
    return [
        Value(text=value, count=known.get(value, 0), chosen=value == chosen, link=_link(name, value, filters))
        for value in ([chosen] if chosen else []) + order
    ]


def _link(name: str, value: str, filters: Mapping[str, str]) -> str:
    """Return the search with this value chosen, or without it where it is."""
    rest = {key: given for key, given in filters.items() if key != name}
    return urlencode(rest if filters.get(name) == value else {**rest, name: value})


def _entry(call: Call, *, private: str | None, revealed: bool) -> Reply:
    seq = _seq(call.params["seq"])
    if not revealed:
        _looked(call, subject=f"entry-{seq}")
    found = call.gateway.books.log.entry(seq)
    size = call.gateway.books.log.status().size
    return page(
        call,
        "entry.html",
        entry=found,
        private=private,
        revealed=revealed,
        following=seq + 1 if seq + 1 < size else None,
        preceding=seq - 1 if seq else None,
    )


def _looked(call: Call, *, subject: str, **body: Canonical) -> None:
    call.gateway.looks.record(call.actor.name, subject=subject, channel=call.actor.channel.value, **body)


def _seq(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SEQ_DIGITS):
        raise NotFound("entry-unknown", "The log has no such entry.", allowed="Entries are numbered from 0.")
    return int(text)

"""The officer's pages: the head of the log, search, one entry, the story of one question or release.

Each look is itself an entry, written before anything is shown.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.audit.event import Event, Kind
from sandbox.errors import NotFound
from sandbox.web.render import page
from sandbox.web.route import Call, Reply, download

PAGE_ENTRIES = 50
"""Entries on one page of the search."""
FILTERS = ("actor", "kind", "subject", "dataset", "authorization", "text")
SEQ_DIGITS = 18
"""Digits of the largest place that is looked up; below 2**63."""


def search(call: Call) -> Reply:
    """Show the head of the log and the newest entries that fit the filters."""
    filters = {name: call.query[name] for name in FILTERS if name in call.query}
    _looked(call, subject="search", filters=filters)
    before = _seq(call.query["before"]) if "before" in call.query else None
    entries = call.gateway.books.log.search(**filters, before=before, limit=PAGE_ENTRIES)
    older = urlencode({**filters, "before": entries[-1].seq}) if len(entries) == PAGE_ENTRIES else ""
    return page(
        call,
        "audit.html",
        status=call.gateway.books.log.status(),
        entries=entries,
        filters=filters,
        kinds=[kind.value for kind in Kind],
        older=older,
    )


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
    story = call.gateway.books.log.trace(subject)
    if not story:
        raise NotFound(
            "subject-unknown", "The log knows nothing of this id.", allowed="Search the log for it."
        )
    related = {name for entry in story for name in entry.event.get("related", ())}
    related |= {entry.event["subject"] for entry in story}
    return page(call, "trace.html", subject=subject, entries=story, related=sorted(related - {subject}))


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


def _looked(call: Call, *, subject: str, **body: Any) -> None:
    call.gateway.books.log.append(
        Event(
            kind=Kind.AUDIT_READ,
            actor=call.actor.name,
            subject=subject,
            body={"channel": call.actor.channel.value, **body},
        )
    )


def _seq(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SEQ_DIGITS):
        raise NotFound("entry-unknown", "The log has no such entry.", allowed="Entries are numbered from 0.")
    return int(text)

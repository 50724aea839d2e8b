"""What officers take along of the log: entries for a spreadsheet or a program, and lineage as W3C PROV.

Each export is an entry itself, written before anything is handed out.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Final

from sandbox.audit import entries, lineage
from sandbox.audit.event import Event, Kind
from sandbox.audit.explore.found import Wanted
from sandbox.canonical import Canonical
from sandbox.errors import NotFound
from sandbox.web.pages_audit import EXPORTED, filters_of
from sandbox.web.route import Call, Reply, download

TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


def found(call: Call) -> Reply:
    """Hand out the newest entries that fit a search."""
    form = call.params["form"]
    if form not in TYPES:
        raise NotFound("format-unknown", "There is no such format.", allowed="It is one of: csv, jsonl.")
    filters = filters_of(call)
    wanted = Wanted(**filters, before=None)
    _record(call, "entries", filters, format=form)
    fitting = islice(entries.newest_first(call.gateway.explorer, wanted), EXPORTED)
    return download(
        name=f"entries.{form}", data=b"".join(entries.FORMATS[form](fitting)), content_type=TYPES[form]
    )


def prov(call: Call) -> Reply:
    """Hand out where a released file comes from, or where an answer went."""
    subject = call.params["id"]
    _record(call, subject, {}, format="prov")
    log = call.gateway.books.log
    story = log.trace(subject)
    if not story:
        raise NotFound(
            "subject-unknown", "The log knows nothing of this id.", allowed="Search the log for it."
        )
    document = lineage.document(lineage.with_sources(log, story))
    data = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True).encode()
    return download(name="lineage.prov.json", data=data, content_type="application/json")


def _record(call: Call, subject: str, filters: dict[str, str], **body: Canonical) -> None:
    event = Event(
        kind=Kind.AUDIT_EXPORTED,
        actor=call.actor.name,
        subject=subject,
        body={"channel": call.actor.channel.value, "filters": sorted(filters), **body},
    )
    # What was looked for may name a person, so it is sealed.
    call.gateway.books.log.append(event, private=json.dumps(filters, ensure_ascii=False) if filters else None)

"""The reviewer's queue: every request they may look at, under the tab of whose turn it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from sandbox.errors import Malformed
from sandbox.review.finding import Severity
from sandbox.review.status import FINAL, Status
from sandbox.review.view import ReleaseView
from sandbox.web.languages import translatable

TABS: Final = {
    "waiting": translatable("Awaiting my review"),
    "consolidation": translatable("Reviews differ"),
    "others": translatable("Awaiting others"),
    "returned": translatable("With the author"),
    "sealing": translatable("Awaiting sealing"),
    "done": translatable("Done"),
}
FILTERS: Final = ("project", "author", "risk", "time")
_WITH_AUTHOR = frozenset({Status.BLOCKED, Status.RETURNED})
_SEALING = frozenset({Status.APPROVED, Status.SEALING, Status.TAMPERED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the queue."""

    view: ReleaseView
    findings: Mapping[str, int]
    """How many of each severity."""
    overdue: bool
    """Whether it should have been decided by now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """What one tab shows, and what stands behind the others."""

    tab: str
    rows: tuple[Row, ...]
    counts: Mapping[str, int]
    """Requests under each tab, whatever is filtered."""
    filters: Mapping[str, str]
    values: Mapping[str, Sequence[str]]
    """What each filter may be set to."""

    def link(self, tab: str) -> str:
        """Return the address of another tab under the same filters, fit to be kept as a bookmark."""
        return "/review?" + urlencode({"tab": tab, **self.filters})


def queue_of(views: Sequence[ReleaseView], query: Mapping[str, str], *, now: str) -> Queue:
    """Return the tab that ``query`` asks for, at the moment ``now``.

    Raises:
        Malformed: there is no such tab.
    """
    tab = query.get("tab", "waiting")
    if tab not in TABS:
        raise Malformed("tab-unknown", "There is no such list.", allowed="Use the page's links.")
    filters = {name: query[name] for name in FILTERS if name in query}
    own = [view for view in views if tab_of(view) == tab]
    # Who waits longest comes first where somebody can do something; elsewhere what happened last.
    ordered = own if tab in {"done", "sealing"} else own[::-1]
    fitting = [view for view in ordered if all(_value(view, name, now) == filters[name] for name in filters)]
    return Queue(
        tab=tab,
        rows=tuple(Row(view=view, findings=_findings(view), overdue=_overdue(view, now)) for view in fitting),
        counts=Counter(map(tab_of, views)),
        filters=filters,
        values={name: sorted({_value(view, name, now) for view in views}) for name in FILTERS},
    )


def tab_of(view: ReleaseView) -> str:
    """Return under which tab this reviewer finds a request."""
    if view.may_conclude:
        return "consolidation"
    if view.may_vote:
        return "waiting"
    if view.status in _WITH_AUTHOR:
        return "returned"
    if view.status in _SEALING:
        return "sealing"
    return "done" if view.status in FINAL or view.status is Status.RELEASED else "others"


def _overdue(view: ReleaseView, now: str) -> bool:
    return bool(view.due_at) and view.due_at <= now


def _value(view: ReleaseView, name: str, now: str) -> str:
    known: dict[str, Any] = {
        "project": view.request.authorization,
        "author": view.author,
        "risk": view.request.risk,
        "time": "overdue" if _overdue(view, now) else "in time",
    }
    return str(known[name])


def _findings(view: ReleaseView) -> Mapping[str, int]:
    found = [*view.request.report.findings, *(one for file in view.files for one in file.findings)]
    counted = Counter(str(finding.severity) for finding in found)
    return {str(severity): counted[str(severity)] for severity in Severity if counted[str(severity)]}

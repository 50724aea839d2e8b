"""What a request tells together with everything that was released or waits for release: differencing.

Looked at when files come in, and once more when they are sealed, against what was released meanwhile: two
requests that were approved side by side must not tell together what neither may tell alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, select

from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import Risk
from sandbox.policy.policies import Policies
from sandbox.review import rules
from sandbox.review.disclosure import differencing
from sandbox.review.finding import Finding, Report
from sandbox.review.forms import Table
from sandbox.review.request import Request, StoredFile, read_request
from sandbox.review.screen.screening import thresholds_of
from sandbox.review.status import Status
from sandbox.review.submission import policy_for
from sandbox.store import tables

RISKS: tuple[Risk, ...] = ("green", "amber", "red")
WAITING = frozenset({Status.REVIEW, Status.APPROVED})
"""States in which a request may still be released as it is. What was sealed once counts for ever."""


def weighed(connection: Connection, policies: Policies, request: Request) -> Request | None:
    """Return ``request`` with what it tells together with others, or None where nothing new was found.

    Tables that a receipt covers tell nothing: noise protects them, also together.
    """
    authorization = policies.authorizations.get(request.authorization)
    mine = [file for file in request.files if _tells(file)]
    if authorization is None or not mine:
        return None
    others = tuple(_tables_beside(connection, policies, request, authorization))
    thresholds = thresholds_of(policy_for(policies, authorization))
    found = [
        _of_file(file, finding)
        for file in mine
        for finding in differencing.check(_table_of(connection, file), others, thresholds)
    ]
    new = tuple(finding for finding in found if finding not in request.report.findings)
    if not new:
        return None
    report = Report((*request.report.findings, *new))
    risk = max(request.risk, rules.risk_of(request.files, report), key=RISKS.index)
    quorum = max(request.quorum, policies.approvals_needed(authorization, risk=risk))
    return replace(request, report=report, risk=risk, quorum=quorum)


def _tables_beside(
    connection: Connection, policies: Policies, request: Request, authorization: AuthorizationPolicy
) -> Iterator[Table]:
    """Yield the tables about the same people of all other requests that were or may be released."""
    t = tables.release_request
    names = _about_the_same(policies, authorization)
    query = select(t.c.id).where(t.c.id != request.id, t.c.authorization.in_(names))
    for other_id in connection.execute(query.order_by(t.c.created_at, t.c.id)).scalars().all():
        other = read_request(connection, other_id)
        if other.sealed or other.status in WAITING:
            yield from (_table_of(connection, file) for file in other.files if _tells(file))


def _about_the_same(policies: Policies, authorization: AuthorizationPolicy) -> frozenset[str]:
    """Return the authorizations whose data are about the same people."""
    people = policies.datasets[authorization.dataset].population
    return frozenset(
        name
        for name, other in policies.authorizations.items()
        if policies.datasets[other.dataset].population == people
    )


def _tells(file: StoredFile) -> bool:
    return file.kind == "table" and not file.receipt


def _of_file(file: StoredFile, finding: Finding) -> Finding:
    return replace(finding, where=f"{file.name}: {finding.where}")


def _table_of(connection: Connection, file: StoredFile) -> Table:
    """Return a stored table; its canonical form is rectangular, so nothing has to be guessed."""
    t = tables.blob
    content = connection.execute(select(t.c.content).where(t.c.sha256 == file.sha256)).scalar_one()
    header, *rows = csv.reader(io.StringIO(bytes(content).decode()))
    return Table(header=tuple(header), rows=tuple(map(tuple, rows)))

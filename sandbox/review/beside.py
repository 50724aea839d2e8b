"""What a request tells together with everything that was released or waits for release: differencing.

Looked at when files come in, and once more when they are sealed, against what was released meanwhile: two
requests that were approved side by side must not tell together what neither may tell alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.grades import Risk
from sandbox.policy.policies import Policies
from sandbox.review import rules
from sandbox.review.disclosure import differencing
from sandbox.review.finding import Finding, Report
from sandbox.review.forms import Table, table_of
from sandbox.review.request import Request, StoredFile, read_request
from sandbox.review.screen.screening import thresholds_of
from sandbox.review.status import Status
from sandbox.review.submission import policy_for
from sandbox.store import tables

RISKS: tuple[Risk, ...] = ("green", "amber", "red")
WAITING = frozenset({Status.REVIEW, Status.CONSOLIDATION, Status.APPROVED, Status.HELD})
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """One table of another request over the same people, beside a table of this one."""

    request: str
    """Id of the other request."""
    file: str
    at: str
    """When the other request last moved."""
    released: bool
    """Whether it was sealed once, so that it counts as known; else it waits."""
    overlap: differencing.Overlap


def beside(connection: Connection, policies: Policies, request: Request, name: str) -> tuple[Beside, ...]:
    """Return everything that was released or waits over the same people and has cells in common with a table.

    Args:
        connection: of the state database.
        policies: which authorizations are about the same people.
        request: the request.
        name: one of its files; where it is no table, or a receipt covers it, nothing is beside it.
    """
    authorization = policies.authorizations.get(request.authorization)
    file = next((one for one in request.files if one.name == name and _tells(one)), None)
    if authorization is None or file is None:
        return ()
    thresholds = thresholds_of(policy_for(policies, authorization))
    mine = _table_of(connection, file)
    return tuple(
        Beside(
            request=other.id, file=one.name, at=other.updated_at, released=bool(other.sealed), overlap=overlap
        )
        for other in _others(connection, policies, request, authorization)
        for one in other.files
        if _tells(one) and (not other.sealed or one.name in other.leaving)
        for overlap in differencing.overlaps(mine, _table_of(connection, one), thresholds)
    )


def _tables_beside(
    connection: Connection, policies: Policies, request: Request, authorization: AuthorizationPolicy
) -> Iterator[Table]:
    """Yield the tables about the same people of all other requests that were or may be released."""
    for other in _others(connection, policies, request, authorization):
        yield from (
            _table_of(connection, file)
            for file in other.files
            if _tells(file) and (not other.sealed or file.name in other.leaving)
        )


def _others(
    connection: Connection, policies: Policies, request: Request, authorization: AuthorizationPolicy
) -> Iterator[Request]:
    t = tables.release_request
    names = _about_the_same(policies, authorization)
    query = select(t.c.id).where(t.c.id != request.id, t.c.authorization.in_(names))
    for other_id in connection.execute(query.order_by(t.c.created_at, t.c.id)).scalars().all():
        other = read_request(connection, other_id)
        if other.sealed or other.status in WAITING:
            yield other


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
    """Return a stored table."""
    t = tables.blob
    content = connection.execute(select(t.c.content).where(t.c.sha256 == file.sha256)).scalar_one()
    return table_of(bytes(content))

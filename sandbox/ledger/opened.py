"""Which time window is open, and how far budgets are raised, by the decisions that verify.

A window that no verified decision has opened does not exist; where one decision of an authorization does
not verify, nothing that depends on decisions can be charged under it. The clock chooses among the windows
that were opened, and nothing else: what is spent stays under the window's name, so a clock that goes
back or jumps ahead finds the same windows as far spent as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from sandbox.errors import Refusal
from sandbox.ledger.decisions import Decision, Signed, Window, believed
from sandbox.ledger.scopes import BudgetLine, Closed
from sandbox.privacy.loss import Loss
from sandbox.recent import Recent
from sandbox.store import engine as store

_STORED = 'SELECT id, document, signature, seq FROM budget_decision WHERE "authorization" = ? ORDER BY seq'
_KEPT = 4096
NOTHING = Loss(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """One stored decision and whether it counts."""

    id: str
    seq: int
    """The entry of the log that it refers to."""
    decision: Decision | None
    """None where it does not verify."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What the decisions about one authorization add up to."""

    stored: tuple[Stored, ...]
    """All of them, in the order in which they were applied."""

    @property
    def verifies(self) -> bool:
        """Whether every one of them does."""
        return all(one.decision is not None for one in self.stored)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows that were opened, in the order of time."""
        opened = (window for one in self.stored if one.decision for window in one.decision.windows)
        return tuple(sorted(opened, key=lambda window: window.first))

    @property
    def raises(self) -> Mapping[str, Decimal]:
        """By scope, the highest limit that was given to it."""
        found: dict[str, Decimal] = {}
        for one in self.stored:
            for raised in one.decision.raises if one.decision else ():
                found[raised.scope] = max(raised.epsilon, found.get(raised.scope, raised.epsilon))
        return found


class Decided:
    """Reads the decisions of one state database; what was verified once is not verified again."""

    def __init__(self) -> None:
        # A decision, its entry and the key registered before it never change, so neither does the verdict.
        self._verified: Recent[tuple[str, str, int, bytes, bytes], Decision] = Recent(_KEPT)

    def standing(self, connection: Connection, authorization: str) -> Standing:
        """Return what was decided about ``authorization``, as the open transaction sees it."""
        rows = store.run(connection, _STORED, (authorization,)).fetchall()
        return Standing(stored=tuple(self._stored(connection, authorization, row) for row in rows))

    def opened(
        self, connection: Connection, lines: Iterable[BudgetLine], *, at: datetime
    ) -> tuple[BudgetLine, ...]:
        """Return ``lines`` as they stand at ``at``: windows named, raised budgets raised."""
        standings: dict[str, Standing] = {}
        found: list[BudgetLine] = []
        for line in lines:
            if not (line.windowed or line.begins is not None):
                found.append(line)
                continue
            name = line.authorization
            if name not in standings:
                standings[name] = self.standing(connection, name)
            found.append(_opened(line, standings[name], at))
        return tuple(found)

    def _stored(self, connection: Connection, authorization: str, row: Any) -> Stored:
        name, document, signature, seq = row
        signed = Signed(document=bytes(document), signature=bytes(signature))
        key = (name, authorization, seq, signed.document, signed.signature)
        decision = self._verified.get(key)
        if decision is None:
            try:
                decision = believed(connection, signed, name=name, authorization=authorization, seq=seq)
            except Refusal:
                return Stored(id=name, seq=seq, decision=None)
            self._verified.put(key, decision)
        return Stored(id=name, seq=seq, decision=decision)


def line_of(line: BudgetLine, window: Window) -> BudgetLine:
    """Return the budget of ``window``: the policy's cap or the decision's, whichever is smaller."""
    granted = Loss.cap(epsilon=window.epsilon, delta=line.delta)
    scope = window.scope(line.authorization)
    return replace(line, scope=scope, cap=min(line.cap, granted), windowed=False)


def _opened(line: BudgetLine, standing: Standing, at: datetime) -> BudgetLine:
    if not standing.verifies:
        return replace(line, cap=NOTHING, begins=None, closed=_BROKEN)
    if not line.windowed:
        return replace(line, cap=_raised(line, standing), begins=None)
    window = next((window for window in standing.windows if window.holds(at)), None)
    if window is None:
        return replace(line, cap=NOTHING, closed=_no_window(standing, at))
    return line_of(line, window)


def _raised(line: BudgetLine, standing: Standing) -> Loss:
    begins = line.cap if line.begins is None else line.begins
    raised = standing.raises.get(line.scope)
    if raised is None:
        return min(begins, line.cap)
    return min(line.cap, max(begins, Loss.cap(epsilon=raised, delta=line.delta)))


_BROKEN = Closed(
    code="decision-broken",
    sentence="A decision about this authorization's budgets does not verify, so {scope} takes no charge.",
    allowed="Tell the security officer; the account's history shows which decision it is.",
)


def _no_window(standing: Standing, at: datetime) -> Closed:
    ahead = [window.first for window in standing.windows if window.first > at.date()]
    follows = f"The next one opens on {min(ahead).isoformat()} (UTC). " if ahead else ""
    return Closed(
        code="no-window",
        sentence="No time window is open now, so {scope} takes no charge.",
        allowed=f"{follows}A steward or the authority opens windows; the clock opens none.",
    )

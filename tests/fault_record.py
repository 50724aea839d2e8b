"""What an opened state knows of the answers that have left."""

from __future__ import annotations

from fault_asker import CHEAP
from sqlalchemy import select

from sandbox.audit.event import Kind
from sandbox.ledger.books import check_books
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.store import tables


def unrecorded(ledger: Ledger, answers: set[str]) -> set[str]:
    """Prove log and ledger whole and every known answer paid; return the answers they do not know."""
    log, index = ledger._log, tables.event_index.c
    log.check_start()
    with log.reading() as connection:
        check_books(connection)
        query = select(index.subject).where(index.kind == Kind.QUESTION_OUTCOME, index.decision == "answered")
        known = answers & set(connection.execute(query).scalars())
    for balance in ledger.balances(scopes_for(CHEAP.checked)):
        assert balance.spent.picorho >= len(known) * CHEAP.loss.picorho
    return answers - known

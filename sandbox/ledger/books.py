"""Whether the ledger says what the log says: the log is evidence, the ledger's rows are not.

Every record of a charge names the budgets it was charged to, with the loss of each. So the ledger can be
made again from the log alone, and is compared with it before anybody is answered: a budget that somebody
lowered in the database by hand would give out more than its cap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, select

from sandbox import canonical
from sandbox.audit.event import Event
from sandbox.audit.reading import blob
from sandbox.canonical import Canonical
from sandbox.errors import Refusal
from sandbox.store.tables import budget, charge, entry

CHARGED = "charged"
"""Key of an event's body: from each budget's scope to the loss that was charged to it."""
_MARK = b'"charged":{'
"""What a leaf with such a body holds; to decode the few leaves only that may have one."""


def with_charges(event: Event, charges: Mapping[str, int]) -> Event:
    """Return ``event`` with the budgets that it charges in its body."""
    body: dict[str, Canonical] = {**event.body, CHARGED: dict(charges)}
    return Event(
        kind=event.kind,
        actor=event.actor,
        subject=event.subject,
        authorization=event.authorization,
        dataset=event.dataset,
        decision=event.decision,
        related=event.related,
        body=body,
    )


def check_books(connection: Connection) -> None:
    """Compare every charge and every budget with the log.

    The log must have been checked before. Charges that an earlier version recorded without their budgets
    are taken as they stand.

    Raises:
        Refusal: they differ (code ``books-broken``).
    """
    recorded = _recorded(connection)
    seen: Counter[tuple[int, str]] = Counter()
    spent: Counter[str] = Counter()
    for row in connection.execute(select(charge.c.seq, charge.c.scope, charge.c.loss)):
        place = (row.seq, row.scope)
        seen[place] += row.loss
        spent[row.scope] += row.loss
        if row.seq in recorded and recorded[row.seq].get(row.scope) != row.loss:
            raise _broken(f"the charge of entry {row.seq}")
    for seq, charges in recorded.items():
        if any(seen[seq, scope] != loss for scope, loss in charges.items()):
            raise _broken(f"the charge of entry {seq}")
    found = {row.scope: row.spent for row in connection.execute(select(budget.c.scope, budget.c.spent))}
    for scope in sorted(found.keys() | spent.keys()):
        if found.get(scope) != spent[scope]:
            raise _broken(f"the budget of {scope}")


def _recorded(connection: Connection) -> dict[int, Mapping[str, int]]:
    """Return what each entry of the log charged, by its place."""
    found: dict[int, Mapping[str, int]] = {}
    for seq, data in connection.execute(select(entry.c.seq, entry.c.leaf)):
        leaf = blob(data)
        if _MARK not in leaf:
            continue
        charges = canonical.decode(leaf)["body"].get(CHARGED)
        if isinstance(charges, dict):
            found[seq] = charges
    return found


def _broken(what: str) -> Refusal:
    return Refusal("books-broken", f"The ledger and the log do not agree about {what}.")

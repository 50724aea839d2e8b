"""A process that charges and concludes questions on the state of its settings, until it is killed.

Says ``ready``, then the id of each question whose answer would now leave. Run by the tests of faults;
not a test itself.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from ledger_asker import plan_of, policies
from sqlalchemy import update

from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, load_secret
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.errors import OverBudget
from sandbox.ledger.ledger import Ledger
from sandbox.ledger.scopes import scopes_for
from sandbox.privacy.charge import Charge
from sandbox.privacy.plan import Plan
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import open_state

THREADS = 4
ROOM = policies(total="100", lifetime="100")
CHEAP, LAST = plan_of("0.01", ROOM), plan_of("1", policies())
"""A question of which very many fit, and one of which exactly one does."""


class CarelessLedger(Ledger):
    """Planted: looks first, and writes what it saw plus the loss later."""

    def charge(self, request_id: str, plan: Plan, event: Event, *, private: str | None = None) -> Charge:
        lines = scopes_for(plan.checked)
        seen = self.balances(lines)
        if any(plan.loss > balance.left for balance in seen):
            raise OverBudget("over-budget", "Nothing is left.")
        with self._log.writing() as tx:
            for line, balance in zip(lines, seen, strict=True):
                spent = balance.spent.picorho + plan.loss.picorho
                row = tables.budget.c.scope == line.scope
                tx.connection.execute(update(tables.budget).where(row).values(spent=spent))
            intent = tx.append(event, private=private)
        return Charge(request_id=request_id, plan_digest=plan.digest, loss=plan.loss, intent=intent)


def open_ledger(settings: Settings, kind: type[Ledger] = Ledger) -> Ledger:
    """Open the ledger of ``settings``, whose keys are made where they are missing."""
    for name in ("log", "private"):
        if not (settings.home / name).exists():
            SigningKey.create(settings.home / name)
    engine = open_state(settings)
    signer = KeySigner(SigningKey.load(settings.home / "log"), state=settings.home / "signed")
    private = load_secret(settings.home / "private")
    return kind(Log(engine, signer=signer, private_key=private, commit_deadline=settings.commit_deadline))


def close(ledger: Ledger) -> None:
    """Give back what is open."""
    ledger._log.close()
    ledger._log.engine.dispose()


def intent(request: str) -> Event:
    """Return the record of a question that is being paid."""
    return Event(kind=Kind.QUESTION_INTENT, actor="ana", subject=request, authorization="study")


def outcome(request: str) -> Event:
    """Return the record of its answer."""
    return Event(kind=Kind.QUESTION_OUTCOME, actor="ana", subject=request, decision="answered")


def say(text: str) -> None:
    """Write one line at once, whole."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def ask_until_killed(ledger: Ledger, name: str, *, early: bool) -> None:
    """Ask with several threads; planted where ``early``: an answer leaves before its record."""
    saying = threading.Lock()

    def ask(thread: int) -> None:
        for number in count():
            request = f"{name}-{thread}-{number}"
            ledger.charge(request, CHEAP, intent(request))
            if early:
                with saying:
                    say(request)
            ledger._log.append(outcome(request))
            if not early:
                with saying:
                    say(request)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(THREADS)))


def race(ledger: Ledger, name: str, askers: int) -> None:
    """Wait for a line, ask with all threads at once, and say how many questions were granted."""

    def granted(number: int) -> bool:
        try:
            ledger.charge(f"{name}-{number}", LAST, intent(f"{name}-{number}"))
        except OverBudget:
            return False
        return True

    sys.stdin.readline()
    with ThreadPoolExecutor(askers) as pool:
        say(str(sum(pool.map(granted, range(askers)))))


def main(what: str, name: str, *flags: str) -> None:
    """Do ``what`` until it ends or is killed."""
    ledger = open_ledger(Settings.from_environment(), CarelessLedger if "careless" in flags else Ledger)
    say("ready")
    if what == "race":
        race(ledger, name, int(flags[0]))
    else:
        ask_until_killed(ledger, name, early="early" in flags)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A process that opens a gateway and does what each line of its input says, under any clock.

Lines are ``ask AUTHORIZATION``, ``log-in PASSWORD``, ``spent`` and ``time``; each gets one line back.
Run by the tests of faults; not a test itself.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.errors import Refusal
from sandbox.gateway import Gateway
from sandbox.governance import accounts, installation
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

GROUPS = frozenset({"analysts", "visits-study"})
ANA = Actor(name="ana", groups=GROUPS, scopes=scopes_of(GROUPS), channel=Channel.NOTEBOOK)
SQL = "SELECT district, COUNT(*) AS n FROM visits GROUP BY district"


class CarelessClock:
    """Planted: believes the system."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def not_before(self, moment: datetime) -> None:
        """Forget it."""


def done(gateway: Gateway, word: str, rest: str) -> str:
    """Do one line and return what is to be said of it."""
    match word:
        case "ask":
            answer = gateway.ask(sql=SQL, authorization=rest, epsilon=Decimal("0.25"), actor=ANA, fresh=True)
            return "repeated" if answer.cached else "answered"
        case "log-in":
            accounts.log_in(gateway.books.log, "lea", rest)
            return "granted"
        case "spent":
            return " ".join(str(one.spent.picorho) for one in gateway.balances(ANA))
        case _:
            return datetime.now(UTC).isoformat()


def main(*flags: str) -> None:
    """Answer line after line until the input ends."""
    if "careless" in flags:
        vars(installation)["SteadyClock"] = CarelessClock
    gateway = Gateway.open(Settings.from_environment())
    try:
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            try:
                said = done(gateway, word, rest)
            except Refusal as refusal:
                said = refusal.code
            sys.stdout.write(said + "\n")
            sys.stdout.flush()
    finally:
        gateway.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Asks one question and is killed at the moment that the test names."""

from __future__ import annotations

import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from sandbox import answering
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.repeats import Repeats
from sandbox.settings import Settings


def die(*_: object, **__: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def main(home: Path, policies: Path, moment: str) -> None:
    gateway = Gateway.open(Settings(home=home, raw=home / "raw", policies=policies))
    if moment == "after-charge":
        vars(answering)["extract"] = die
    else:
        Repeats.keep = die  # type: ignore[method-assign]  # the outcome is written, and not committed
    groups = frozenset({"analysts", "visits-study"})
    gateway.ask(
        sql="SELECT district, COUNT(*) AS n, AVG(cost) AS mean FROM visits GROUP BY district",
        authorization="visits-study",
        epsilon=Decimal("0.25"),
        actor=Actor(name="ana", groups=groups, scopes=scopes_of(groups), channel=Channel.NOTEBOOK),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

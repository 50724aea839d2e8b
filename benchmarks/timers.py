"""Where the time of one question goes: its steps, timed from outside.

A step is replaced by a timed one wherever the product holds it by name, so it does not matter which
module takes the step. What no step accounts for (records, receipt, the answer itself) is the rest.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sandbox.gateway import Gateway
from sandbox.ledger.ledger import Ledger
from sandbox.policy.check import check
from sandbox.privacy.noise import add_noise
from sandbox.privacy.plan import make_plan
from sandbox.privacy.post import finish
from sandbox.query.sql import parse
from sandbox.sources.engine import extract

WHOLE: Final = "whole"
NOISE: Final = "noise"
STEPS: Final[dict[str, Callable[..., Any]]] = {
    "parse": parse,
    "check": check,
    "plan": make_plan,
    "charge": Ledger.charge,
    "extract": extract,
    NOISE: add_noise,
    "post": finish,
}
"""The functions that take each step, in their order."""
REST: Final = "outcome record, receipt and the rest"


class Stopwatch:
    """Seconds of every step of every question asked while :meth:`running`."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {name: [] for name in (*STEPS, WHOLE)}

    def medians(self) -> dict[str, float]:
        """Return the median seconds of each step, of the rest and of the whole.

        Raises:
            LookupError: a step was not taken once a question, so what is timed is not what the gateway does.
        """
        steps = {name: self.median(name) for name in STEPS}
        wholes = self._seconds[WHOLE]
        if any(len(self._seconds[name]) != len(wholes) for name in STEPS):
            raise LookupError("a step of the gateway is not taken once in each question any more")
        rests = [
            whole - sum(parts)
            for whole, *parts in zip(wholes, *(self._seconds[name] for name in STEPS), strict=True)
        ]
        return {**steps, REST: statistics.median(rests), WHOLE: self.median(WHOLE)}

    def median(self, step: str) -> float:
        """Return the median seconds of a step.

        Raises:
            LookupError: the step was never taken.
        """
        if not self._seconds[step]:
            raise LookupError(f"the step {step!r} of the gateway was never taken")
        return statistics.median(self._seconds[step])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the steps of every question asked meanwhile."""
        with ExitStack() as stack:
            for name, function in {**STEPS, WHOLE: Gateway.ask}.items():
                timed = self._timed(name, function)
                for holder, attribute in _holders(function):
                    stack.callback(setattr, holder, attribute, function)
                    setattr(holder, attribute, timed)
            yield

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._seconds[name].append(time.perf_counter() - start)

        return timed


def _holders(function: Callable[..., Any]) -> list[tuple[Any, str]]:
    """Return where the product holds ``function`` by name: its modules, and the classes that have methods."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "sandbox"]
    return [
        (holder, name)
        for holder in (*modules, Gateway, Ledger)
        for name, held in vars(holder).items()
        if held is function
    ]

"""Where the time of one question goes: the steps of the gateway, timed from outside."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sandbox import gateway
from sandbox.ledger.ledger import Ledger

NOISE: Final = "noise"
STEPS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("parse", gateway, "parse"),
    ("check", gateway, "check"),
    ("plan", gateway, "make_plan"),
    ("snapshot", gateway.Gateway, "_snapshot"),
    ("charge", Ledger, "charge"),
    ("extract", gateway, "extract"),
    (NOISE, gateway, "add_noise"),
    ("post", gateway, "finish"),
    ("outcome record", gateway.Gateway, "_release_to_notebook"),
)
"""Name, owner and attribute of each step, in their order."""


class Stopwatch:
    """Seconds of every call of every step while :meth:`running`."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name, _, _ in STEPS}

    def median(self, step: str) -> float:
        """Return the median seconds of a step.

        Raises:
            LookupError: the step never ran, so that what is timed is no longer what the gateway does.
        """
        if not self.seconds[step]:
            raise LookupError(f"the step {step!r} of the gateway was never called")
        return statistics.median(self.seconds[step])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the steps of every question asked meanwhile."""
        with ExitStack() as stack:
            for name, owner, attribute in STEPS:
                original = getattr(owner, attribute)
                setattr(owner, attribute, self._timed(name, original))
                stack.callback(setattr, owner, attribute, original)
            yield

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name].append(time.perf_counter() - start)

        return timed

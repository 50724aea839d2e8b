"""One promise, how it is tried, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.doctor.subject import Subject, Unchecked
from sandbox.errors import Refusal, StartupRefusal, where


class Result(StrEnum):
    """What came of a check."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "cannot be checked"
    """Here, or now; counted and shown, and no statement that the promise holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of one check, and what was found."""

    result: Result
    found: str
    """One sentence."""
    remedy: str = ""
    """What to do, one sentence; empty where nothing fails."""


def holds(found: str) -> Outcome:
    """The promise was tried and kept."""
    return Outcome(result=Result.HOLDS, found=found)


def fails(found: str, *, remedy: str) -> Outcome:
    """The promise is broken."""
    return Outcome(result=Result.FAILS, found=found, remedy=remedy)


def unknown(why: str) -> Outcome:
    """The promise could not be tried, here or now."""
    return Outcome(result=Result.UNKNOWN, found=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One promise and how it is tried."""

    name: str
    """What ``--only`` calls it."""
    promise: str
    """One sentence."""
    how: str
    """How it is tried, one sentence."""
    test: Callable[[Subject], Outcome]

    def run(self, subject: Subject) -> Outcome:
        """Try it. Whatever goes wrong is told in our words, and never taken for a promise that holds."""
        try:
            return self.test(subject)
        except Unchecked as reason:
            return unknown(str(reason))
        except Refusal as refusal:
            return fails(refusal.sentence, remedy=refusal.allowed or "Correct what the sentence names.")
        except StartupRefusal as refusal:
            return fails(str(refusal), remedy="Correct what the sentence names; the sandbox would not start.")
        except Exception as fault:  # noqa: BLE001  # whatever it is, its text may hold what was read
            return unknown(f"The check itself ended ({where(fault)}).")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A check that was run, with its outcome."""

    check: Check
    outcome: Outcome

    def document(self) -> dict[str, str]:
        """Return what the report says of it."""
        return {
            "name": self.check.name,
            "promise": self.check.promise,
            "how": self.check.how,
            "result": self.outcome.result.value,
            "found": self.outcome.found,
            "remedy": self.outcome.remedy,
        }

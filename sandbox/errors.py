"""What may be said to a person when something does not go on.

Two families, by who can do something about it:

- a :class:`Refusal` is the product's own decision. It is made of the question and the policy alone,
  never of the data, so it may be shown, logged and counted;
- a :class:`StartupRefusal` tells the operator why a process would not start.

Any other exception is a fault: its text may hold raw data, so it reaches nobody. The one place that
turns a refusal into an HTTP status is :mod:`sandbox.web.problem`, into an exit status
:mod:`sandbox.cli`.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class SandboxError(Exception):
    """Base of everything the sandbox raises on purpose."""


class Refusal(SandboxError):
    """A decision not to do what was asked, fit to be shown.

    Attributes:
        code: stable slug of the rule that refused, for logs and for programs.
        sentence: what is wrong, in one sentence.
        allowed: what would be allowed instead, in one sentence; may be empty.
    """

    status = 422

    def __init__(self, code: str, sentence: str, *, allowed: str = "") -> None:
        super().__init__(f"{sentence} {allowed}".strip())
        self.code = code
        self.sentence = sentence
        self.allowed = allowed


class Malformed(Refusal):
    """The request cannot be read; say it again, corrected."""

    status = 400


class NotAnswerable(Refusal):
    """The question is readable but not one the gateway answers."""

    status = 422


class NotAuthenticated(Refusal):
    """Nobody known is asking."""

    status = 401


class NotAllowed(Refusal):
    """The policy, the authorization or the role does not allow it."""

    status = 403


class OverBudget(Refusal):
    """The privacy loss asked for exceeds what is left or what one question may cost."""

    status = 403


class NotFound(Refusal):
    """There is no such thing, or not for this person."""

    status = 404


class Conflict(Refusal):
    """Someone else was faster; look again, then decide."""

    status = 409


class TooLarge(Refusal):
    """The request exceeds a size limit."""

    status = 413


class TooOften(Refusal):
    """The same person has asked for this too often; wait, then ask again."""

    status = 429


class Unavailable(Refusal):
    """The books cannot be written, so nothing may be answered; try again later."""

    status = 503


class StartupRefusal(SandboxError):
    """A process would not keep its promises if it started; one sentence says why and what to do."""


def where(fault: BaseException) -> str:
    """Name a fault by type and place only; its message may hold data and is never read."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(fault).__qualname__} at {place}"

"""The path of an answer or a release through its stages, told from entries of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.audit.event import Kind
from sandbox.audit.reading import Entry
from sandbox.web.languages import translatable

_REVIEWED: Final = frozenset(
    {Kind.RELEASE_OPENED, Kind.RELEASE_COMPARED, Kind.RELEASE_VOTED, Kind.RELEASE_MOVED}
)
STAGES: Final[tuple[tuple[str, frozenset[Kind]], ...]] = (
    (translatable("Asked"), frozenset({Kind.QUESTION_INTENT, Kind.QUESTION_REFUSED, Kind.REVIEWED_ASKED})),
    (
        translatable("Answered"),
        frozenset({Kind.QUESTION_OUTCOME, Kind.QUESTION_REPEATED, Kind.ANSWER_WITHHELD, Kind.REVIEWED_FILED}),
    ),
    (translatable("Handed in"), frozenset({Kind.RELEASE_SUBMITTED})),
    (translatable("Screened"), frozenset({Kind.RELEASE_SCREENED})),
    (translatable("Reviewed"), _REVIEWED),
    (translatable("Sealed"), frozenset({Kind.RELEASE_SEALED})),
    (translatable("Downloaded"), frozenset({Kind.RELEASE_DOWNLOADED, Kind.RELEASE_WITHDRAWN})),
)
"""What a file passes on its way out, in order, and the entries that show it."""
SHOWN: Final = 6
"""Entries of one stage in the picture; the table below has all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage of the picture."""

    name: str
    entries: tuple[Entry, ...]
    more: int
    """Entries of this stage that the picture leaves out."""
    refused: bool
    """Whether it ended here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What a subject is connected with, in both directions."""

    stages: tuple[Stage, ...]
    """Empty where the subject is neither a question nor a release."""
    answers: tuple[str, ...]
    """Ids of the answers that the subject, a release, is made of."""
    releases: tuple[str, ...]
    """Ids of the releases that the subject, an answer, went into."""


def tell(subject: str, entries: Sequence[Entry]) -> Story:
    """Return the story of ``subject`` from its trace."""
    own = [entry for entry in entries if entry.event["subject"] == subject]
    releases = {
        entry.event["subject"]
        for entry in entries
        if entry.event["kind"] == Kind.RELEASE_SUBMITTED and subject in entry.event["related"]
    }
    answers = {name for entry in own if _of_release(entry) for name in entry.event["related"]}
    told = {subject, *releases, *answers}
    path = [entry for entry in entries if entry.event["subject"] in told]
    stages = tuple(_stage(name, kinds, path) for name, kinds in STAGES)
    return Story(
        stages=stages if any(stage.entries for stage in stages) else (),
        answers=tuple(sorted(answers)),
        releases=tuple(sorted(releases - {subject})),
    )


def _of_release(entry: Entry) -> bool:
    return str(entry.event["kind"]).startswith("release.")


def _stage(name: str, kinds: frozenset[Kind], path: Sequence[Entry]) -> Stage:
    found = tuple(entry for entry in path if entry.event["kind"] in kinds)
    refused = any(entry.event["kind"] == Kind.QUESTION_REFUSED for entry in found)
    return Stage(name=name, entries=found[:SHOWN], more=max(0, len(found) - SHOWN), refused=refused)

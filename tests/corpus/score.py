"""What becomes of each file of the corpus, counted by class; as a program it writes the published score."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from office import ANSWER, Office, open_office

from corpus.files import CLASSES, GOOD, benign
from sandbox.client.handing import read_files
from sandbox.client.transport import Refused
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure import margins
from sandbox.review.finding import Report, Verdict
from sandbox.review.forms import table_of
from sandbox.review.screen.screening import ScreenedFile, screen_parts, thresholds_of, with_data
from sandbox.review.status import Status
from sandbox.settings import Settings

SCORE = Path(__file__).parents[2] / "docs" / "corpus-score.md"


class Outcome(StrEnum):
    """What became of one file."""

    REFUSED = "refused"
    FLAGGED = "flagged"
    NEUTRALIZED = "neutralized"
    MISSED = "missed"
    PASSED = "passed"


@cache
def screened(name: str, data: bytes) -> tuple[ScreenedFile, ...]:
    """Return a file as the real throw-away process leaves it, a chart beside its table, margins looked at."""
    files = list(screen_parts(name, data, policy=ReviewPolicy()))
    if name.startswith("chart."):
        files += screen_parts("chart.csv", GOOD, policy=ReviewPolicy())
    return tuple(map(_with_margins, with_data(files)))


def _with_margins(file: ScreenedFile) -> ScreenedFile:
    if file.kind != "table" or not file.canonical:
        return file
    found = margins.check(table_of(file.canonical), thresholds_of(ReviewPolicy()))
    return replace(file, report=Report((*file.report.findings, *found)))


def score() -> dict[str, Counter[Outcome]]:
    """Return how often each outcome came about, by class."""
    counted = {name: Counter(of_hostile(*case[1:]) for case in cases()) for name, cases in CLASSES.items()}
    counted["links, pipes and devices, at the client"] = Counter(_at_the_client())
    counted["receipts forged or replayed"] = Counter(_with_receipts())
    counted["benign files"] = Counter(_of_benign(*case[1:]) for case in benign())
    return counted


def written(counted: Mapping[str, Counter[Outcome]]) -> str:
    """Return the published table."""
    lines = [
        "# Score of the corpus",
        "",
        "What becomes of the files of `tests/corpus`, counted by `tests/corpus/score.py` and",
        "compared by `tests/integration/test_review_corpus.py`. *Flagged* cannot be approved before each",
        "finding is weighed; *neutralized* leaves without what it carried; *missed* would leave as it came.",
        "",
        f"| class | files | {' | '.join(Outcome)} |",
        f"| --- |{' ---: |' * (1 + len(Outcome))}",
    ]
    lines += [
        f"| {name} | {outcomes.total()} | {' | '.join(str(outcomes[one]) for one in Outcome)} |"
        for name, outcomes in counted.items()
    ]
    return "\n".join(lines) + "\n"


def of_hostile(name: str, data: bytes) -> Outcome:
    """Say what became of a hostile file."""
    files = screened(name, data)
    verdicts = {file.verdict for file in files}
    if Verdict.REFUSE in verdicts:
        return Outcome.REFUSED
    if Verdict.FLAG in verdicts:
        return Outcome.FLAGGED
    changed = all(file.canonical not in {b"", data} for file in files)
    return Outcome.NEUTRALIZED if changed else Outcome.MISSED


def _of_benign(name: str, data: bytes) -> Outcome:
    verdicts = {file.verdict for file in screened(name, data)}
    if verdicts == {Verdict.PASS}:
        return Outcome.PASSED
    return Outcome.REFUSED if Verdict.REFUSE in verdicts else Outcome.FLAGGED


def _hard_link(path: Path) -> None:
    path.with_name("other").write_bytes(GOOD)
    path.hardlink_to(path.with_name("other"))


def _at_the_client() -> Iterator[Outcome]:
    """Say what a notebook's own reading makes of what only looks like a file."""
    plant: tuple[Callable[[Path], object], ...] = (
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("/dev/zero"),
        _hard_link,
        os.mkfifo,
        Path.mkdir,
    )
    for make in plant:
        with TemporaryDirectory() as place:
            path = Path(place) / "a.csv"
            make(path)
            yield _read(path)
    yield _read(Path("/dev/zero"))


def _read(path: Path) -> Outcome:
    try:
        read_files([path])
    except Refused:
        return Outcome.REFUSED
    return Outcome.MISSED


def _with_receipts() -> Iterator[Outcome]:
    """Hand in a table with noise in it with receipts that are not its own."""
    with TemporaryDirectory() as place, open_office(Settings(home=Path(place))) as office:
        own = office.receipt(ANSWER)
        for receipt in (
            own[:-4] + ("BBBB" if own.endswith("AAAA") else "AAAA"),
            office.receipt(ANSWER, author="ann"),
            office.receipt(ANSWER, authorization="visits-closed"),
            office.receipt(b"d,n\nBei,-3\n"),
            "no receipt at all",
        ):
            yield _submitted(office, receipt)


def _submitted(office: Office, receipt: str) -> Outcome:
    status = office.status(office.submit({"n.csv": ANSWER}, (receipt,)))
    return Outcome.REFUSED if status is Status.BLOCKED else Outcome.MISSED


if __name__ == "__main__":
    SCORE.write_text(written(score()), encoding="utf-8")

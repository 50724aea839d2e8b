"""Every file of the corpus goes through the real throw-away process; none hostile leaves as it was."""

from __future__ import annotations

import io

import pytest
from corpus.files import GOOD, benign, hostile
from corpus.made import SECRET
from corpus.score import SCORE, Outcome, of_hostile, score, screened, written
from office import ANSWER, Office
from PIL import Image

from sandbox.policy.grades import ReviewPolicy
from sandbox.review.finding import Verdict
from sandbox.review.screen.screening import screen_parts, with_data
from sandbox.review.status import Status

HOSTILE = list(hostile())
BENIGN = list(benign())


def test_the_corpus_is_large_enough_and_names_each_case_once() -> None:
    assert len(HOSTILE) >= 60
    assert len(BENIGN) >= 25
    assert len({what for what, _, _ in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize(("name", "data"), [c[1:] for c in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_a_hostile_file_is_refused_flagged_or_loses_what_it_carried(name: str, data: bytes) -> None:
    files = screened(name, data)
    stopped = any(file.verdict is not Verdict.PASS for file in files)
    changed = all(file.canonical not in {b"", data} for file in files)
    assert stopped or changed
    for file in files:
        assert file.verdict is Verdict.REFUSE or SECRET.encode() not in file.canonical
        assert not file.canonical.startswith((b"=", b"+", b"@"))
        if file.kind == "image":
            _assert_nothing_in_low_bits(file.canonical)


def _assert_nothing_in_low_bits(png: bytes) -> None:
    image = Image.open(io.BytesIO(png))
    assert all(value & 0x0F == 0x0F for value in image.tobytes())
    assert not image.info


@pytest.mark.parametrize(("name", "data"), [c[1:] for c in BENIGN], ids=[c[0] for c in BENIGN])
def test_a_benign_file_passes_unflagged(name: str, data: bytes) -> None:
    for file in screened(name, data):
        assert file.verdict is Verdict.PASS, [f.to_document() for f in file.report.findings]
        assert file.canonical


def test_an_image_without_its_table_must_be_acknowledged() -> None:
    (what, _, data) = next(case for case in BENIGN if case[0] == "chart")
    (file,) = with_data(screen_parts("alone.png", data, policy=ReviewPolicy()))
    assert [finding.code for finding in file.report.findings] == ["image-data"], what
    assert file.verdict is Verdict.FLAG


def test_bombs_and_polyglots_are_refused_by_the_rules_and_not_by_a_limit_of_the_process() -> None:
    # That a file broke the process would be a refusal too, and would hide a reader that tries to read it.
    for what, name, data in HOSTILE:
        if "bomb" in what or "behind" in what or what in {"deep JSON", "entities"}:
            codes = {finding.code for file in screened(name, data) for finding in file.report.findings}
            assert "screening-failed" not in codes, what
            assert codes, what


def test_the_published_score_is_what_the_corpus_gives_and_nothing_is_missed() -> None:
    counted = score()
    assert [name for name, outcomes in counted.items() if Outcome.MISSED in outcomes] == []
    assert SCORE.read_text(encoding="utf-8") == written(counted)


def test_the_answer_of_the_forged_receipts_goes_to_review_with_its_own(office: Office) -> None:
    request = office.submit({"n.csv": ANSWER}, (office.receipt(ANSWER),))
    assert office.status(request) is Status.REVIEW


def test_a_file_that_leaves_as_it_came_counts_as_missed() -> None:
    assert of_hostile("a.csv", GOOD) is Outcome.MISSED

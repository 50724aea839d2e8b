"""Entries for spreadsheets, programs and people: whole, and harmless to what reads them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import canonical
from sandbox.audit import entries, lineage, story
from sandbox.audit.event import Event, Kind
from sandbox.audit.reading import Entry

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def entry(
    seq: int = 0, *, kind: Kind = Kind.LOGIN, actor: str = "ana", subject: str = "s", **more: Any
) -> Entry:
    leaf = canonical.decode(Event(kind=kind, actor=actor, subject=subject, **more).leaf(AT))
    return Entry(seq=seq, at=leaf["at"], event=leaf)


def rows_of(*several: Entry) -> list[dict[str, str]]:
    text = b"".join(entries.as_csv(several)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_holds_each_part_of_an_entry() -> None:
    (row,) = rows_of(entry(7, dataset="visits", related=("a", "b"), body={"loss": 5}, decision="granted"))
    assert row["seq"] == "7"
    assert row["kind"] == "login"
    assert (row["dataset"], row["related"], row["decision"]) == ("visits", "a b", "granted")
    assert json.loads(row["body"]) == {"loss": 5}


@given(actor=WORDS, subject=WORDS, decision=WORDS, word=WORDS)
def test_csv_is_read_back_and_no_cell_computes(actor: str, subject: str, decision: str, word: str) -> None:
    known = entry(actor=actor, subject=subject, decision=decision, related=(word,), body={word: word})
    (row,) = rows_of(known)
    assert row["actor"].removeprefix("'") == actor.removeprefix("'")
    assert row["subject"].removeprefix("'") == subject.removeprefix("'")
    assert not any(cell.strip().startswith(("=", "+", "-", "@", "\uff1d")) for cell in row.values())


@pytest.mark.parametrize(
    "first", ["=", "+", "-", "@", "\t", "\r", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_what_a_spreadsheet_takes_for_a_formula_becomes_text(first: str) -> None:
    (row,) = rows_of(entry(subject=f"{first}cmd|' /C calc'!A0"))
    assert row["subject"] == f"'{first}cmd|' /C calc'!A0"


def test_json_lines_hold_the_leafs_own_bytes() -> None:
    known = [entry(seq, subject=f"统{seq}", body={"n": seq}) for seq in range(3)]
    lines = b"".join(entries.as_json_lines(known)).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [0, 1, 2]
    for line, one in zip(lines, known, strict=True):
        assert canonical.encode(dict(one.event)) in line


@pytest.mark.parametrize("form", sorted(entries.FORMATS))
def test_an_export_is_written_while_the_log_is_read(form: str) -> None:
    def endless() -> Iterator[Entry]:
        seq = 0
        while True:
            yield entry(seq)
            seq += 1

    assert len(list(islice(entries.FORMATS[form](endless()), 100))) == 100


def test_every_kind_of_event_has_a_sentence() -> None:
    assert set(story.SENTENCES) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_sentence_is_whole_where_the_body_says_nothing(kind: Kind) -> None:
    told = story.sentence(entry(kind=kind, subject="q1").event)
    assert told
    assert "{" not in told


def test_an_entry_of_a_later_version_is_told_too() -> None:
    assert "moon.landed" in story.sentence({**entry().event, "kind": "moon.landed"})


def test_a_name_cannot_steer_a_terminal() -> None:
    lines = list(story.tell("s", [entry(actor="\x1b[2Jana", subject="a\u202eb")]))
    assert all(line.isprintable() for line in lines)


def test_a_template_with_braces_is_told_as_it_is() -> None:
    asked = entry(kind=Kind.QUESTION_INTENT, body={"template": "SELECT '{0}' {x}", "loss": 5})
    assert "SELECT '{0}' {x}" in story.sentence(asked.event)


def test_a_lineage_of_no_entries_is_empty_and_of_others_passed_over() -> None:
    known = [entry(), entry(kind=Kind.RELEASE_REFUSED)]
    assert set(lineage.document(known)) == {"prefix"}

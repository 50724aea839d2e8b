"""What a reviewer's view of a file shows of it, in which order, and what it never hides."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.errors import Malformed
from sandbox.web.viewer.asked import Asked, read_asked
from sandbox.web.viewer.changes import compare
from sandbox.web.viewer.coverage import MOST_FILES, Coverage
from sandbox.web.viewer.lines import HEX_BYTES, PAGE_LINES, view_hex, view_text
from sandbox.web.viewer.marks import marks_of
from sandbox.web.viewer.table import PAGE_ROWS, TableView, read_cells, view_table

TABLE = "區,n,mean\n北,120,3.5\n<b>南,9,\n東,1000,x\n".encode()


def view(data: bytes = TABLE, findings: list[dict[str, Any]] | None = None, **asked: Any) -> TableView:
    header, rows = read_cells(data)
    return view_table(header, rows, marks=marks_of(findings or [], header), asked=Asked(**asked))


def texts(shown: TableView, column: int = 0) -> list[str]:
    return [cells[column].text for _, cells in shown.rows]


def test_a_view_marks_the_cells_that_findings_name_and_says_which_findings() -> None:
    findings: list[dict[str, Any]] = [
        {"severity": "flag", "where": "row 3, column n"},
        {"severity": "info", "where": "row 2, column n"},
        {"severity": "refuse", "where": "file", "cells": [[1, "n"], [2, "區"]]},
    ]
    shown = view(findings=findings)
    assert [[cell.findings for cell in cells] for _, cells in shown.rows] == [
        [(), (), ()],
        [(), (1, 3), ()],
        [(3,), (), ()],
    ]
    assert texts(view(findings=findings, failing=True)) == ["<b>南", "東"]


def test_a_view_sorts_numbers_by_value_and_leaves_empty_cells_last() -> None:
    assert texts(view(sort=2), 1) == ["9", "120", "1000"]
    assert texts(view(sort=-2), 1) == ["1000", "120", "9"]
    assert texts(view(sort=3), 2) == ["3.5", "x", ""]
    assert texts(view(sort=-3), 2)[-1] == ""
    assert [number for number, _ in view(sort=2).rows] == [3, 2, 4]


def test_a_view_filters_by_text_in_any_or_one_column() -> None:
    assert texts(view(find="X")) == ["東"]
    assert texts(view(find="1", column=2)) == ["北", "東"]
    assert view(find="nowhere").rows == ()
    assert (view(find="nowhere").fitting, view(find="nowhere").total) == (0, 3)


def test_a_hidden_column_is_named_so_that_it_can_be_shown_again() -> None:
    shown = view(hide=(2,))
    assert [column.name for column in shown.columns] == ["區", "mean"]
    assert shown.hidden == ((2, "n"),)


def test_a_column_is_summed_up_over_the_rows_that_fit() -> None:
    _, n, mean = view().columns
    assert (n.least, n.largest, n.distinct, n.missing) == ("9", "1000", 3, 0)
    assert (mean.least, mean.largest, mean.missing, mean.texts) == ("3.5", "3.5", 1, 1)
    assert view(find="北").columns[1].largest == "120"


def test_a_long_table_is_shown_page_by_page_without_losing_a_row() -> None:
    data = ("n\n" + "".join(f"{number}\n" for number in range(2 * PAGE_ROWS + 1))).encode()
    numbers = [number for page in (1, 2, 3) for number, _ in view(data, page=page).rows]
    assert numbers == list(range(2, 2 * PAGE_ROWS + 3))
    assert view(data, page=99).page == 3


def test_a_link_keeps_what_was_asked_and_changes_what_it_says() -> None:
    asked = Asked(sort=2, find="a&b=c", hide=(1, 3), page=4)
    assert asked.link(sort=-2) == "?sort=-2&find=a%26b%3Dc&hide=1.3"
    assert asked.link(page=5).endswith("&page=5")
    assert ("find", "a&b=c") in asked.fields("column")
    assert Asked().link() == "?"


@pytest.mark.parametrize(
    "query",
    [
        {"as": "page"},
        {"sort": "x"},
        {"hide": "1..2"},
        {"page": "1e3"},
        {"column": "\u0661"},
        {"sort": "9" * 9},
    ],
)
def test_a_view_that_there_is_not_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        read_asked(query)


def test_text_shows_what_cannot_be_seen_by_its_code_point() -> None:
    data = "a\u200bb\u202e<script>\nsecond\r\n".encode()
    lines = view_text(data, marks=marks_of([{"severity": "flag", "where": "line 2"}], ()), page=1).lines
    assert lines[0].text == "a\u2039U+200B\u203ab\u2039U+202E\u203a<script>"
    assert (lines[1].text, lines[1].findings) == ("second\u2039U+000D\u203a", (1,))


def test_bytes_are_shown_whole_and_in_order() -> None:
    data = bytes(range(256)) * 40
    pages = [view_hex(data, page=page) for page in range(1, -(-len(data) // HEX_BYTES // PAGE_LINES) + 1)]
    lines = [line for page in pages for line in page.lines]
    assert b"".join(bytes.fromhex(line.text[: 3 * HEX_BYTES]) for line in lines) == data
    assert lines[4].text.endswith("@ABCDEFGHIJKLMNO")
    assert lines[16].number == "00000100"


def test_two_rounds_are_compared_by_their_labels_wherever_the_rows_stand() -> None:
    changes = compare(b"d,n\nBei,3\nNan,10\nXi,20\n", b"d,n,mean\nXi,20,1\nBei,10,1\nDong,5,1\n")
    assert changes.header == ("d", "n", "mean")
    rows = {(row.before, row.after): [(c.before, c.after) for c in row.cells] for row in changes.rows}
    assert rows[2, 3] == [("Bei", "Bei"), ("3", "10"), (None, "1")]
    assert rows[None, 4][0] == (None, "Dong")
    assert rows[3, None][1] == ("10", None)


def test_tables_without_labels_are_compared_by_place_and_equal_ones_have_no_changes() -> None:
    assert compare(b"n\n1\n2\n", b"n\n1\n3\n").cells == 1
    assert compare(TABLE, TABLE).rows == ()


def test_coverage_counts_each_row_once_and_forgets_the_file_seen_longest_ago() -> None:
    coverage = Coverage()
    assert coverage.add("rita", "a", [2, 3]) == 2
    assert coverage.add("rita", "a", [3, 4]) == 3
    assert coverage.seen("rolf", "a") == 0
    for number in range(MOST_FILES):
        coverage.add("rolf", str(number), [2])
    assert coverage.seen("rita", "a") == 0

"""What a notebook offers to cure a finding: each fix removes its finding; links are not read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sandbox.client import fixes
from sandbox.client.answer import Answer
from sandbox.client.checked import CURES, ORDER, Checked
from sandbox.client.handing import LARGEST_FILE, read_files
from sandbox.client.releases import WAITS_FOR
from sandbox.client.transport import Refused
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure.checks import CHECKS, check_form
from sandbox.review.forms import Table
from sandbox.review.screen.screening import thresholds_of
from sandbox.review.status import FINAL, Status

LIMITS = ReviewPolicy()
BAD = pd.DataFrame(
    {
        "district": ["Bei", "Dong", "Nan", "Xi"],
        "n": [123, 7, 3, 58],
        "cost": [123_456, 20, 30, 40],
        "max_cost": [900, 800, 700, 600],
    }
)


def found_in(frame: pd.DataFrame) -> list[dict[str, Any]]:
    cells = frame.astype("string").fillna("")
    rows = tuple(tuple(map(str, row)) for row in cells.itertuples(index=False))
    table = Table(tuple(map(str, frame.columns)), rows)
    return [finding.to_document() for finding in check_form(table, thresholds_of(LIMITS))]


def codes(frame: pd.DataFrame) -> set[str]:
    return {found["code"] for found in found_in(frame)}


def checked(frame: pd.DataFrame) -> Checked:
    limits = {key: getattr(LIMITS, key) for key in ("min_cell", "round_to", "significant_digits")}
    file = {"name": "visits.csv", "verdict": "refuse", "findings": found_in(frame)}
    return Checked(
        {
            "would": "be blocked", "verdict": "refuse", "risk": "amber", "quorum": 2, "findings": [],
            "files": [file], "limits": limits,
        }
    )  # fmt: skip


def test_every_finding_that_can_be_cured_names_functions_that_exist() -> None:
    assert set(CURES) <= set(CHECKS)
    assert all(callable(getattr(fixes, name)) for names in CURES.values() for name in names)
    assert all(set(ORDER) & set(names) for names in CURES.values())


def test_everything_at_once_is_cured_by_what_is_offered() -> None:
    assert {"C1", "C9", "C16", "C24"} <= codes(BAD)
    cured = checked(BAD).cured(BAD)
    assert not codes(cured) & set(CURES)
    assert list(cured["district"]) == ["Bei", "Xi"]
    assert list(cured["n"]) == [125, 60]
    assert list(BAD["n"]) == [123, 7, 3, 58]


def test_what_the_findings_say_to_write_runs_as_it_stands() -> None:
    cures = {str(row.code): str(row.cure) for row in checked(BAD).findings.itertuples()}
    for code in ("C9", "C16", "C24"):
        cured = eval(cures[code], {"fixes": fixes, "df": BAD})  # noqa: S307  # our own text, as a person would run it
        assert code not in codes(cured)
    assert cures["C1"].startswith(
        "fixes.merge_small(df, by=..., columns=['n'], least=10); or fixes.drop_small("
    )


def test_small_groups_are_added_together_until_they_are_large_enough() -> None:
    frame = BAD[["district", "n"]]
    merged = fixes.merge_small(frame, "district", ["n"], least=15)
    assert dict(zip(merged["district"], merged["n"], strict=True)) == {"Bei": 123, "other": 68}
    assert fixes.merge_small(frame, "district", ["n"], least=3).equals(frame)


def test_what_cannot_be_added_is_not_merged() -> None:
    with pytest.raises(Refused, match="Only counts can be added; cost, max_cost cannot"):
        fixes.merge_small(BAD, "district", ["n"])
    with pytest.raises(Refused, match="All groups together are fewer than 500"):
        fixes.merge_small(BAD[["district", "n"]], "district", ["n"], least=500)
    twice = pd.DataFrame({"district": ["Bei", "Bei"], "n": [1, 2]})
    with pytest.raises(Refused, match="stands in several rows"):
        fixes.merge_small(twice, "district", ["n"])


def test_an_extreme_in_a_row_of_its_own_is_left_out() -> None:
    described = pd.DataFrame({"statistic": ["mean", "max", "最小"], "cost": [31.5, 900, 1]})
    assert list(fixes.drop_extremes(described)["statistic"]) == ["mean"]


def test_empty_cells_stay_empty_and_texts_are_no_numbers() -> None:
    frame = pd.DataFrame({"n": [12.0, None], "label": ["a", "b"]})
    assert fixes.round_counts(frame, ["n"])["n"].tolist() == [10, pd.NA]
    with pytest.raises(Refused, match="holds something else than numbers"):
        fixes.round_counts(frame, ["label"])
    with pytest.raises(Refused, match="There is no column m"):
        fixes.round_counts(frame, ["m"])


def test_a_name_is_an_extreme_for_the_fix_exactly_where_it_is_one_for_the_check() -> None:
    for name in ("max", "maxCost", "最大值", "p100", "Range of n", "maximal", "climax", "cost"):
        frame = pd.DataFrame({name: [31.5]})
        assert fixes.is_extreme(name) == ("C9" in codes(frame)), name


def test_every_state_that_is_not_final_says_whom_it_waits_for() -> None:
    assert set(WAITS_FOR) == {str(status) for status in Status if status not in FINAL}


# --- reading files --------------------------------------------------------------------------------


def plant_hard_link(path: Path) -> None:
    path.with_name("secret").write_text("d,n\nBei,120\n")
    path.hardlink_to(path.with_name("secret"))


def plant_link(path: Path) -> None:
    path.with_name("secret").write_text("x")
    path.symlink_to("secret")


UNREADABLE: dict[str, Any] = {
    "link": plant_link,
    "hard link": plant_hard_link,
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "missing": lambda path: None,  # noqa: ARG005  # nothing is made
    "large": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), LARGEST_FILE + 1),
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.timeout(10)
def test_only_a_plain_file_of_a_fair_size_is_read(kind: str, tmp_path: Path) -> None:
    UNREADABLE[kind](tmp_path / "table.csv")
    with pytest.raises(Refused):
        read_files([tmp_path / "table.csv"])


def test_a_device_is_not_read_even_by_its_own_name() -> None:
    with pytest.raises(Refused, match="a directory, a pipe or a device"):
        read_files([Path("/dev/zero")])


def test_a_plain_file_is_sent_with_the_receipt_beside_it(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_bytes(b"n\n5\n")
    (tmp_path / "n.csv.receipt").write_text("r1\n")
    (read,) = read_files([tmp_path / "n.csv"])
    assert (read.name, read.content, read.receipts) == ("n.csv", b"n\n5\n", ("r1",))


def test_a_receipt_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_bytes(b"n\n5\n")
    os.mkfifo(tmp_path / "n.csv.receipt")
    with pytest.raises(Refused):
        read_files([tmp_path / "n.csv"])


def test_a_single_path_and_a_name_given_twice_are_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"Write \['n.csv'\]"):
        read_files("n.csv")
    (tmp_path / "n.csv").write_bytes(b"n\n5\n")
    with pytest.raises(Refused, match="the same name"):
        read_files([tmp_path / "n.csv", tmp_path / "n.csv"])


def answer() -> Answer:
    return Answer.read(
        {
            "rows": [["Bei", "-3"]],
            "columns": ["district", "n"],
            "aggregates": [],
            "csv": "district,n\nBei,-3\n",
            "receipt": "r1",
        }
    )


def test_an_answer_is_sent_as_its_own_bytes_with_its_receipt() -> None:
    (read,) = read_files({"n.csv": answer()})
    assert (read.content, read.receipts) == (b"district,n\nBei,-3\n", ("r1",))


def test_an_answer_that_was_changed_is_sent_as_what_it_shows_without_a_receipt() -> None:
    changed = answer()
    changed.loc[0, "district"] = "Dong"
    (read,) = read_files({"n.csv": changed})
    assert (read.content, read.receipts) == (b"district,n\nDong,-3\n", ())

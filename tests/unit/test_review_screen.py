"""The rules of screening, run in this process; isolation is tested elsewhere."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.canonical import digest
from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure.identifiers import is_card_number, is_mobile_number, is_resident_number
from sandbox.review.disclosure.receipts import read_all
from sandbox.review.finding import Report
from sandbox.review.forms import Table
from sandbox.review.numbers import read_number, respell, significant
from sandbox.review.screen.canonical import Canonical, canonicalize
from sandbox.review.screen.screening import LARGEST_FILE, screen_parts, thresholds_of
from sandbox.review.screen.table import to_bytes

THRESHOLDS = thresholds_of(ReviewPolicy())
RECEIPT_ROWS = [["district", "n", "n_low", "n_high", "mean", "mean_low", "mean_high"]] + [
    [name, "-3", "-12", "6", "12.340000", "1.2", "23.48"] for name in ("Bei", "Dong, east", "", "北")
]


def screen(name: str, data: bytes | str, covered: frozenset[str] = frozenset()) -> Canonical:
    content = data.encode() if isinstance(data, str) else data
    return canonicalize(name, content, thresholds=THRESHOLDS, covered=covered)


def codes(name: str, data: bytes | str) -> dict[str, str]:
    return {finding.code: str(finding.severity) for finding in screen(name, data).findings}


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def resident(serial: int) -> str:
    body = f"11010519{60 + serial % 40:02d}01{10 + serial % 18:02d}{serial % 1000:03d}"
    return next(body + check for check in "0123456789X" if is_resident_number(body + check))


def card(serial: int) -> str:
    body = f"62220200{serial:07d}"
    return next(f"{body}{check}" for check in range(10) if is_card_number(f"{body}{check}"))


LONG = [f"{random.Random(row).random():.3f}" for row in range(40)]  # noqa: S311  # reproducible cells

SPACED = [f"{n[:6]} {n[6:14]} {n[14:]}" for n in map(resident, range(4))]
WIDE = [",".join(["20"] * 50)] * 2001

HOSTILE: dict[str, tuple[str, bytes | str, str]] = {
    "a small count": ("a.csv", table("d,n", "Bei,3"), "C1"),
    "a small count under a Chinese name": ("a.csv", table("区,就诊人数", "北,3"), "C1"),
    "a negative count without a receipt": ("a.csv", table("d,count", "Bei,-5"), "C1"),
    "unrounded counts": ("a.csv", table("d,n", "Bei,123", "Dong,121"), "C16"),
    "a maximum as a column": ("a.csv", table("d,n,max_cost", "Bei,20,5"), "C9"),
    "a maximum as a row": ("a.csv", table("stat,cost", "mean,5", "max,9"), "C9"),
    "a maximum in Chinese": ("a.csv", table("区,n,最大值", "北,20,5"), "C9"),
    "too many rows": ("a.csv", table("d,n", *(f"x{i},20" for i in range(5001))), "C22"),
    "too many cells": ("a.csv", table(",".join(f"c{i}" for i in range(50)), *WIDE), "table"),
    "records with a key": ("a.csv", table("who,cost", *(f"P{i},{c}" for i, c in enumerate(LONG))), "C22"),
    "records in a note": ("a.txt", "\n".join(f"P{i}\t{c}" for i, c in enumerate(LONG)), "C22"),
    "numbers one by one in a note": ("a.txt", "\n".join(LONG), "C22"),
    "an encoded file in a note": ("a.md", "see " + "QUJD" * 60, "C25"),
    "identity numbers": ("a.csv", table("n,who", *(f"20,{resident(i)}" for i in range(5))), "C23"),
    "identity numbers in a note": ("a.txt", "\n".join(f"No {resident(i)}" for i in range(5)), "C23"),
    "identity numbers with spaces": ("a.txt", "\n".join(SPACED), "C23"),
    "bank cards": ("a.csv", table("n,card", *(f"20,{card(i)}" for i in range(5))), "C23"),
    "mobile telephones": ("a.csv", table("n,tel", *(f"20,1381234567{i}" for i in range(5))), "C23"),
    "a ragged table": ("a.csv", table("d,n", "Bei,20", "Dong,20,secret"), "table"),
    "a title above the header": ("a.csv", table("Report of May", "d,n", "Bei,20"), "table"),
    "no header": ("a.csv", table("1,20", "2,30"), "header"),
    "a column without a name": ("a.csv", table("d,", "Bei,20"), "header"),
    "two columns of one name": ("a.csv", table("n,N", "20,30"), "header"),
    "a number with a comma": ("a.csv", table("d,n", 'Bei,"1,203"'), "table"),
    "an open quote": ("a.csv", 'd,n\n"Bei,20\n', "table"),
    "a huge cell": ("a.csv", table("d,n", "x" * 20_000 + ",20"), "table"),
    "nothing": ("a.csv", "", "table"),
    "a NUL": ("a.csv", "d,n\nB\0ei,20\n", "characters"),
    "a direction mark": ("a.csv", table("d,n", "\u202eieB,20"), "characters"),
    "a zero-width space": ("a.csv", table("d,n", "Bei\u200b,20"), "characters"),
    "a variation selector": ("a.txt", "Bei\ufe01 has more", "characters"),
    "an archive named as a table": ("a.csv", b"PK\x03\x04" + bytes(200), "content"),
    "a page named as a note": ("a.txt", "<!DOCTYPE html><script>1</script>", "content"),
    "a page inside a note": ("a.md", "fine\n<img src=x onerror=alert(1)>", "note"),
    "a remote image": ("a.md", "![x](https://example.org/?q=1)", "note"),
    "bytes of no encoding": ("a.csv", bytes(range(128, 256)) * 3 + b"\x81\xff", "encoding"),
    "a direction mark in the name": ("a\u202evsc.csv", table("d,n", "Bei,20"), "name"),
    "a path": ("../a.csv", table("d,n", "Bei,20"), "name"),
    "two endings": ("a.csv.exe", table("d,n", "Bei,20"), "name"),
    "a program": ("a.exe", b"MZ", "kind"),
    "a model": ("a.pkl", b"\x80\x04", "C29"),
    "a hidden file": (".csv", table("d,n", "Bei,20"), "name"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(case: str) -> None:
    name, data, code = HOSTILE[case]
    found = codes(name, data)
    assert found.get(code) == "refuse", found


FLAGGED: dict[str, tuple[str, bytes | str, str]] = {
    "no evidence": ("a.csv", table("d,rate", "Bei,0.5"), "C26"),
    "many rows without counts": ("a.csv", table("kind,cost", *(f"x,{c}" for c in LONG)), "C22"),
    "one invented count": ("a.csv", table("kind,n", *(f"x{i % 3},20" for i in range(30))), "C22"),
    "exact sums": ("a.csv", table("d,n,cost", "Bei,20,1234567"), "C24"),
    "a long text": ("a.csv", table("d,n,note", "Bei,20," + "word " * 60), "C25"),
    "many numbers in a note": ("a.txt", " ".join(LONG * 2), "C26"),
    "one identity number": ("a.txt", f"Ask {resident(1)} about it.", "C23"),
    "a guessed encoding": ("a.csv", table("区域名称,人数", "北京市东城区,20").encode("gb18030"), "encoding"),
}


@pytest.mark.parametrize("case", FLAGGED)
def test_doubtful_files_are_flagged(case: str) -> None:
    name, data, code = FLAGGED[case]
    found = codes(name, data)
    assert found.get(code) == "flag", found


BENIGN: dict[str, tuple[str, bytes | str]] = {
    "rounded counts": ("a.csv", table("district,n", "Bei,120", "Dong,55", "Nan,0", "Xi,<10")),
    "means with n": ("a.csv", table("district,n,mean_cost,sd", "Bei,120,31.5,4.25", "Dong,55,-2.75,1e-2")),
    "coefficients with signs": (
        "a.csv",
        table("term,beta,se,n", "age,-0.0312,0.0041,1200", "sex,+0.1,0.2,1200"),
    ),
    "Chinese with a byte order mark": (
        "表.csv",
        b"\xef\xbb\xbf" + table("区,人数", "北,120", "东,55").encode(),
    ),
    "a long time series": (
        "a.csv",
        table(
            "month,n,mean", *(f"20{10 + i // 12}-{1 + i % 12:02d},{100 + 5 * i},{i}.5" for i in range(120))
        ),
    ),
    "many districts with n": (
        "a.csv",
        table(
            "district,n",
            *(f"District of {chr(65 + i % 26)}{chr(65 + i // 26)},{50 + 5 * i}" for i in range(90)),
        ),
    ),
    "masked cells": ("a.csv", table("d,n,rate", "Bei,*,-", "Dong,55,0.5")),
    "UTF-16 from a spreadsheet": ("a.tsv", "d\tn\nBei\t20\n".encode("utf-16")),
    "blank lines around it": ("a.csv", "\n\n" + table("d,n", "Bei,20") + "\n\n"),
    "semicolons": ("a.csv", table("d;n", "Bei;20")),
    "a note": (
        "readme.md",
        "# Visits\n\n- 4 districts, data: 2025\n- rounded to 5, n >= 10\n\n    indented\n",
    ),
    "a Chinese note": ("说明.txt", "本表按区统计。人数四舍五入到五。\n" * 30),
}


@pytest.mark.parametrize("case", BENIGN)
def test_benign_files_pass_unflagged(case: str) -> None:
    name, data = BENIGN[case]
    assert set(codes(name, data).values()) <= {"info"}


def test_an_answer_with_its_receipt_keeps_its_very_bytes() -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(RECEIPT_ROWS)
    data = buffer.getvalue().encode()
    assert screen("n.csv", data, frozenset({digest(data)})) == Canonical(
        content=data, kind="table", findings=()
    )
    assert {"C1", "C16"} <= codes("n.csv", data).keys()


def test_a_changed_answer_is_covered_no_longer() -> None:
    data = b"d,n\nBei,7\n"
    changed = screen("n.csv", data.replace(b"7", b"6"), frozenset({digest(data)}))
    assert Report(changed.findings).verdict == "refuse"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\uff1d1", "\t=1"])
def test_no_cell_runs_in_a_spreadsheet(cell: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["d", "n"], [cell, "20"]])
    line = screen("a.csv", buffer.getvalue()).content.decode().split("\n")[1]
    assert line.startswith(("'", "\"'"))


def test_digits_beyond_the_policy_do_not_leave() -> None:
    result = screen("a.csv", table("d,n,mean", "Bei,20,3.14159265", "Dong,20,2.7182818e2"))
    assert result.content == b"d,n,mean\nBei,20,3.142\nDong,20,271.8\n"


def test_a_bomb_is_refused_before_it_is_read() -> None:
    (screened,) = screen_parts("a.csv", b"x" * (LARGEST_FILE + 1), policy=ReviewPolicy())
    assert [finding.code for finding in screened.report.findings] == ["size"]


def test_an_invented_receipt_is_refused() -> None:
    from sandbox.audit.keys import SigningKey  # noqa: PLC0415

    key = SigningKey.from_seed(bytes(32)).public
    valid, findings = read_all(["pds1.e30.AAAA"], key=key, author="ana", authorization="x")
    assert (valid, [finding.code for finding in findings]) == ((), ["C28"])


CELL = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=12)


@given(
    st.lists(
        st.tuples(CELL, st.decimals(allow_nan=False, allow_infinity=False).map(str)), min_size=1, max_size=8
    )
)
def test_a_canonical_form_is_its_own_canonical_form(rows: list[tuple[str, str]]) -> None:
    first = screen("a.csv", to_bytes(Table(("name", "value"), tuple(rows))))
    if first.content:
        assert screen("a.csv", first.content).content == first.content


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.tsv", "a.md"]))
def test_any_bytes_end_in_a_canonical_form_or_a_finding(data: bytes, name: str) -> None:
    result = screen(name, data)
    assert result.content or Report(result.findings).verdict == "refuse"


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6), st.integers(1, 6))
def test_rounding_keeps_the_digits_asked_for_and_no_more(number: object, digits: int) -> None:
    shown = read_number(respell(str(number), digits=digits))
    assert shown is not None
    assert significant(shown) <= digits


@given(st.integers(0, 999))
def test_check_digits_tell_identifiers_from_numbers_like_them(serial: int) -> None:
    good = card(serial)
    assert not is_card_number(good[:-1] + str((int(good[-1]) + 1) % 10))
    assert not is_resident_number(resident(serial)[:-1] + ("0" if resident(serial)[-1] != "0" else "1"))
    assert not is_mobile_number("12345678901")

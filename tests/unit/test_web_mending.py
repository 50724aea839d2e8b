"""What each fix does to a table, and that it changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.policy.grades import ReviewPolicy
from sandbox.web.mending import mend, offered

POLICY = ReviewPolicy()
TABLE = b"d,n,mean,max\nBei,123,31.4567,9\nNan,4,2,8\nXi,0,1,7\nDong,3,1,6\n"


@pytest.mark.parametrize(
    ("fix", "mended"),
    [
        ("round", b"d,n,mean,max\nBei,125,31.4567,9\nNan,5,2,8\nXi,0,1,7\nDong,5,1,6\n"),
        ("mask", b"d,n,mean,max\nBei,123,31.4567,9\nNan,*,2,8\nXi,0,1,7\nDong,*,1,6\n"),
        ("merge", b"d,n,mean,max\nBei,123,31.4567,9\nXi,0,1,7\nother,7,*,*\n"),
        ("digits", b"d,n,mean,max\nBei,123,31.46,9\nNan,4,2,8\nXi,0,1,7\nDong,3,1,6\n"),
        ("drop 3", b"d,n,mean\nBei,123,31.4567\nNan,4,2\nXi,0,1\nDong,3,1\n"),
        ("drop 9", TABLE),
        ("drop x", TABLE),
        ("burn", TABLE),
        ("", TABLE),
    ],
)
def test_a_fix_changes_what_it_says(fix: str, mended: bytes) -> None:
    assert mend(TABLE, fix, POLICY) == mended


def test_only_what_would_help_is_offered() -> None:
    findings: list[dict[str, Any]] = [
        {"code": "C1", "severity": "refuse", "where": "row 3, column n"},
        {"code": "C9", "severity": "refuse", "where": "row 1, column max"},
        {"code": "C24", "severity": "info", "where": "file"},
    ]
    assert [fix.name for fix in offered(findings, POLICY, TABLE)] == ["mask", "merge", "drop 3"]
    assert offered([], POLICY, TABLE) == []


def test_the_last_column_is_not_dropped() -> None:
    assert mend(b"max\n9\n", "drop 0", POLICY) == b"max\n9\n"

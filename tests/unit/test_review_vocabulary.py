"""What people call a column, and how they write a number, decides which checks look at it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import ModuleType

import pytest
from corpus.tables import KNOWN, SILENT

from sandbox.policy.grades import ReviewPolicy
from sandbox.review.disclosure import columns, margins, shares
from sandbox.review.disclosure.checks import check_form
from sandbox.review.disclosure.vocabulary import is_count_name, quantile_of
from sandbox.review.finding import Severity
from sandbox.review.forms import Table, table_of
from sandbox.review.numbers import respell
from sandbox.review.screen.screening import thresholds_of

DEFAULT = thresholds_of(ReviewPolicy())
COUNTS = (
    "N", "n", "n (%)", "Count", "number", "num", "total_persons", "number_of_patients", "no. of cases",
    "individuals", "subjects", "households", "residents", "visits", "n_missing", "unique_patients",
    "PatientsTotal",
    "人数", "人", "总数", "数量", "患者数", "病例数", "人口", "次数", "家庭数", "就诊人次",
)  # fmt: skip
NO_COUNTS = (
    "mean_n", "patients_mean_age", "cases_per_100k", "share_of_patients", "people percent", "n_distinct",
    "number_of_rooms", "room number", "children", "人口密度", "人均费用", "人数占比",
    "平均人数", "患病率", "district",
)  # fmt: skip
QUANTILES = {
    "p5": "0.05", "cost_p99": "0.99", "P99.9": "0.999", "q1": "0.25", "Q3": "0.75", "q99": "0.99",
    "99%": "0.99", "95th percentile": "0.95", "quantile_0.9": "0.9", "median": "0.5",
    "Median cost": "0.5", "中位数": "0.5", "99分位数": "0.99", "第95百分位": "0.95", "p100": "1",
}  # fmt: skip
NO_QUANTILES = ("sales_q2", "2024_q1", "p_value", "p", "top_5", "phase 2", "percent", "unemployed", "p2020")


def found(text: str) -> dict[str, Severity]:
    table = table_of(text.encode())
    findings = [*check_form(table, DEFAULT), *margins.check(table, DEFAULT)]
    return {finding.code: finding.severity for finding in findings}


@pytest.mark.parametrize("name", COUNTS)
def test_a_name_means_counts(name: str) -> None:
    assert is_count_name(name)


@pytest.mark.parametrize("name", NO_COUNTS)
def test_a_name_means_something_else_than_counts(name: str) -> None:
    assert not is_count_name(name)


@pytest.mark.parametrize("name", QUANTILES)
def test_a_name_means_a_quantile(name: str) -> None:
    assert quantile_of(name) == Decimal(QUANTILES[name])


@pytest.mark.parametrize("name", NO_QUANTILES)
def test_a_name_means_no_quantile(name: str) -> None:
    assert quantile_of(name) is None


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in KNOWN.items() for text in texts])
def test_a_check_knows_its_columns_by_other_names_too(code: str, text: str) -> None:
    assert code in found(text)


@pytest.mark.parametrize("text", SILENT)
def test_a_name_that_only_resembles_one_is_not_spoken_of(text: str) -> None:
    assert {code for code, severity in found(text).items() if severity is not Severity.INFO} == set()


def test_columns_that_add_up_by_chance_in_one_row_are_no_counts() -> None:
    assert "C1" not in found("district,n,beds,rooms\nBei,50,3,47\n")


@pytest.mark.parametrize(
    ("cell", "spelled"),
    [
        ("\uff11\uff12\uff10", "120"),
        ("\u22120.5", "-0.5"),
        ("\u0661\u0662", "12"),
        ("\uff13\uff0e\uff15\uff05", "3.5%"),
        ("第\uff11区", "第\uff11区"),
        ("\u2460", "\u2460"),
    ],
)
def test_numbers_of_other_scripts_are_spelled_in_ascii_and_texts_are_not(cell: str, spelled: str) -> None:
    assert respell(cell, digits=4) == spelled


@pytest.mark.parametrize(
    ("header", "cell", "module", "name"),
    [("n {}", "0", columns, "read_number"), ("d{}", "x{}", shares, "names_total")],
)
def test_cells_are_read_a_few_times_however_many_columns_there_are(
    header: str, cell: str, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Callable[[str], object] = getattr(module, name)
    calls: list[str] = []

    def counted(text: str) -> object:
        calls.append(text)
        return read(text)

    monkeypatch.setattr(module, name, counted)
    side = 40
    rows = [tuple(cell.format(i * side + j) for j in range(side)) for i in range(side)]
    # All but the last row add up, so that no column is given up early.
    table = Table(
        (*map(header.format, range(side)), "n"), (*((*row, "0") for row in rows), ("7",) * (side + 1))
    )
    list(check_form(table, DEFAULT))
    assert 0 < len(calls) < 10 * side * side

"""Each check of disclosure: a table that it finds, and one beside it that it lets pass."""

from __future__ import annotations

import random
from itertools import product

import pytest

from sandbox.review.disclosure import margins
from sandbox.review.disclosure.checks import CHECKS, check_form
from sandbox.review.finding import RefusedFile
from sandbox.review.forms import Table, Thresholds, table_of
from sandbox.review.screen.names import kind_of

DEFAULT = Thresholds(
    min_cell=10, round_to=5, max_rows=5000, max_rows_unsupported=20, significant_digits=4, max_cell_chars=200,
    one_share=50, two_share=67, p_percent=10, class_share=90, least_dof=10, flag_zeros=True,
)  # fmt: skip
HOSTILE_AND_BENIGN = {
    "C1": ("d,n\nBei,3\n", "d,n\nBei,30\n"),
    "C2": ("d,n\nBei,0\nXi,50\n", "d,n\nBei,10\nXi,50\n"),
    "C3": (
        "sex,service,n\nf,gp,50\nf,dental,0\nm,gp,40\nm,dental,30\n",
        "sex,service,n\nf,gp,50\nf,dental,20\nm,gp,40\nm,dental,30\n",
    ),
    "C4": (
        "sex,service,n\nf,gp,950\nf,dental,50\nm,gp,40\nm,dental,300\n",
        "sex,service,n\nf,gp,800\nf,dental,200\nm,gp,400\nm,dental,300\n",
    ),
    "C5": ("d,n,top1,top2,sum\nBei,50,600,100,1000\n", "d,n,top1,top2,sum\nBei,50,100,90,1000\n"),
    "C6": ("d,n,top1,top2,sum\nBei,50,480,480,1000\n", "d,n,top1,top2,sum\nBei,50,100,90,1000\n"),
    "C7": ("d,n,top1,top2,sum\nBei,50,600,100,-40\n", "d,n,top1,top2,sum\nBei,50,-60,30,-900\n"),
    "C8": ("d,n,distinct\nBei,50,1\n", "d,n,distinct\nBei,50,31\n"),
    "C9": ("d,n,top1,top2,sum\nBei,50,100,90,1000\n", "d,n,mean_cost,sum\nBei,50,81.2,4060\n"),
    "C10": ("d,n,p5\nBei,50,12\n", "d,n,p25\nBei,50,12\n"),
    "C11": ("term,coef,n,dof\nage,0.5,50,4\n", "term,coef,n,dof\nage,0.5,50,40\n"),
    "C12": ("term,coef\nregion[North],0.5\n", "term,coef,n\nregion[North],0.5,50\n"),
    "C13": ("model,n,r2\na,50,1\n", "model,n,r2\na,50,0.61\n"),
    "C14": (
        "from,to,n\n3,10,50\n10,20,60\n20,30,70\n",
        "from,to,n\n0,10,50\n10,20,60\n20,30,70\n",
    ),
    "C15": ("month,at_risk\n1,500\n2,495\n3,450\n", "month,at_risk\n1,500\n2,480\n3,450\n"),
    "C16": ("d,n\nBei,123\n", "d,n\nBei,125\n"),
    "C17": ("d,n_sick,n,rate\nBei,20,100,0.213\n", "d,n_sick,n,rate\nBei,20,100,0.200\n"),
    "C18": ("d,n\nBei,*\nXi,50\nTotal,75\n", "d,n\nBei,*\nXi,*\nNan,50\nTotal,150\n"),
    "C22": ("id,v\n" + "".join(f"{n},{n % 3}\n" for n in range(100, 140)), "d,n\nBei,30\n"),
    "C23": ("d,v\na,4012888888881881\nb,5555555555554444\nc,4111111111111111\n", "d,n\nBei,30\n"),
    "C24": ("d,n,mean\nBei,30,1234567\n", "d,n,mean\nBei,30,1234\n"),
    "C25": (f"d,n\n{'x' * 300},30\n", "d,n\nBei,30\n"),
    "C26": ("d,rate\nBei,0.25\n", "d,n,rate\nBei,30,0.25\n"),
    "C27": ("d,n,missing,mean_cost\nBei,50,15,31.5\n", "d,n,missing,mean_cost\nBei,50,0,31.5\n"),
}
ELSEWHERE = {"C19", "C20", "C21", "C28", "C29", "C30"}
"""Need other releases, receipts or the name of the file; tested beside those."""


def found(text: str, thresholds: Thresholds = DEFAULT) -> set[str]:
    return {finding.code for finding in check_form(table_of(text.encode()), thresholds)}


@pytest.mark.parametrize("code", HOSTILE_AND_BENIGN)
def test_a_check_finds_what_it_is_for_and_lets_the_like_pass(code: str) -> None:
    hostile, benign = HOSTILE_AND_BENIGN[code]
    assert code in found(hostile)
    assert code not in found(benign)


def test_every_check_of_disclosure_has_its_pair() -> None:
    assert {code for code in CHECKS if code.startswith("C")} == HOSTILE_AND_BENIGN.keys() | ELSEWHERE
    assert {f"C{number}" for number in range(1, 31)} == HOSTILE_AND_BENIGN.keys() | ELSEWHERE


@pytest.mark.parametrize("name", ["model.pkl", "net.onnx", "net.pt", "fit.rds", "fit.h5"])
def test_a_fitted_model_is_refused_as_such(name: str) -> None:
    with pytest.raises(RefusedFile) as caught:
        kind_of(name)
    assert caught.value.finding.code == "C29"


def test_a_total_is_no_category_of_its_group() -> None:
    long = "sex,service,n\nf,gp,50\nf,dental,40\nf,total,90\nm,gp,45\nm,dental,45\nm,total,90\n"
    assert found(long) == set()
    assert found("sex,n_gp,n_dental,n_total\nf,50,40,90\nm,45,45,90\n") == set()


# --- what totals tell of masked counts -------------------------------------------------------------------


def lp(text: str, half: int = 0) -> dict[str, margins.Interval | None]:
    """Return the interval of each masked cell by the linear programs, by row and column."""
    bounds: dict[str, margins.Interval | None] = {}
    for cells in margins._tables(table_of(text.encode())):
        masked = [key for key, cell in cells.items() if cell.number is None]
        solved = margins.intervals(cells, list(margins._equations(cells)), masked, half=half)
        bounds |= {f"{cells[key].row},{cells[key].column}": ends for key, ends in solved.items()}
    return bounds


def crosstab(counts: list[list[int]], masked: set[tuple[int, int]], *, mask: str = "*") -> str:
    """Write a table of two dimensions with all its totals, some cells masked."""
    height, width = len(counts), len(counts[0])
    lines = ["a,b,n"]
    for i in range(height):
        lines += [f"a{i},b{j},{mask if (i, j) in masked else counts[i][j]}" for j in range(width)]
        lines.append(f"a{i},total,{sum(counts[i])}")
    lines += [f"total,b{j},{sum(row[j] for row in counts)}" for j in range(width)]
    lines.append(f"total,total,{sum(map(sum, counts))}")
    return "\n".join([*lines, ""])


def by_trying(
    counts: list[list[int]], masked: set[tuple[int, int]], *, most: int | None = None
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the interval of each masked cell by trying every table that has the same totals.

    Args:
        counts: the true counts.
        masked: which of them are masked.
        most: the largest that a masked one can be by its mask.
    """
    height, width = len(counts), len(counts[0])
    most = max(map(sum, counts)) if most is None else most
    order = sorted(masked)
    seen: dict[tuple[int, int], list[int]] = {place: [] for place in order}
    for values in product(range(most + 1), repeat=len(order)):
        tried = [list(row) for row in counts]
        for (i, j), value in zip(order, values, strict=True):
            tried[i][j] = value
        rows = all(sum(tried[i]) == sum(counts[i]) for i in range(height))
        columns = all(sum(r[j] for r in tried) == sum(r[j] for r in counts) for j in range(width))
        if rows and columns:
            for place, value in zip(order, values, strict=True):
                seen[place].append(value)
    return {place: (min(found), max(found)) for place, found in seen.items()}


@pytest.mark.parametrize(("mask", "most"), [("*", None), ("<6", 5), ("\u2264 5", 5)])
@pytest.mark.parametrize("seed", range(25))
def test_linear_programs_give_what_trying_every_table_gives(seed: int, mask: str, most: int | None) -> None:
    chance = random.Random(seed)  # noqa: S311  # tables, no secrets
    height, width = chance.choice([(2, 2), (2, 3), (3, 3)])
    counts = [[chance.randrange(6) for _ in range(width)] for _ in range(height)]
    places = [(i, j) for i in range(height) for j in range(width)]
    masked = set(chance.sample(places, chance.randrange(1, min(5, len(places)))))
    solved = lp(crosstab(counts, masked, mask=mask))
    tried = by_trying(counts, masked, most=most)
    assert {solved[f"{i * (width + 1) + j},n"] for i, j in masked} == set(tried.values())


def test_a_planted_equation_too_few_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    text = crosstab([[3, 20], [30, 40]], {(0, 0)})
    whole = lp(text)
    monkeypatch.setattr(margins, "_equations", lambda _: [])
    assert whole == {"0,n": (3.0, 3.0)}
    assert lp(text) != whole


def test_a_masked_cell_that_rows_and_columns_give_back_is_flagged() -> None:
    alone = Table(*_parts(crosstab([[5, 20], [30, 40]], {(0, 0)})))
    four = Table(*_parts(crosstab([[50, 50], [50, 50]], {(0, 0), (0, 1), (1, 0), (1, 1)})))
    assert [one.code for one in margins.check(alone, DEFAULT)] == ["C18"]
    assert list(margins.check(four, DEFAULT)) == []


def test_a_wide_table_is_solved_with_its_column_of_totals() -> None:
    wide = "d,n_f,n_m,n_total\nBei,*,50,55\nXi,60,65,125\ntotal,65,115,180\n"
    assert [one.code for one in margins.check(Table(*_parts(wide)), DEFAULT)] == ["C18"]


def test_a_table_with_too_many_masks_is_said_not_to_have_been_solved() -> None:
    counts = [[5] * 8 for _ in range(8)]
    masked = {(i, j) for i in range(8) for j in range(8)}
    (finding,) = margins.check(Table(*_parts(crosstab(counts, masked))), DEFAULT)
    assert "could not be computed" in finding.sentence


def test_programs_that_take_too_long_are_said_not_to_have_been_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(margins, "SECONDS", 0.0)
    table = Table(*_parts(crosstab([[50, 50], [50, 50]], {(0, 0), (0, 1), (1, 0), (1, 1)})))
    (finding,) = margins.check(table, DEFAULT)
    assert "could not be computed" in finding.sentence


def _parts(text: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table = table_of(text.encode())
    return table.header, table.rows

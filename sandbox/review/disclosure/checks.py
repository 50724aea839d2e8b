"""Every check by its code: what it asks for, and the table in the documentation.

C codes are statistical disclosure control, numbered as in the design; words are rules of form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.review.disclosure import (
    counts,
    evidence,
    identifiers,
    labels,
    precision,
    recoverable,
    shape,
    shares,
    statistics,
)
from sandbox.review.disclosure.columns import columns_of
from sandbox.review.finding import Finding
from sandbox.review.forms import Form, Note, Table, Thresholds


@dataclass(frozen=True, slots=True)
class Check:
    """One check as people know it."""

    title: str
    severities: str
    """Which severities its findings may have."""
    rule: str
    """When it speaks, in one sentence."""


CHECKS: dict[str, Check] = {
    "C1": Check(
        "Minimum cell",
        "refuse",
        "A count is neither 0 nor at least `min_cell` (and the grade's `min_group`), is not in digits, or "
        "its mask says more (`<5`); counts are columns or rows named so, and columns that add up to one.",
    ),
    "C2": Check("Zero cells", "flag", "A count is 0, where `flag_zeros` says that this is to be weighed."),
    "C3": Check(
        "All or nothing",
        "flag",
        "All persons of a group are in one category: of a dimension of a long table, or of a row with "
        "several columns of counts.",
    ),
    "C4": Check(
        "Group disclosure", "flag", "One category holds more than `class_share` percent of its group."
    ),
    "C5": Check(
        "Dominance",
        "flag",
        "Column `top1` is at least `one_share` percent of `sum`, or `top1` and `top2` together `two_share`.",
    ),
    "C6": Check(
        "p percent", "flag", "What `top1` and `top2` leave of `sum` is below `p_percent` percent of `top1`."
    ),
    "C7": Check(
        "Netted sum",
        "flag",
        "`sum` is smaller than `top1`: both signs are netted. C5 and C6 take absolute values.",
    ),
    "C8": Check("Equal values", "flag", "Column `distinct` says that all contributors have one value."),
    "C9": Check(
        "Minimum, maximum, range",
        "refuse",
        "A column or row is named as an extreme value, a column of numbers as the highest or oldest, or "
        "one as a largest contribution (`top1`).",
    ),
    "C10": Check(
        "Quantile",
        "flag",
        "On one side of a quantile (`p5`, `99%`, `q1`, `median`) are fewer than `min_cell` of the persons "
        "in `n`.",
    ),
    "C11": Check("Residual degrees of freedom", "flag", "Column `dof` or `df_resid` is below `least_dof`."),
    "C12": Check(
        "Dummy support",
        "flag",
        "A level of a model's table with `coef` has no count of its persons beside it.",
    ),
    "C13": Check("Saturated model", "flag", "Column `r2` or `r_squared` is above 0.999."),
    "C14": Check(
        "Edges of a histogram",
        "flag",
        "An outer bin (`from` and `to`, or `[0, 10)`) has a width of its own, so its edge may be the "
        "smallest or largest value.",
    ),
    "C15": Check(
        "Survival step",
        "flag",
        "From one row to the next fewer than `min_cell` persons leave column `at_risk`.",
    ),
    "C16": Check("Rounding", "refuse", "A count is not a multiple of `round_to`."),
    "C17": Check(
        "Derived from unrounded counts",
        "flag",
        "A rate beside its two counts does not follow from them.",
    ),
    "C18": Check(
        "Recoverable suppression",
        "flag",
        "Totals tell a masked count within `min_cell`, not to be 0, or more than its mask (`<10`) says: by "
        "subtraction in one dimension, by linear programs in several.",
    ),
    "C19": Check(
        "Differencing, same cells",
        "flag",
        "A count differs by fewer than `min_cell` from the same one of a table over the same people that was "
        "released or waits; looked at again when the request is sealed.",
    ),
    "C20": Check(
        "Differencing, nested cells",
        "flag",
        "Counts added up to the coarser cells of such a table tell a masked cell, or fewer than `min_cell`, "
        "beyond what rounding leaves open.",
    ),
    "C21": Check("Linked tables", "flag", "Such a table shows mostly the same cells with other totals."),
    "C22": Check(
        "Row-shaped table",
        "refuse or flag",
        "More than `max_rows` rows; or more than `max_rows_unsupported` without a column of counts; "
        "or a column with a value of its own in 95 % of the rows.",
    ),
    "C23": Check(
        "Identifiers",
        "refuse or flag",
        "Three or more values pass the check digit or numbering plan of identity, card or mobile "
        "numbers; one identity number is flagged.",
    ),
    "C24": Check(
        "Precision",
        "flag or info",
        "A number has more than `significant_digits`; fractions are rounded, whole numbers flagged.",
    ),
    "C25": Check(
        "Long text",
        "refuse or flag",
        "A cell is longer than `max_cell_chars`; a note holds a run of 200 letters and digits.",
    ),
    "C26": Check(
        "Missing evidence",
        "flag",
        "Numbers stand without a column of counts and without a receipt.",
    ),
    "C27": Check("Missing values", "info", "Column `missing` is above 0 beside a mean."),
    "C28": Check(
        "Receipt",
        "refuse or flag",
        "A receipt is not the gateway's, not the author's, not of this authorization; or covers no file.",
    ),
    "C29": Check("Fitted model", "refuse", "The file is of a kind that holds fitted models."),
    "C30": Check("Sum of losses", "info", "What the answers behind the request were charged together."),
    "reviewed": Check(
        "Reviewed answer",
        "flag or info",
        "The gateway made the table: it is exact, and its rows were masked by the evidence it signed.",
    ),
    "name": Check(
        "File name",
        "refuse",
        "The name could mislead a person or a file system, or stands twice.",
    ),
    "kind": Check("Kind of file", "refuse", "The file is no table, image, notebook or plain text."),
    "size": Check("Size", "refuse", "The file is larger than can be screened."),
    "content": Check("Content", "refuse", "The first bytes are those of another format."),
    "encoding": Check(
        "Encoding",
        "refuse or flag",
        "The text is not Unicode: flagged where it could be guessed.",
    ),
    "characters": Check("Characters", "refuse", "A character is invisible or reorders others."),
    "table": Check(
        "Form of a table",
        "refuse",
        "The table is empty, ragged, unreadable or uses commas in numbers.",
    ),
    "header": Check("Header", "refuse", "A column has no name, a number for a name, or the name of another."),
    "formula": Check("Formulas", "info", "A cell would run in a spreadsheet; an apostrophe now precedes it."),
    "note": Check("Form of a note", "refuse", "The note is empty, too long, or holds something active."),
    "image": Check("Form of an image", "refuse", "The image moves, is too large or cannot be read."),
    "image-data": Check(
        "Data of an image",
        "flag",
        "No table of the request has the image's name, as chart.csv for chart.png.",
    ),
    "dropped": Check(
        "Left behind", "info", "Something hidden or active in a workbook or notebook is not carried over."
    ),
    "screening-failed": Check("Screening", "refuse", "The throw-away process reached a limit or failed."),
}


def check_form(form: Form, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield what the checks find in a file that no receipt covers."""
    match form:
        case Table():
            columns = columns_of(form)
            yield from counts.check(columns, thresholds)
            yield from labels.check(columns)
            yield from evidence.check(columns, thresholds)
            yield from shares.check(columns, thresholds)
            yield from statistics.check(columns, thresholds)
            yield from recoverable.check(columns, thresholds)
            yield from shape.check_rows(columns, thresholds)
            for column in columns:
                texts = (column.name, *column.cells)
                yield from identifiers.check(texts, where=f"column {column.name}")
            yield from precision.check(columns, thresholds)
            yield from shape.check_texts(columns, thresholds)
            yield from shape.check_evidence(columns)
        case Note():
            yield from shape.check_note(form, thresholds)
            yield from identifiers.check(form.lines, where="file")


def render_table() -> str:
    """Return the table of checks for the documentation, in Markdown."""
    lines = ["| code | check | severity | speaks when |", "|---|---|---|---|"]
    lines += [f"| {code} | {c.title} | {c.severities} | {c.rule} |" for code, c in CHECKS.items()]
    return "\n".join(lines) + "\n"

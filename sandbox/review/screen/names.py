"""Which file names may leave, and what kind of file a name promises."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from sandbox.review.finding import refused

LONGEST_NAME = 100
"""Characters; leaves room for folders within the 255 bytes of common file systems."""
_NAME = re.compile(r"[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff_-]*\.[a-z]{1,5}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\..*", re.IGNORECASE)
ALLOWED = (
    "Tables as .csv, .tsv, .xlsx or .json, images as .png or .jpg, notebooks as .ipynb "
    "and plain text as .txt or .md may leave."
)
INSTEAD = {
    "pdf": "Submit its tables as .csv, its charts as .png and its text as .md.",
    "html": "Submit its tables as .csv and its text as .md.",
    "svg": "Submit the chart as .png with its table as .csv.",
    "zip": "Submit the files in the archive one by one.",
    "xlsm": "Save the workbook as .xlsx, without macros.",
    "xls": "Save the workbook as .xlsx.",
}
"""What to do instead, for endings that people try; everything else is told what may leave."""


MODELS = frozenset({"pkl", "joblib", "pt", "pth", "onnx", "rds", "rda", "h5", "hdf5", "safetensors", "model"})
"""Endings of files that hold fitted models."""


class FileKind(StrEnum):
    """What a file is taken for."""

    TABLE = "table"
    NOTE = "note"
    IMAGE = "image"
    REPORT = "report"
    """The visible text of a notebook."""


KINDS = {
    **dict.fromkeys(("csv", "tsv", "xlsx", "json"), FileKind.TABLE),
    **dict.fromkeys(("txt", "md"), FileKind.NOTE),
    **dict.fromkeys(("png", "jpg", "jpeg"), FileKind.IMAGE),
    "ipynb": FileKind.REPORT,
}


def kind_of(name: str) -> FileKind:
    """Return what ``name`` promises.

    Raises:
        RefusedFile: the name could deceive a person or a file system, or promises another kind.
    """
    if name.rpartition(".")[2].casefold() in MODELS:
        raise refused(
            "C29",
            "A fitted model can repeat the data it was fitted to, so no model leaves.",
            fix="Hand in its coefficients as a table, with how many persons stand behind them.",
        )
    fits = _NAME.fullmatch(name) and len(name) <= LONGEST_NAME and not _RESERVED.fullmatch(name)
    if not fits or unicodedata.normalize("NFC", name) != name:
        raise refused(
            "name",
            "The file's name could mislead a person or a file system.",
            fix="Use letters, digits, - and _ with one ending in small letters, at most 100 characters.",
        )
    ending = name.rpartition(".")[2]
    kind = KINDS.get(ending)
    if kind is None:
        raise refused(
            "kind",
            "Files of this kind cannot be checked, so they do not leave.",
            fix=INSTEAD.get(ending, ALLOWED),
        )
    return kind

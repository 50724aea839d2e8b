"""The corpus: files that must not leave as they are, and files that must."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

from openpyxl import Workbook

from corpus.made import (
    ROWS,
    SECRET,
    archive,
    chart,
    encoded,
    notebook,
    pixel_bomb,
    saved,
    shown,
    table,
    with_member,
    workbook,
    workbook_with_hidden_row,
)
from corpus.tables import KNOWN, SILENT

RECORDS = [f"P{number},{number * 7919 % 1000 / 7:.3f}" for number in range(40)]
GOOD = table("district,n,mean", "Bei,120,3.5", "Dong,40,2.25")
_HTML = "<table><tr><th></th><th>n</th></tr><tr><td>Bei</td><td>120</td></tr></table>"
_INVISIBLE = {
    "zero-width space": "\u200b", "zero-width joiner": "\u200d", "right-to-left override": "\u202e",
    "word joiner": "\u2060", "tag letter": "\U000e0041", "variation selector": "\ufe0f",
    "private use": "\ue000", "NUL": "\0", "escape": "\x1b", "isolate": "\u2066", "filler": "\u3164",
}  # fmt: skip
_NAMES = (
    "../a.csv", "/etc/a.csv", "a\\b.csv", "a\u202evsc.csv", "a\u200b.csv", "con.csv", "\u0430.csv",
    ".hidden.csv", "a.csv.exe", "a.csv\n", "a" * 120 + ".csv", "lpt1.txt", "a b.csv",
    "a\u2066b\u2069.csv", "a\x1b[2J.csv", "a\x00.csv", "\uff41.csv", "\u03bfb.csv",
)  # fmt: skip
_OTHERS = {
    "a.pdf": b"%PDF-1.7 /JS", "a.html": b"<html><script>", "a.svg": b"<svg onload='x'>",
    "a.zip": archive("a", b"x"),
    "a.tar": b"ustar", "a.pkl": pickle.dumps([SECRET]), "a.joblib": b"\x80\x05", "a.parquet": b"PAR1",
    "a.xls": b"\xd0\xcf\x11\xe0", "a.xlsm": workbook(), "a.gif": chart(kind="GIF"), "a.h5": b"\x89HDF",
}  # fmt: skip


def hostile() -> Iterator[tuple[str, str, bytes]]:
    """Yield what it is, name and bytes of every hostile file."""
    for cases in CLASSES.values():
        yield from cases()


def _invisible() -> Iterator[tuple[str, str, bytes]]:
    for kind, mark in _INVISIBLE.items():
        yield f"text with {kind}", "a.csv", f"d,n\nBe{mark}i,20\n".encode()
        yield f"note with {kind}", "a.txt", f"wo{mark}rds\n".encode()


def _named() -> Iterator[tuple[str, str, bytes]]:
    for number, name in enumerate(_NAMES):
        yield f"misleading name {number}", name, GOOD


def _others() -> Iterator[tuple[str, str, bytes]]:
    for name, data in _OTHERS.items():
        yield f"another kind {name}", name, data
        yield f"{name} under the name of a table", "a.csv", data


def _tables() -> Iterator[tuple[str, str, bytes]]:
    yield "records", "a.csv", table("who,cost", *RECORDS)
    yield (
        "records as JSON",
        "a.json",
        json.dumps([dict(zip(("who", "cost"), row.split(","), strict=True)) for row in RECORDS]).encode(),
    )
    yield "records in a note", "a.txt", "\n".join(RECORDS).replace(",", "\t").encode()
    yield "small count as JSON", "a.json", b'{"columns": ["d", "n"], "data": [["Bei", 3]]}'
    yield "nested JSON", "a.json", json.dumps([{"d": {"x": SECRET}, "n": 20}]).encode()
    yield "key twice", "a.json", b'[{"d": "Bei", "d": "PAYLOAD7391", "n": 20}]'
    yield "deep JSON", "a.json", b"[" * 200_000
    yield "formula", "a.csv", table("d,n", "=1+1,20")
    yield "full-width formula", "a.csv", table("d,n", "\uff1d1+1,20")
    yield "formula as JSON", "a.json", b'[{"d": "=HYPERLINK(1)", "n": 20}]'
    yield "ragged", "a.csv", table("d,n", f"Bei,20,{SECRET}")
    yield "digits of a mean", "a.csv", table("d,n,mean", "Bei,20,1.73917391739173")


def _statistics() -> Iterator[tuple[str, str, bytes]]:
    for code, texts in KNOWN.items():
        # A mean that leaves persons out is told of, not stopped.
        if code != "C27":
            yield from ((f"{code} {number}", "a.csv", text.encode()) for number, text in enumerate(texts))


def _workbooks() -> Iterator[tuple[str, str, bytes]]:
    yield "hidden sheet", "a.xlsx", workbook(state="hidden")
    yield "very hidden sheet", "a.xlsx", workbook(state="veryHidden")
    yield "comment", "a.xlsx", workbook(comment=True)
    yield "hidden column", "a.xlsx", workbook(column=True)
    yield "hidden row", "a.xlsx", workbook_with_hidden_row()
    yield "formula without its result", "a.xlsx", workbook(cell="=1+1")
    yield "pivot cache", "a.xlsx", with_member(workbook(), "xl/pivotCache/x.xml", SECRET.encode())
    yield "macro", "a.xlsx", with_member(workbook(), "xl/vbaProject.bin", SECRET.encode())
    yield "member outside", "a.xlsx", with_member(workbook(), "../x", SECRET.encode())
    yield "archive bomb", "a.xlsx", with_member(workbook(), "xl/x.xml", bytes(300_000_000))
    yield "archive with another name", "a.xlsx", archive("x", SECRET.encode())
    yield "archive behind a program", "a.xlsx", b"MZ" + workbook()
    yield "sheet bomb", "a.xlsx", workbook_with_far_cell()
    yield "entities", "a.xlsx", archive_of_entities()


def _images() -> Iterator[tuple[str, str, bytes]]:
    yield "low bits", "a.png", chart(low=True)
    yield "text chunk", "a.png", chart(text=True)
    yield "EXIF", "a.jpg", chart(kind="JPEG")
    yield "archive behind an image", "a.png", chart() + archive("x", SECRET.encode())
    yield "script behind an image", "a.jpg", chart(kind="JPEG") + b"<script>"
    yield "JPEG called PNG", "a.png", chart(kind="JPEG")
    yield "GIF called PNG", "a.png", chart(kind="GIF")
    yield "pixel bomb", "a.png", pixel_bomb(60_000)
    yield "smaller pixel bomb", "a.png", pixel_bomb(4_000)
    yield "cut image", "a.png", chart()[:80] + chart()[-12:]


def _notebooks() -> Iterator[tuple[str, str, bytes]]:
    yield (
        "hidden output",
        "a.ipynb",
        notebook(shown(text_plain=SECRET), metadata={"jupyter": {"outputs_hidden": True}}),
    )
    yield "collapsed output", "a.ipynb", notebook(shown(text_plain=SECRET), metadata={"collapsed": True})
    yield "hidden cell", "a.ipynb", notebook(source=SECRET, metadata={"jupyter": {"source_hidden": True}})
    yield "attachment", "a.ipynb", notebook(attachments={"x.png": {"image/png": SECRET}})
    yield "metadata", "a.ipynb", notebook(metadata={"more": SECRET})
    yield "script output", "a.ipynb", notebook(shown(application_javascript=SECRET))
    yield "vector output", "a.ipynb", notebook(shown(**{"image_svg+xml": f"<svg>{SECRET}</svg>"}))
    yield "HTML beside a table", "a.ipynb", notebook(shown(text_html=f"<script>{SECRET}</script>{_HTML}"))
    yield "low bits in an output", "a.ipynb", notebook(shown(image_png=encoded(chart(low=True))))
    yield "widget", "a.ipynb", notebook(shown(**{"application_vnd.jupyter.widget-view+json": {"x": SECRET}}))
    yield "small count", "a.ipynb", notebook(shown(text_html=_HTML.replace("120", "3")))
    yield "no notebook", "a.ipynb", b'{"cells": []}'


CLASSES = {
    "invisible characters": _invisible,
    "misleading names": _named,
    "other kinds of file": _others,
    "tables": _tables,
    "statistics": _statistics,
    "workbooks": _workbooks,
    "images": _images,
    "notebooks": _notebooks,
}
"""Hostile files by what they are."""


def workbook_with_far_cell() -> bytes:
    book = Workbook()
    book.worksheets[0]["XFD1048576"] = SECRET
    return saved(book)


def archive_of_entities() -> bytes:
    bomb = b'<!DOCTYPE x [<!ENTITY a "PAYLOAD7391"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    return with_member(archive("[Content_Types].xml", bomb), "xl/workbook.xml", bomb)


def benign() -> Iterator[tuple[str, str, bytes]]:
    """Yield what it is, its name and its bytes, of files that leave unflagged."""
    long = [f"2020-01-{day:02d},{day * 20 + 20}" for day in range(1, 32)]
    texts = {
        "rounded counts": table("district,n", "Bei,120", "Dong,40"),
        "means with counts": GOOD,
        "Chinese": table("区,人数", "北京,120", "东城,40"),
        "Chinese with a mark": b"\xef\xbb\xbf" + table("区,人数", "北京,120", "东城,40"),
        "UTF-16": "d,n\nBei,120\n".encode("utf-16"),
        "Windows line ends": GOOD.replace(b"\n", b"\r\n"),
        "semicolons": GOOD.replace(b",", b";"),
        "masked cells": table("district,n", "Bei,120", "Dong,"),
        "coefficients": table("term,n,estimate", "age,200,-0.25", "sex,200,1.5"),
        "long series": table("day,n", *long),
        "zero": table("district,n", "Bei,120", "Dong,0"),
        "quoted": table("district,n", '"Bei, north",120'),
        "shares": table("district,n,share", "Bei,120,0.75", "Dong,40,0.25"),
    }
    yield from ((what, "a.csv", data) for what, data in texts.items())
    yield from ((f"statistics {number}", "a.csv", text.encode()) for number, text in enumerate(SILENT))
    yield "tabs", "a.tsv", GOOD.replace(b",", b"\t")
    yield "note", "a.md", b"# Visits\n\nCounts are rounded to five.\n"
    yield "Chinese note", "a.txt", "人数取整到五。\n".encode()
    yield "list", "a.md", b"- one\n  - two\n"
    yield "workbook", "a.xlsx", workbook()
    yield "records as JSON", "a.json", b'[{"d": "Bei", "n": 120}, {"d": "Dong", "n": 40}]'
    yield "columns and data", "a.json", b'{"columns": ["d", "n"], "data": [["Bei", 120]]}'
    yield "empty cell as JSON", "a.json", b'[{"d": "Bei", "n": 120}, {"d": "Dong", "n": null}]'
    yield "chart", "chart.png", chart()
    yield "photograph of a chart", "chart.jpg", chart(kind="JPEG")
    yield "notebook", "a.ipynb", notebook({"output_type": "stream", "name": "stdout", "text": "done\n"})
    yield "notebook with a frame", "a.ipynb", notebook(shown(text_html=_HTML, text_plain="x"))
    yield "rows", "rows.json", json.dumps({"columns": ROWS[0], "data": ROWS[1:]}).encode()

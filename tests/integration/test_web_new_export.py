"""A new export on the console: tried out with the checks themselves, mended, handed in with its receipt."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor

from console_under_test import Browser, Console, Page

from sandbox.audit.event import Kind
from sandbox.governance.installation import open_books
from sandbox.review.rehearsal import CHECKS_AN_HOUR

SMALL = b"district,n,max_cost\nBei,123,9\nDong,4,8\nNan,2,7\n"
PURPOSE = "Visits by district"


def fields(page: Page, do: str, **changed: str) -> list[tuple[str, str]]:
    """Return what a browser sends of the page's form when the button ``do`` is pressed."""
    names = ("once", "name", "content", "title", "population", "n", "variables", "control", "related")
    found = re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', page.text)
    carried = [(name, html.unescape(value)) for name, value in found if name in names]
    return [
        ("_xsrf", page.xsrf),
        ("authorization", "visits-study"),
        ("purpose", PURPOSE),
        *((name, changed.get(name, value)) for name, value in carried),
        ("upload", ""),  # no file chosen
        ("do", do),
    ]


def recorded_checks(console: Console) -> int:
    """Return how often the log says that ann had files checked."""
    books = open_books(console.settings)
    try:
        return len(books.log.search(kind=Kind.RELEASE_CHECKED, actor="ann", limit=200))
    finally:
        books.close()


def opened(console: Console) -> tuple[Browser, Page]:
    ana = console.browser("ana")
    return ana, ana.get("/releases/new")


def test_a_file_is_tried_out_without_anything_being_stored(console: Console) -> None:
    ana, page = opened(console)
    before = ana.get("/releases").text.count("<tr>")
    tried = ana.upload("/releases/new", fields(page, "check"), {"small.csv": SMALL})
    assert tried.status == 200
    assert "2 counts are smaller than 10." in tried.text
    assert "A check refuses a file" in tried.text
    assert ana.get("/releases").text.count("<tr>") == before


def test_checks_on_the_console_are_on_record_and_come_to_an_end(console: Console) -> None:
    ann = console.browser("ann")
    page = ann.get("/releases/new")
    checks = recorded_checks(console)
    ann.upload("/releases/new", fields(page, "check"), {"bad.exe": b"MZ"})
    assert recorded_checks(console) == checks + 1
    asked = [
        ann.upload("/releases/new", fields(page, "check"), {"bad.exe": b"MZ"}) for _ in range(CHECKS_AN_HOUR)
    ]
    assert asked[-1].status == 429
    assert "60 checks within an hour" in asked[-1].text
    assert recorded_checks(console) == checks + CHECKS_AN_HOUR


def test_each_fix_that_is_offered_ends_its_finding_until_the_file_may_be_handed_in(console: Console) -> None:
    ana, page = opened(console)
    page = ana.upload("/releases/new", fields(page, "check"), {"small.csv": SMALL})
    for _ in range(4):
        fixes = re.findall(r'value="(mend [^"]+)"', page.text)
        if not fixes:
            break
        chosen = next((fix for fix in fixes if "merge" in fix), fixes[0])
        page = ana.upload("/releases/new", fields(page, chosen), {})
    assert "reviewer must agree" in page.text or "reviewers must agree" in page.text
    assert "max_cost" not in page.text.split("Files")[1]
    done = ana.upload("/releases/new", fields(page, "submit", title="Table 2", n="6"), {})
    assert done.status == 303
    detail = ana.get(done.headers["Location"]).text
    assert "- Title: Table 2" in detail
    assert "- Persons in it (n): 6" in detail


def test_a_double_click_hands_in_once_and_both_lead_to_the_same_request(console: Console) -> None:
    ana, page = opened(console)
    files = {"twice.csv": b"d,n\nBei,120\nXi,55\n"}
    before = ana.get("/releases").text.count("<tr>")
    sent = fields(page, "submit")
    with ThreadPoolExecutor(2) as clicks:
        first, second = clicks.map(lambda _: ana.upload("/releases/new", sent, files), range(2))
    assert first.status == second.status == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert ana.get("/releases").text.count("<tr>") == before + 1
    another = ana.upload("/releases/new", fields(ana.get("/releases/new"), "submit"), files)
    assert another.headers["Location"] != first.headers["Location"]


def test_an_own_answer_is_handed_in_with_its_receipt_and_needs_one_reviewer(console: Console) -> None:
    ana, page = opened(console)
    answer = re.findall(r'name="answer" value="([^"]+)"', page.text)[0]
    chosen = [*fields(page, "check"), ("answer", answer)]
    tried = ana.upload("/releases/new", chosen, {})
    assert "1 reviewer must agree." in tried.text
    done = ana.upload("/releases/new", [*fields(tried, "submit"), ("answer", answer)], {})
    assert done.status == 303
    assert f"answer-{answer[:8]}.csv" in ana.get(done.headers["Location"]).text


def test_nobody_hands_in_answers_of_somebody_else(console: Console) -> None:
    ana, page = opened(console)
    answer = re.findall(r'name="answer" value="([^"]+)"', page.text)[0]
    rita = console.browser("rita")
    assert rita.get("/releases/new").status == 403
    tried = ana.upload("/releases/new", [*fields(page, "check"), ("answer", answer[::-1])], {})
    assert "A request needs files" in tried.text


def test_a_form_with_files_needs_its_token_and_its_form(console: Console) -> None:
    ana, page = opened(console)
    without = [pair for pair in fields(page, "submit") if pair[0] != "_xsrf"]
    assert ana.upload("/releases/new", without, {"a.csv": SMALL}).status == 401
    uneven = [*fields(page, "check"), ("name", "a.csv")]
    assert ana.upload("/releases/new", uneven, {}).status == 400
    assert ana.post("/releases/new", fields(page, "check")).status == 415


def test_what_an_author_writes_into_the_form_comes_back_as_text(console: Console) -> None:
    ana, page = opened(console)
    wrong = [("purpose", '"><script>alert(1)</script>')]
    sent = [pair for pair in fields(page, "check") if pair[0] != "purpose"] + wrong
    tried = ana.upload("/releases/new", sent, {'a"<b>.csv': SMALL})
    assert "<script" not in tried.text
    assert "<b>" not in tried.text


def test_another_round_is_handed_in_and_its_changes_are_shown_cell_by_cell(console: Console) -> None:
    ana, page = opened(console)
    tried = ana.upload("/releases/new", fields(page, "check"), {"two.csv": b"d,n\nBei,120\nXi,55\n"})
    place = ana.upload("/releases/new", fields(tried, "submit"), {}).headers["Location"]
    rita, request = console.browser("rita"), place.rpartition("/")[2]
    review = rita.get(f"/review/{request}")
    version = re.findall(r'name="row_version" value="(\d+)"', review.text)[0]
    sent = [("_xsrf", review.xsrf), ("verdict", "return"), ("row_version", version), ("reason", "Which Bei?")]
    assert rita.post(f"/review/{request}", sent).status == 303
    rolf = console.browser("rolf")
    second = [("_xsrf", rolf.get(f"/review/{request}").xsrf), *sent[1:]]
    assert rolf.post(f"/review/{request}", second).status == 303
    again = ana.get(f"{place}/round")
    version = re.findall(r'name="row_version" value="(\d+)"', again.text)[0]
    corrected = [*fields(again, "submit"), ("row_version", version)]
    done = ana.upload(f"{place}/round", corrected, {"two.csv": b"d,n\nBei,125\nXi,55\n"})
    assert (done.status, done.headers["Location"]) == (303, place)
    seen = rita.get(f"/review/{request}/files/two.csv?against=1").text
    assert '<del class="gone"><bdi>120</bdi></del> <ins class="came"><bdi>125</bdi></ins>' in seen
    assert "1 cell" in seen
    assert rita.get(f"/review/{request}/files/two.csv?against=7").status == 200


def test_nobody_answers_for_somebody_else(console: Console) -> None:
    assert console.browser("rita").get(f"/releases/{console.waiting}/round").status == 403
    assert console.browser("ana").get("/releases/nothing/round").status == 404

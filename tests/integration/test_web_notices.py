"""Each person reads their own notices on the console, and marks them as read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from console_under_test import Browser, Console
from sqlalchemy import delete

from sandbox.notices import box
from sandbox.notices.box import Happening
from sandbox.notices.notice import About
from sandbox.store import tables
from sandbox.store.engine import open_state, writing

AT = "2026-06-01T12:00:0{}.000000+00:00"


@pytest.fixture(autouse=True)
def told(console: Console) -> Iterator[None]:
    """Three happenings: two that ana is told, of which rita is told one, and one for the steward."""
    happenings = (
        (About.SUBMITTED, console.waiting, {"ana"}),
        (About.REVOKED, console.deciding, {"ana", "rita", "olaf"}),
        (About.CONSENT_REQUESTED, console.waiting, {"sten"}),
    )
    engine = open_state(console.settings)
    with writing(engine, wait=5) as connection:
        box.put(
            connection,
            [
                Happening(
                    at=AT.format(place),
                    about=about,
                    request=request,
                    authorization="visits-study",
                    occasion=str(place),
                    people=frozenset(people),
                )
                for place, (about, request, people) in enumerate(happenings)
            ],
        )
    yield
    with writing(engine, wait=5) as connection:
        connection.execute(delete(tables.notice))
    engine.dispose()


def unread(browser: Browser) -> int:
    """Return what the menu says on another page."""
    found = re.search(r'<a href="/notices">Notices <span class="badge wait">(\d+)<', browser.get("/").text)
    return int(found[1]) if found else 0


def listed(text: str) -> list[str]:
    return re.findall(r"<td>(Your request|Request) ", text)


def ids(text: str) -> list[str]:
    return re.findall(r'name="id" value="([0-9a-f]{32})"', text.partition("<table")[2])


def test_each_person_is_told_what_happened_of_which_request_and_when(console: Console) -> None:
    ana = console.browser("ana")
    page = ana.get("/notices").text
    assert unread(ana) == 2
    assert f'Your request <a href="/releases/{console.waiting}">{console.waiting}</a> was handed in.' in page
    assert "2026-06-01 12:00" in page
    assert listed(page) == ["Request", "Your request"]  # the newest first
    assert "visits.csv" not in page
    assert listed(console.browser("rolf").get("/notices").text) == []


def test_a_notice_leads_to_the_page_that_its_reader_may_open(console: Console) -> None:
    links = {
        "ana": f"/releases/{console.deciding}",
        "rita": f"/review/{console.deciding}",
        "olaf": f"/register/{console.deciding}",
        "sten": f"/consents/{console.waiting}",
    }
    for name, link in links.items():
        assert f'href="{link}"' in console.browser(name).get("/notices").text, name


def test_one_is_marked_as_read_and_then_stands_below_those_that_are_not(console: Console) -> None:
    ana = console.browser("ana")
    page = ana.get("/notices")
    newest = ids(page.text)[0]
    done = ana.post("/notices", [("_xsrf", page.xsrf), ("id", newest)])
    assert (done.status, done.headers["Location"]) == (303, "/notices")
    assert unread(ana) == 1
    after = ana.get("/notices").text
    assert listed(after) == ["Your request", "Request"]
    assert newest not in ids(after)


def test_marking_all_marks_those_that_were_on_the_page_and_nobody_elses(console: Console) -> None:
    ana, rita = console.browser("ana"), console.browser("rita")
    page = ana.get("/notices")
    others = ids(rita.get("/notices").text)
    fields = [("_xsrf", page.xsrf), *(("id", one) for one in [*ids(page.text), *others])]
    assert ana.post("/notices", fields).status == 303
    assert (unread(ana), unread(rita)) == (0, 1)
    assert "Mark all as read" not in ana.get("/notices").text


def test_a_form_without_its_token_or_without_a_notice_marks_nothing(console: Console) -> None:
    ana = console.browser("ana")
    page = ana.get("/notices")
    assert ana.post("/notices", [("_xsrf", "wrong"), ("id", ids(page.text)[0])]).status == 401
    assert ana.post("/notices", [("_xsrf", page.xsrf)]).status == 400
    assert unread(ana) == 2


def test_notices_are_said_in_the_language_of_their_reader(console: Console) -> None:
    page = console.browser("ana").get("/notices", Accept_Language="zh-CN").text
    assert f'您的申请 <a href="/releases/{console.waiting}">' in page

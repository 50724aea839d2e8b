"""The console's pages, asked over HTTP by people who are logged in at the hub."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from console_under_test import Browser, Console

from sandbox import freezes
from sandbox.freezes import Target, What
from sandbox.governance.installation import open_books

SMALL_POLICIES = Path(__file__).parents[1] / "policies"


def test_a_stranger_is_led_to_the_hubs_log_in(console: Console) -> None:
    page = console.browser().get("/review")
    assert page.status == 302
    assert page.headers["Location"].startswith(f"{console.settings.hub_url}/hub/api/oauth2/authorize?")
    assert "code_challenge=" in page.headers["Location"]


def test_a_token_in_a_header_or_an_address_does_not_log_in(console: Console) -> None:
    browser = console.browser()
    assert browser.get("/?token=of-rita").status == 302
    assert browser.get("/", Authorization="token of-rita").status == 302


@pytest.mark.parametrize(
    "path", ["/", "/releases", "/nothing", "/static/console.css", "/api/v1/openapi.json"]
)
def test_every_answer_carries_the_security_headers(console: Console, path: str) -> None:
    headers = console.browser("ana").get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] is None


def test_another_host_name_is_refused(console: Console) -> None:
    assert console.browser("ana").get("/", Host="evil.example:80").status == 421


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("ana", {"/account", "/releases"}), ("rita", {"/review"}), ("olaf", {"/audit"}), ("sten", {"/budgets"})],
)
def test_each_role_opens_its_own_pages_only(console: Console, name: str, allowed: set[str]) -> None:
    browser = console.browser(name)
    opened = {
        path
        for path in ("/account", "/releases", "/review", "/audit", "/budgets")
        if browser.get(path).status == 200
    }
    assert opened == allowed


def test_what_an_analyst_wrote_is_shown_as_text(console: Console) -> None:
    page = console.browser("rita").get(f"/review/{console.waiting}")
    assert "第二張表" in page.text
    assert "<script" not in page.text


def test_the_pages_speak_the_language_of_the_browser_until_another_is_chosen(console: Console) -> None:
    rita = console.browser("rita")
    page = rita.get("/review", Accept_Language="zh-CN,zh;q=0.9").text
    assert '<html lang="zh-CN">' in page
    assert "等待您表决" in page
    switch = re.findall(r'href="(/language/en\?back=[^"]+)"', page)[0]
    chosen = rita.get(switch, Accept_Language="zh-CN")
    assert (chosen.status, chosen.headers["Location"]) == (303, "/review")
    assert "HttpOnly; SameSite=Lax" in chosen.headers["Set-Cookie"]
    assert '<html lang="en">' in rita.get("/review", Accept_Language="zh-CN").text
    assert "您的角色不具备此权限" in console.browser("ana").get("/review", Accept_Language="zh").text


@pytest.mark.parametrize(
    "back", ["//evil.example/", "https://evil.example/", "/%5Cevil.example", "/a%0D%0Ab"]
)
def test_choosing_a_language_leads_to_no_other_place(console: Console, back: str) -> None:
    page = console.browser("rita").get(f"/language/en?back={back}")
    assert page.headers["Location"] == "/"


def test_a_link_of_another_site_changes_nobodys_language(console: Console) -> None:
    page = console.browser("rita").get("/language/zh-CN", Sec_Fetch_Site="cross-site")
    assert page.headers["Set-Cookie"] is None


def test_a_form_without_its_token_changes_nothing(console: Console) -> None:
    rita = console.browser("rita")
    page = rita.post(f"/review/{console.waiting}", [("verdict", "reject"), ("row_version", "0")])
    assert page.status == 401
    assert rita.get(f"/review/{console.waiting}").status == 200


def test_a_form_that_another_site_sends_is_refused(console: Console) -> None:
    rita = console.browser("rita")
    token = rita.get(f"/review/{console.waiting}").xsrf
    fields = [("_xsrf", token), ("verdict", "reject"), ("row_version", "0")]
    page = rita.post(
        f"/review/{console.waiting}", fields, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"
    )
    assert page.status == 403


def test_a_link_from_another_site_does_not_open_a_file(console: Console) -> None:
    path = f"/review/{console.waiting}/files/visits.csv"
    page = console.browser("rolf").get(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert (page.status, page.headers["Location"]) == (303, f"/review/{console.waiting}")


def test_an_unreadable_form_is_refused_with_a_page(console: Console) -> None:
    rita = console.browser("rita")
    token = rita.get(f"/review/{console.waiting}").xsrf
    page = rita.post(
        f"/review/{console.waiting}", [("_xsrf", token), ("verdict", "burn"), ("row_version", "x")]
    )
    assert page.status == 400
    assert "Back to the start page" in page.text


def test_a_steward_sees_who_spent_what_of_a_dataset_and_others_do_not(console: Console) -> None:
    sten = console.browser("sten")
    assert "/budgets/small_visits" in sten.get("/budgets").text
    page = sten.get("/budgets/small_visits")
    assert page.status == 200
    assert "visits-closed" in page.text
    assert "<td>ana</td>" in page.text
    assert "<td>authorization visits-study</td>" in page.text
    document = json.loads(sten.get("/api/v1/budgets/small_visits").text)
    spenders = {one["authorization"]: one["spenders"] for one in document["authorizations"]}
    assert [(one["person"], one["questions"]) for one in spenders["visits-study"]] == [("ana", 1)]
    for name in ("ana", "rita", "olaf"):
        browser = console.browser(name)
        assert {browser.get(p).status for p in ("/budgets/small_visits", "/api/v1/budgets/small_visits")} == {
            403
        }


def test_a_page_of_budgets_that_does_not_exist_is_not_found(console: Console) -> None:
    sten = console.browser("sten")
    assert sten.get("/budgets/nothing").status == 404
    assert sten.get("/budgets/small_visits?before=x").status == 400


def test_an_analyst_sees_what_more_of_a_question_would_cost_and_how_many_are_possible(
    console: Console,
) -> None:
    ana = console.browser("ana")
    page = ana.get("/account?more=4").text
    # epsilon 0.2 is rho 0.02; the authorization's 8 at delta 1e-6 is rho 0.9076, the rest of it 0.8876
    assert "rho 0.080000" in page
    assert ">44</td><td>authorization visits-study</td>" in page
    assert '<span class="badge bad">44</span>' in ana.get("/account?more=45").text
    assert ana.get("/account?more=-1").status == 400
    assert ana.get("/account?more=10001").status == 400


def test_an_officer_finds_an_entry_its_proof_and_its_sealed_text_and_each_look_is_recorded(
    console: Console,
) -> None:
    olaf = console.browser("olaf")
    found = olaf.get("/audit?kind=question.intent")
    seq = re.findall(r'href="/audit/(\d+)"', found.text)[0]
    entry = olaf.get(f"/audit/{seq}")
    assert "service = ?" in entry.text.replace("&#39;", "'") or "?" in entry.text
    revealed = olaf.post(f"/audit/{seq}/private", [("_xsrf", entry.xsrf)])
    assert "FROM visits WHERE" in revealed.text
    assert olaf.get(f"/audit/{seq}/proof").data.startswith(b"c2sp.org/tlog-proof@v1")
    assert olaf.get("/audit?kind=audit.read&actor=olaf").text.count("audit.read") > 3


def test_an_officer_sees_what_is_frozen_until_it_no_longer_is(console: Console) -> None:
    olaf, cho, books = console.browser("olaf"), Target(What.USER, "cho"), open_books(console.settings)
    freezes.freeze(books.log, cho, reason="A secret reason", actor="root")
    assert "UTC: user cho." in (frozen := olaf.get("/overview").text)
    assert "secret reason" not in frozen
    freezes.unfreeze(books.log, cho, reason="Over", actor="root")
    assert "UTC: user cho." not in olaf.get("/overview").text
    books.close()


def test_an_officer_sees_alarms_facets_and_a_verification_whose_result_is_recorded(console: Console) -> None:
    rolf = console.browser("rolf")
    assert {rolf.get("/audit").status for _ in range(6)} == {403}
    olaf = console.browser("olaf")
    overview = olaf.get("/overview")
    assert "rolf was refused" in overview.text
    assert 'class="days"' in overview.text
    narrowed = olaf.get("/audit?kind=question.intent&text=visits").text
    assert 'aria-current="true">question.intent' in narrowed
    verified = olaf.post("/audit/verification", [("_xsrf", overview.xsrf)])
    assert (verified.status, verified.headers["Location"]) == (303, "/audit/verification")
    page = olaf.get("/audit/verification")
    until = time.monotonic() + 30
    while page.headers["Refresh"] is not None and time.monotonic() < until:
        time.sleep(0.5)
        page = olaf.get("/audit/verification")
    assert ">whole</span>" in page.text
    assert olaf.get("/audit/checkpoint").data.startswith(b"public-data-sandbox/log\n")
    found = olaf.get("/audit?subject=verification").text
    assert "audit.read" in found


def test_an_officer_takes_along_what_was_found_and_where_a_release_comes_from(console: Console) -> None:
    olaf = console.browser("olaf")
    table = olaf.get("/exports/csv?actor=ana")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert table.headers["Content-Disposition"] == 'attachment; filename="entries.csv"'
    rows = list(csv.DictReader(io.StringIO(table.data.decode())))
    assert {row["actor"] for row in rows} == {"ana"}
    lines = [json.loads(line) for line in olaf.get("/exports/jsonl?actor=ana").data.splitlines()]
    assert [str(line["seq"]) for line in lines] == [row["seq"] for row in rows]
    assert all(line["leaf"]["actor"] == "ana" for line in lines)
    lineage = json.loads(olaf.get(f"/exports/prov/{console.deciding}").data)
    assert {"prefix", "entity", "activity", "agent"} <= lineage.keys()
    recorded = olaf.get("/audit?kind=audit.exported").text
    assert recorded.count("audit.exported") >= 3
    for path in ("/exports/xlsx", "/exports/prov/nobody"):
        assert olaf.get(path).status == 404
    for name in ("ana", "rita"):
        assert console.browser(name).get("/exports/csv").status == 403


def test_a_day_that_is_none_is_refused(console: Console) -> None:
    assert console.browser("olaf").get("/audit?since=yesterday").status == 400


def test_hostile_places_in_the_log_are_not_found(console: Console) -> None:
    olaf = console.browser("olaf")
    for path in ("/audit/-1", "/audit/99999999999999999999", "/audit/x", "/audit/4000", "/trace/nobody"):
        assert olaf.get(path).status == 404


def test_a_release_goes_from_queue_to_download_on_the_pages(console: Console) -> None:
    request = f"/review/{console.deciding}"
    outcome = [_approve(console.browser(name), request) for name in ("rita", "rolf")]
    assert 303 in outcome
    ana = console.browser("ana")
    page = ana.get(f"/releases/{console.deciding}")
    assert "Released" in page.text
    package = ana.post(f"/releases/{console.deciding}/package", [("_xsrf", page.xsrf)])
    assert package.status == 200
    assert package.headers["Content-Disposition"].startswith("attachment")
    story = console.browser("olaf").get(f"/trace/{console.deciding}").text
    for stage in ("Asked", "Answered", "Handed in", "Reviewed", "Sealed", "Downloaded"):
        assert f"<h2>{stage}</h2>" in story
    assert story.index("release.submitted") < story.index("release.voted") < story.index("release.downloaded")


def _approve(browser: Browser, request: str) -> int:
    """Approve as the pages ask for it: first without opening, then as it must be."""
    page = browser.get(request)
    if page.status != 200 or 'name="row_version"' not in page.text:
        return page.status
    version = re.findall(r'name="row_version" value="(\d+)"', page.text)[0]
    codes = re.findall(r'name="code" value="([^"]+)"', page.text)
    fields = [("_xsrf", page.xsrf), ("verdict", "approve"), ("row_version", version), ("reason", "checked")]
    fields += [pair for code in codes for pair in (("code", code), ("why", "weighed"))]
    assert browser.post(request, fields).status == 409, "nothing was opened yet"
    assert 'class="preview"' in browser.get(f"{request}/files/visits.csv").text
    return browser.post(request, fields).status

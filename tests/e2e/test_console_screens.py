"""The console's pages in a real browser: by keyboard, in light and dark, in both languages.

Set SANDBOX_SCREENSHOTS to a folder to keep the pictures; those in docs/images were made so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from console_under_test import PEOPLE, hub_for_tests, serving
from playwright.sync_api import Browser, FilePayload, expect
from windows import SCHEMES, Scheme, Window, chromium, sit_down

from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.notices import box
from sandbox.notices.box import Happening
from sandbox.notices.notice import About
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings
from sandbox.store.engine import open_state, writing

pytestmark = pytest.mark.browser
POLICIES = Path(__file__).parents[1] / "policies"
LOCALES = ("en-US", "zh-CN")
PURPOSE = "Visits by district and month, for chapter 3 of the yearly report on services"
DISTRICTS = ("Beihe", "Chunxi", "Dongshan", "\u4e1c\u5c71", "Jinxiu", "Nanping", "Qingyuan", "Xicheng")


@dataclass(kw_only=True)
class Office:
    """A console with work on it, and the windows of those who sit at it."""

    settings: Settings
    browser: Browser
    waiting: str
    blocked: str
    released: str
    windows: dict[tuple[str, str], Window] = field(default_factory=dict)

    def window(self, name: str, locale: str = "en-US") -> Window:
        key = (name, locale)
        if key not in self.windows:
            self.windows[key] = sit_down(self.browser, self.settings, name, locale=locale)
        self.windows[key].faults.clear()
        return self.windows[key]

    def paths(self) -> dict[str, tuple[str, str]]:
        """Return who opens which page, by the page's name."""
        return {
            "home": ("ana", "/"),
            "account": ("ana", "/account"),
            "exports": ("ana", "/releases"),
            "new-export": ("ana", "/releases/new"),
            "export-blocked": ("ana", f"/releases/{self.blocked}"),
            "export-released": ("ana", f"/releases/{self.released}"),
            "queue": ("rita", "/review"),
            "queue-done": ("rita", "/review?tab=done"),
            "request": ("rita", f"/review/{self.waiting}"),
            "file": ("rita", f"/review/{self.waiting}/files/months.csv"),
            "file-sorted": ("rita", f"/review/{self.waiting}/files/months.csv?sort=-3&hide=2&find=9"),
            "file-text": ("rita", f"/review/{self.waiting}/files/method.md"),
            "file-bytes": ("rita", f"/review/{self.waiting}/files/months.csv?as=hex"),
            "overview": ("olaf", "/overview"),
            "log": ("olaf", "/audit"),
            "trace": ("olaf", f"/trace/{self.released}"),
            "verification": ("olaf", "/audit/verification"),
            "budgets": ("sten", "/budgets"),
            "budget": ("sten", "/budgets/small_visits"),
            "notices": ("olaf", "/notices"),
            "refused": ("ana", "/review"),
        }


def person(name: str) -> Actor:
    groups = frozenset(PEOPLE[name])
    return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=Channel.CONSOLE)


def months() -> bytes:
    rows = [
        f"{district},2025-{month:02d},{100 + 5 * ((7 * month + 11 * place) % 60)},"
        f"{(3 * month + place) % 17}.123456"
        for place, district in enumerate(DISTRICTS)
        for month in range(1, 13)
    ]
    return ("district,month,n,mean_cost\n" + "\n".join(rows) + "\n").encode()


def work(settings: Settings) -> dict[str, str]:
    """Put three requests on the desk: one waits, one was stopped by a check, one was released."""
    gateway = Gateway.open(settings)
    ana, desk = person("ana"), gateway.desk
    answer = gateway.ask(
        sql="SELECT district, COUNT(*) AS n FROM visits GROUP BY district",
        authorization="visits-study",
        epsilon=Decimal("0.5"),
        actor=Actor(name="ana", groups=ana.groups, scopes=ana.scopes, channel=Channel.NOTEBOOK),
    ).to_document()
    files = {
        "months.csv": months(),
        "rates.csv": b"district,rate\nBeihe,0.25\nChunxi,0.5\nDongshan,0.125\n",
        "method.md": "# Method\n\nCounts are rounded to 5.\n\u65b9\u6cd5: per 1 000 residents.\n".encode(),
    }
    ids = {
        name: desk.submit(
            ana, authorization="visits-study", purpose=PURPOSE, files=given, receipts=receipts
        ).id
        for name, given, receipts in (
            ("waiting", files, []),
            ("blocked", {"small.csv": b"district,n\nBeihe,3\nChunxi,120\n"}, []),
            ("released", {"visits.csv": answer["csv"].encode()}, [answer["receipt"]]),
        )
    }
    rita = person("rita")
    desk.open_file(rita, ids["released"], "visits.csv")
    version = desk.show(rita, ids["released"]).row_version
    desk.decide(rita, ids["released"], verdict="approve", reason="As it was answered.", row_version=version)
    gateway.books.close()
    return ids


def tell(settings: Settings, ids: dict[str, str]) -> None:
    """Tell officer and steward what no test here causes anybody to be told, so that their lists stay."""
    told = (
        ("olaf", About.DOWNLOADED, "released"),
        ("olaf", About.HELD, "waiting"),
        ("sten", About.CONSENT_REQUESTED, "waiting"),
        ("sten", About.CONSENT_REQUESTED, "blocked"),
    )
    happenings = [
        Happening(
            at=f"2026-06-01T12:0{place}:00.000000+00:00",
            about=about,
            request=ids[name],
            authorization="visits-study",
            occasion="1",
            people=frozenset({who}),
        )
        for place, (who, about, name) in enumerate(told)
    ]
    engine = open_state(settings)
    with writing(engine, wait=5) as connection:
        box.put(connection, happenings)
    engine.dispose()


@pytest.fixture(scope="module")
def office(registered_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("screens") / "home"))
    with hub_for_tests(Settings(home=home, raw=home / "raw", policies=POLICIES)) as settings:
        install(settings)
        ids = work(settings)
        tell(settings, ids)
        with serving(settings), chromium() as browser:
            yield Office(
                settings=settings,
                browser=browser,
                waiting=ids["waiting"],
                blocked=ids["blocked"],
                released=ids["released"],
            )


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(os.environ.get("SANDBOX_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))


def test_the_measure_of_contrast_finds_a_planted_faint_text(office: Office) -> None:
    window = office.window("rita")
    window.open("/")
    window.page.evaluate("document.querySelector('h1').style.color = '#e8e8e8'")
    assert len(window.too_faint("light")) == 1


@pytest.mark.parametrize("locale", LOCALES)
def test_every_page_can_be_read_in_light_and_dark_and_stays_within_the_window(
    office: Office, shots: Path, locale: str
) -> None:
    for name, (who, path) in office.paths().items():
        window = office.window(who, locale)
        assert window.open(path) == (403 if name == "refused" else 200), name
        assert window.page.evaluate("document.documentElement.lang") == locale[:5].replace("en-US", "en")
        faint: dict[Scheme, list[str]] = {scheme: window.too_faint(scheme) for scheme in SCHEMES}
        assert faint == {"light": [], "dark": []}, name
        wider = window.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, name
        for scheme in SCHEMES:
            window.shoot(shots / f"{name}-{locale[:2]}-{scheme}.png", scheme=scheme)
        assert window.foreign() == [], name
        assert [fault for fault in window.faults if "403" not in fault] == [], name


@pytest.mark.parametrize(
    ("name", "locale"), [("request", "en-US"), ("file", "en-US"), ("request", "zh-CN"), ("notices", "en-US")]
)
def test_the_pictures_of_the_documentation_are_made_of_the_pages_as_they_are(
    office: Office, shots: Path, name: str, locale: str
) -> None:
    who, path = office.paths()[name]
    window = office.window(who, locale)
    assert window.open(path) == 200
    window.page.set_viewport_size({"width": 1100, "height": 760})
    suffix = "" if locale == "en-US" else "-zh"
    window.shoot(shots / f"console-{name}{suffix}.png", full=False)
    window.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.parametrize("name", ["queue", "request", "file", "new-export", "export-released", "notices"])
def test_whatever_a_page_offers_is_reached_and_seen_by_keyboard(office: Office, name: str) -> None:
    who, path = office.paths()[name]
    window = office.window(who)
    window.open(path)
    usable, reached, unseen = window.reached_by_tab()
    assert usable > 5
    assert (reached, unseen) == (usable, 0)


def test_a_person_changes_the_language_and_stays_where_they_are(office: Office) -> None:
    window = office.window("rolf")
    window.open(f"/review/{office.waiting}")
    window.page.get_by_role("link", name="\u7b80\u4f53\u4e2d\u6587").click()
    expect(window.page.get_by_role("heading", level=2).first).to_have_text("\u7528\u9014")
    assert window.page.url.endswith(f"/review/{office.waiting}")
    window.page.get_by_role("link", name="English").click()
    expect(window.page.get_by_role("heading", level=2).first).to_have_text("Purpose")


def test_a_person_marks_notices_as_read_and_the_menu_counts_down(office: Office) -> None:
    window = office.window("sten")
    page = window.page
    window.open("/")
    menu = page.get_by_role("link", name="Notices")
    expect(menu).to_have_accessible_name("Notices 2 unread")
    menu.click()
    page.get_by_role("button", name=f"Mark as read: request {office.blocked}").click()
    expect(menu).to_have_accessible_name("Notices 1 unread")
    expect(page.locator("tbody tr").last).to_contain_text(office.blocked)
    page.get_by_role("button", name="Mark all as read").click()
    expect(menu).to_have_accessible_name("Notices")
    page.get_by_role("link", name=office.waiting).click()
    assert page.url.endswith(f"/consents/{office.waiting}")


def test_a_table_is_sorted_filtered_and_cut_by_links_and_one_form(office: Office) -> None:
    window = office.window("rita")
    page = window.page
    window.open(f"/review/{office.waiting}/files/months.csv")
    page.get_by_role("link", name="n", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("n")
    assert page.evaluate("scrollY") > 100  # the table stays in view
    page.get_by_label("Rows with the text").fill("2025-03")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(len(DISTRICTS))
    page.get_by_role("link", name="Hide the column month").click()
    expect(page.locator("thead th")).to_have_count(4)
    page.get_by_role("link", name="Show column month").click()
    expect(page.locator("thead th")).to_have_count(5)
    assert window.faults == []


def test_an_author_mends_a_file_until_it_may_be_handed_in(office: Office, shots: Path) -> None:
    window = office.window("ana")
    page = window.page
    window.open("/releases/new")
    page.get_by_label("Purpose").fill(PURPOSE)
    small = b"district,n\nBeihe,3\nChunxi,122\nNanping,4\n"
    page.get_by_label("Choose files").set_input_files(
        FilePayload(name="small.csv", mimeType="text/csv", buffer=small)
    )
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("2 counts are smaller than 10.")).to_be_visible()
    page.get_by_text("2 counts are smaller than 10.").scroll_into_view_if_needed()
    window.shoot(shots / "console-new-export.png", full=False)
    page.get_by_role("button", name="Merge groups below 10").click()
    page.get_by_role("button", name="Mask counts below 10").click()
    page.get_by_role("button", name="Round counts to 5").click()
    expect(page.get_by_text("reviewers must agree")).to_be_visible()
    page.get_by_role("button", name="Hand in").click()
    page.wait_for_url("**/releases/*")
    expect(page.locator("h1")).to_contain_text("In review")
    assert window.faults == []


def test_an_author_answers_a_block_with_a_mended_file_and_withdraws_only_when_sure(office: Office) -> None:
    window = office.window("ana")
    page = window.page
    window.open(f"/releases/{office.blocked}")
    page.get_by_role("link", name="Replace files and hand in again").click()
    expect(page.get_by_role("textbox", name="Purpose")).to_have_value(PURPOSE)
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("button", name="Mask counts below 10").click()
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("h1")).to_contain_text("In review")
    page.get_by_text("Withdraw this request").click()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("h1")).to_contain_text("In review")  # the browser asks for the tick first
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    page.wait_for_url("**/releases")
    expect(page.get_by_text("Withdrawn")).to_be_visible()
    assert window.faults == []

"""A round in real browsers: reviews that differ, comments, the letter, consent, hold.

Set SANDBOX_SCREENSHOTS to a folder to keep the pictures; those in docs/images were made so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from console_under_test import PEOPLE, hub_for_tests, serving
from playwright.sync_api import Browser, Page, expect
from windows import SCHEMES, Window, chromium, sit_down

from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

pytestmark = pytest.mark.browser
POLICIES = Path(__file__).parents[1] / "policies"
PURPOSE = "Visits by district, for chapter 3 of the yearly report on services"
VISITS = b"district,n\nBeihe,120\nChunxi,95\nDongshan,60\n"
CLOSE = b"district,n\nBeihe,120\nChunxi,95\nDongshan,55\n"
SERVICES = b"service,n\nclinic,175\ndental,100\n"
LONG = b"ward,n\n" + b"".join(b"W%d,50\n" % number for number in range(30))


@dataclass(kw_only=True)
class Office:
    """A console, the windows of those who sit at it, and a way to hand files in."""

    settings: Settings
    browser: Browser
    shots: Path
    windows: dict[str, Window] = field(default_factory=dict)

    def window(self, name: str) -> Window:
        if name not in self.windows:
            self.windows[name] = sit_down(self.browser, self.settings, name, locale="en-US")
        self.windows[name].faults.clear()
        return self.windows[name]

    def submit(self, files: dict[str, bytes]) -> str:
        gateway = Gateway.open(self.settings)
        groups = frozenset(PEOPLE["ana"])
        ana = Actor(name="ana", groups=groups, scopes=scopes_of(groups), channel=Channel.CONSOLE)
        found = gateway.desk.submit(ana, authorization="visits-study", purpose=PURPOSE, files=files)
        gateway.books.close()
        return found.id

    def at(self, name: str, path: str) -> Page:
        """Open a page as somebody; it must be there, and every text on it must be readable."""
        window = self.window(name)
        assert window.open(path) == 200
        assert {scheme: window.too_faint(scheme) for scheme in SCHEMES} == {"light": [], "dark": []}
        assert window.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert (window.foreign(), window.faults) == ([], [])
        return window.page

    def look(self, name: str, request: str, files: dict[str, bytes]) -> Page:
        """Open each file as a reviewer, then the request."""
        for file in files:
            self.at(name, f"/review/{request}/files/{file}")
        return self.at(name, f"/review/{request}")

    def review(self, name: str, request: str, files: dict[str, bytes], button: str, reason: str) -> Page:
        page = self.look(name, request, files)
        section = page.locator("#decision")
        for why in section.locator("input[name=why]").all():
            why.fill("Weighed, and small.")
        section.get_by_label("Why; the author reads it").fill(reason)
        section.get_by_role("button", name=button).click()
        page.wait_for_load_state()
        return page


@pytest.fixture(scope="module")
def office(registered_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("rounds") / "home"))
    shots = Path(os.environ.get("SANDBOX_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    with hub_for_tests(Settings(home=home, raw=home / "raw", policies=POLICIES)) as settings:
        install(settings)
        with serving(settings), chromium() as browser:
            yield Office(settings=settings, browser=browser, shots=shots)


def test_reviews_that_differ_are_compared_changed_and_concluded(office: Office) -> None:
    files = {"visits.csv": VISITS, "services.csv": SERVICES}
    request = office.submit(files)
    office.review("rita", request, files, "Approve", "Rounded and large.")
    page = office.look("rolf", request, files)
    assert "rita" not in page.locator("main").inner_text()
    page.locator("select[name=word]").nth(1).select_option("approve")
    page.locator("#decision").get_by_label("Why; the author reads it").fill("Merge the last two districts.")
    page.locator("#decision").get_by_role("button", name="Return for changes").click()
    page = office.at("rita", f"/review/{request}")
    expect(page.get_by_role("heading", name="The reviews side by side")).to_be_visible()
    page.locator("#conclusion").scroll_into_view_if_needed()
    office.window("rita").shoot(office.shots / "console-consolidation.png", full=False)
    rows = page.locator("#conclusion tbody tr")
    expect(rows.first).to_contain_text("reviews differ")
    expect(page.locator("#leaving")).to_contain_text("These do not")
    office.review("rolf", request, files, "Approve", "They are explained in the note.")
    page = office.at("rita", f"/review/{request}")
    page.locator("#letter").fill("Both of us have weighed it.")
    page.get_by_role("button", name="Approve and sign").click()
    page.wait_for_load_state()
    expect(page.locator("h1")).to_contain_text("Released")


def test_the_letter_and_the_comments_for_them_reach_the_author_at_the_end_of_the_round(
    office: Office,
) -> None:
    files = {"visits.csv": VISITS.replace(b"60", b"65")}
    request = office.submit(files)
    page = office.at("rita", f"/review/{request}/files/visits.csv")
    page.get_by_title("Comment on this place").first.click()
    expect(page.get_by_label("Place in the file")).to_have_value("row 2")
    page.get_by_label("Comment", exact=True).fill("Which of the two Beihe is this?")
    page.get_by_label("Who reads it").select_option("author")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("Which of the two Beihe is this?")).to_be_visible()
    assert "Which of the two" not in office.at("ana", f"/releases/{request}").locator("main").inner_text()
    assert "Which of the two" not in office.look("rolf", request, files).locator("main").inner_text()
    office.review("rita", request, files, "Return for changes", "See my comment.")
    office.review("rolf", request, files, "Approve", "Fine.")
    page = office.at("rolf", f"/review/{request}")
    expect(page.locator("#letter")).to_have_value(
        "visits.csv, row 2: Which of the two Beihe is this?\nvisits.csv: See my comment."
    )
    page.get_by_role("button", name="Return with this letter").click()
    page.wait_for_load_state()
    page = office.at("ana", f"/releases/{request}")
    expect(page.locator("h1")).to_contain_text("Returned")
    expect(page.get_by_text("visits.csv, row 2: Which of the two Beihe is this?")).to_be_visible()
    page.get_by_text("Write a comment").click()
    page.get_by_label("Comment", exact=True).fill("The northern one; I say so in the note now.")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("The northern one")).to_be_visible()


def test_a_table_stands_beside_what_was_released_and_the_cell_that_tells_is_marked(office: Office) -> None:
    first, second = (
        {"visits.csv": VISITS.replace(b"Beihe", b"Hebei")},
        {"again.csv": CLOSE.replace(b"Beihe", b"Hebei")},
    )
    released = office.submit(first)
    for name in ("rita", "rolf"):
        office.review(name, released, first, "Approve", "Fine.")
    waiting = office.submit(second)
    page = office.at("rita", f"/review/{waiting}/files/again.csv")
    expect(page.locator("td.marked mark").first).to_be_visible()
    expect(page.locator("h1 .badge")).to_have_text("to weigh")
    office.window("rita").shoot(office.shots / "console-differencing.png", full=False)
    page.get_by_role("link", name="See both").first.click()
    page.wait_for_url("**/beside/again.csv")
    page = office.at("rita", f"/review/{waiting}/files/again.csv")
    page.get_by_role("link", name="Beside other releases of the same people").click()
    page = office.at("rita", f"/review/{waiting}/beside/again.csv")
    card = page.locator("section.card", has=page.get_by_role("link", name=released))
    expect(card).to_contain_text("released")
    expect(card.get_by_text("Smallest difference")).to_be_visible()
    expect(card.locator("dd").nth(4)).to_have_text("5")
    office.window("rita").shoot(office.shots / "console-beside.png", full=False)


def test_a_red_request_needs_the_stewards_word(office: Office) -> None:
    files = {"wards.csv": LONG}
    request = office.submit(files)
    page = office.at("sten", "/consents")
    page.get_by_role("link", name=request).click()
    page = office.at("sten", f"/consents/{request}")
    office.window("sten").shoot(office.shots / "console-consent.png", full=False)
    page.get_by_label("Why; it is on record").fill("Wards are public in the yearbook.")
    page.get_by_role("button", name="Consent").click()
    page.wait_for_url("**/consents")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    expect(office.at("rita", f"/review/{request}").get_by_text("sten consents")).to_be_visible()


def test_an_officer_holds_a_released_package_and_lets_it_go_on(office: Office) -> None:
    files = {"visits.csv": VISITS.replace(b"Chunxi", b"Chunhe")}
    request = office.submit(files)
    for name in ("rita", "rolf"):
        office.review(name, request, files, "Approve", "Fine.")
    page = office.at("olaf", "/register")
    expect(page.get_by_text("replayed from the log just now")).to_be_visible()
    office.window("olaf").shoot(office.shots / "console-register.png", full=False)
    page = office.at("olaf", f"/register/{request}")
    page.get_by_text("Hold it").click()
    page.get_by_label("Why; it is on record").first.fill("A complaint came in.")
    page.get_by_role("button", name="Hold", exact=True).click()
    page.wait_for_load_state()
    expect(page.locator("h1")).to_contain_text("Held")
    author = office.at("ana", f"/releases/{request}")
    expect(author.locator("h1")).to_contain_text("Held")
    expect(author.get_by_role("button", name="Download the package")).to_have_count(0)
    page.get_by_text("Let it go on").first.click()
    page.get_by_label("Why; it is on record").first.fill("It was unfounded.")
    page.get_by_role("button", name="Let it go on").click()
    page.wait_for_load_state()
    expect(
        office.at("ana", f"/releases/{request}").get_by_role("button", name="Download the package")
    ).to_be_visible()


def test_an_officer_and_a_steward_bring_a_refused_file_before_reviewers(office: Office) -> None:
    request = office.submit({"small.csv": b"district,n\nBeihe,5\nChunxi,120\n"})
    page = office.at("olaf", f"/register/{request}")
    page.get_by_text("Propose an exception to C1").click()
    page.get_by_label("Why; it is on record").last.fill("The five are named in public.")
    page.get_by_role("button", name="Propose").click()
    page = office.at("sten", f"/consents/{request}")
    page.get_by_label("Why; it is on record").fill("Indeed they are.")
    page.get_by_role("button", name="Agree to the exception").click()
    page.wait_for_load_state()
    expect(
        office.at("rita", f"/review/{request}").get_by_text("The five are named in public.", exact=True)
    ).to_be_visible()


def test_a_reviewer_who_declares_a_conflict_does_not_see_the_request_again(office: Office) -> None:
    request = office.submit({"visits.csv": VISITS.replace(b"Dongshan", b"Xishan")})
    page = office.at("rolf", f"/review/{request}")
    page.get_by_text("Your part in this review").click()
    page.get_by_label("Conflict of interest").fill("The author is my brother.")
    page.get_by_role("button", name="Declare the conflict").click()
    page.wait_for_url("**/review")
    assert office.window("rolf").open(f"/review/{request}") == 404
    again = {"more.csv": VISITS.replace(b"Dongshan", b"Xishan").replace(b"95", b"115")}
    other = office.submit(again)
    rolf = office.at("rolf", f"/review/{other}/beside/more.csv").locator("main")
    card = rolf.locator("section.card", has_text="another project's request")
    expect(card).to_contain_text("waits for release")
    expect(card.locator("table")).to_have_count(0)
    told = card.inner_text()
    assert not [part for part in ("Smallest difference", request) if part in told]
    rita = office.at("rita", f"/review/{other}/beside/more.csv").locator("section.card")
    expect(rita.filter(has_text=request)).to_contain_text("95")

"""The console in a real browser: an answer is submitted, reviewed, downloaded and found in the log.

Every page that is opened on the way must be silent on the browser's console, fetch nothing from
elsewhere, and carry the strict content security policy.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

from sandbox.hub.running import RunningSandbox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.docker,
    pytest.mark.parametrize("isolator", ["docker"], indirect=True),
]

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SUBMIT = """
from sandbox.client import connect
sandbox = connect("visits-study")
answer = sandbox.ask(
    "SELECT district, COUNT(*) AS visits, AVG(cost) AS mean_cost FROM visits GROUP BY district", epsilon="0.5"
)
answer.save("districts.csv")
purpose = "Visits and mean cost by district, for table 2 of the yearly report"
print(sandbox.submit(["districts.csv"], purpose=purpose)["id"])
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
DECISIONS = ("Approve", "Return for changes", "Reject")


@dataclass(kw_only=True)  # open, because Playwright marks whose methods listen
class Desk:
    """One person's browser window, and everything in it that should not be."""

    page: Page
    hub: str
    console: str
    shots: Path
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what the page says, asks for and gets."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._got)

    def log_in(self, name: str, password: str) -> None:
        """Open the console, which leads to the hub's form and back."""
        self.page.goto(self.console)
        self.page.wait_for_url(f"{self.hub}/hub/login**")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.console}/")
        expect(self.page.locator("header .who")).to_contain_text(name)

    def open(self, path: str) -> int:
        answer = self.page.goto(self.console + path)
        assert answer is not None
        return answer.status

    def shoot(self, name: str) -> None:
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            self.page.screenshot(path=self.shots / f"{name}-{scheme}.png", full_page=True)
        self.page.emulate_media(color_scheme="light")

    def tab_to(self, name: str) -> None:
        """Press Tab until the button ``name`` has the focus.

        Raises:
            AssertionError: it never had.
        """
        button = self.page.get_by_role("button", name=name, exact=True)
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if button.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"Tab does not lead to {name}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.hub}/", f"{self.console}/")):
            self.faults.append(f"request: {request.url}")

    def _got(self, answer: Response) -> None:
        policy = answer.headers.get("content-security-policy")
        if answer.url.startswith(f"{self.console}/") and policy != CONTENT_SECURITY_POLICY:
            self.faults.append(f"policy of {urlsplit(answer.url).path}: {policy}")


Sit = Callable[[str], Desk]
"""Give a person, logged in at a window of their own."""


@pytest.fixture(scope="module")
def request_id(running_sandbox: RunningSandbox) -> str:
    """What ana has handed in from her notebook."""
    output = running_sandbox.run_in_notebook("ana", SUBMIT, deadline=180)
    assert re.fullmatch(r"[\w-]+\n", output.text), output
    return output.text.strip()


@pytest.fixture(scope="module")
def browser(request_id: str) -> Iterator[Browser]:
    """Chromium; opened after the notebook's part, whose event loop it would not let run."""
    assert request_id
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def sit(
    browser: Browser, running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sit]:
    settings = running_sandbox.settings
    shots = Path(os.environ.get("SANDBOX_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    desks: dict[str, Desk] = {}

    def sit_down(name: str) -> Desk:
        if name not in desks:
            page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
            page.set_default_timeout(15_000)
            desks[name] = Desk(page=page, hub=settings.hub_url, console=settings.console_url, shots=shots)
            desks[name].watch()
            desks[name].log_in(name, running_sandbox.passwords[name])
        desks[name].faults.clear()
        return desks[name]

    yield sit_down
    for desk in desks.values():
        desk.page.context.close()


@pytest.fixture(scope="module")
def reviewed(sit: Sit, request_id: str) -> list[str]:
    """Let rita look at the request and approve it; return what was wrong on the way."""
    rita = sit("rita")
    page = rita.page
    rita.open("/")
    rita.shoot("home-reviewer")
    page.get_by_role("link", name="Open the queue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for your decision")
    rita.shoot("queue")
    page.get_by_role("link", name=request_id).click()
    rita.shoot("request")
    page.get_by_role("link", name="districts.csv").click()
    expect(page.locator("table.preview tbody tr")).to_have_count(4)
    rita.shoot("file")
    page.get_by_role("link", name="Back to the decision").click()
    expect(page.get_by_text("opened by you")).to_be_visible()
    for name in DECISIONS:
        page.reload()
        rita.tab_to(name)
    page.get_by_role("textbox").fill("Noisy answers, and within the purpose.")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/review")
    expect(page.get_by_role("link", name=request_id)).to_have_count(0)
    return list(rita.faults)


@pytest.fixture(scope="module")
def downloaded(
    sit: Sit, reviewed: list[str], request_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Let ana download the package in her browser."""
    assert reviewed == []
    ana = sit("ana")
    ana.open("/releases")
    ana.shoot("releases")
    ana.page.get_by_role("link", name=request_id).click()
    ana.shoot("release")
    with ana.page.expect_download() as download:
        ana.page.get_by_role("button", name="Download the package").click()
    place = tmp_path_factory.mktemp("package") / download.value.suggested_filename
    download.value.save_as(place)
    assert ana.faults == []
    return place


def test_a_reviewer_finds_opens_and_approves_a_request(reviewed: list[str]) -> None:
    assert reviewed == []


def test_the_author_downloads_a_package_that_is_whole(downloaded: Path) -> None:
    subprocess.run(["tar", "-xzf", downloaded.name], cwd=downloaded.parent, check=True)
    folder = next(downloaded.parent.glob("*/SHA256SUMS")).parent
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    assert (folder / "files" / "districts.csv").read_text().startswith("district,visits,")


def test_an_analyst_sees_budgets_and_questions(sit: Sit) -> None:
    ana = sit("ana")
    assert ana.open("/") == 200
    ana.shoot("home")
    ana.page.get_by_role("link", name="Budgets and questions").click()
    expect(ana.page.get_by_text("SELECT district, COUNT(*)").first).to_be_visible()
    ana.shoot("account")
    assert ana.faults == []


def test_a_steward_sees_what_an_analyst_has_spent(sit: Sit) -> None:
    sten = sit("sten")
    assert sten.open("/") == 200
    sten.page.get_by_role("link", name="Open the budgets").click()
    sten.shoot("budgets")
    sten.page.locator("main h2 a").first.click()
    expect(sten.page.get_by_role("cell", name="ana", exact=True).first).to_be_visible()
    sten.shoot("budgets-dataset")
    assert sten.faults == []


def test_an_officer_filters_the_log_and_follows_a_trace(sit: Sit, request_id: str, downloaded: Path) -> None:
    assert downloaded.exists()
    olaf = sit("olaf")
    page = olaf.page
    olaf.open("/")
    page.get_by_role("link", name="Search the log").click()
    olaf.shoot("audit")
    page.get_by_label("Who").fill("ana")
    page.get_by_label("What").select_option("release.submitted")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=request_id).click()
    for kind in (
        "release.submitted",
        "release.opened",
        "release.voted",
        "release.sealed",
        "release.downloaded",
    ):
        expect(page.get_by_text(kind, exact=True).first).to_be_visible()
    olaf.shoot("trace")
    page.locator("tbody a").first.click()
    olaf.shoot("entry")
    assert olaf.faults == []


def test_an_officer_sees_the_state_of_the_log_and_has_it_verified_by_keyboard(
    sit: Sit, downloaded: Path
) -> None:
    assert downloaded.exists()
    olaf = sit("olaf")
    page = olaf.page
    olaf.open("/")
    page.get_by_role("link", name="Open the overview").click()
    expect(page.locator("svg.days a").first).to_be_visible()
    expect(page.get_by_text("no witness: a fork of the log cannot be noticed")).to_be_visible()
    olaf.shoot("overview")
    olaf.tab_to("Verify the whole log now")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit/verification")
    expect(page.locator(".badge.good")).to_have_text("whole")  # the page asks again by itself
    olaf.shoot("verification")
    assert olaf.faults == []


def test_an_officer_narrows_a_search_by_its_facets_and_takes_that_back(sit: Sit, downloaded: Path) -> None:
    assert downloaded.exists()
    olaf = sit("olaf")
    page = olaf.page
    olaf.open("/audit?text=isits-stud")
    before = page.get_by_role("status").inner_text()
    facets = page.get_by_role("navigation", name="Narrow the search")
    facets.get_by_role("link", name="release.submitted", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    olaf.shoot("facets")
    facets.locator("a[aria-current]").click()
    expect(page.get_by_role("status")).to_have_text(before)
    assert olaf.faults == []


@pytest.mark.parametrize(("name", "path"), [("rita", "/audit"), ("ana", "/review"), ("olaf", "/review")])
def test_a_page_of_another_role_stays_closed(sit: Sit, name: str, path: str) -> None:
    desk = sit(name)
    assert desk.open(path) == 403
    expect(desk.page.locator("main")).to_contain_text("Your role does not include this.")
    expect(desk.page.locator(f"nav a[href='{path}']")).to_have_count(0)
    desk.shoot(f"closed-{name}")
    # the browser itself says on its console that a page's status was 403
    assert [fault for fault in desk.faults if "403 (Forbidden)" not in fault] == []

"""A real browser at the console: whose window, in which language, and everything it asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from sandbox.settings import Settings

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
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
CONTRAST, REACHABLE, FOCUSED = (
    (Path(__file__).parent / f"{name}.js").read_text() for name in ("contrast", "reachable", "focused")
)
"""What is asked of a page; each file says what it finds."""


@dataclass(kw_only=True)  # open, because Playwright marks whose methods listen
class Window:
    """One person's browser window, with all that it asked for and all that it complained about."""

    page: Page
    console: str
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def watch(self) -> Window:
        """Note every request of this browser, whoever starts it, and what its page says of faults."""
        self.page.context.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        return self

    def open(self, path: str) -> int:
        answer = self.page.goto(self.console + path)
        assert answer is not None
        return answer.status

    def foreign(self) -> list[str]:
        """Return what was asked of anybody but the console, since the log-in."""
        return [url for url in self.asked if not url.startswith((f"{self.console}/", "about:", "data:"))]

    def too_faint(self, scheme: Scheme) -> list[str]:
        """Return the texts of the page that cannot be read well in ``scheme``."""
        self.page.emulate_media(color_scheme=scheme)
        found: list[str] = self.page.evaluate(CONTRAST)
        self.page.emulate_media(color_scheme="light")
        return found

    def reached_by_tab(self) -> tuple[int, int, int]:
        """Press Tab through the page; return how much can be used, was reached, and was not marked then."""
        usable = int(self.page.evaluate(REACHABLE))
        reached = set()
        for _ in range(usable + 5):
            self.page.keyboard.press("Tab")
            reached.add(str(self.page.evaluate(FOCUSED)))
        reached.discard("")
        return usable, len(reached), sum(one.endswith("unseen") for one in reached)

    def shoot(self, path: Path, *, scheme: Scheme = "light", full: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.emulate_media(color_scheme=scheme)
        self.page.screenshot(path=path, full_page=full)
        self.page.emulate_media(color_scheme="light")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")


@contextmanager
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def sit_down(browser: Browser, settings: Settings, name: str, *, locale: str = "en-US") -> Window:
    """Return a window in which ``name`` is logged in, in the language of their browser."""
    context: BrowserContext = browser.new_context(
        viewport={"width": 1280, "height": 800}, locale=locale, accept_downloads=True
    )
    context.add_cookies([{"name": "as", "value": name, "url": settings.hub_url}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto(settings.console_url)
    page.wait_for_url(f"{settings.console_url}/")
    return Window(page=page, console=settings.console_url).watch()


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, which notes who comes."""

    visits: list[str]

    def do_GET(self) -> None:
        self.visits.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@contextmanager
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Run another site; yield its address and the visits it has had."""
    visits: list[str] = []
    handler = type("Visited", (Elsewhere,), {"visits": visits})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", visits
    server.shutdown()
    server.server_close()

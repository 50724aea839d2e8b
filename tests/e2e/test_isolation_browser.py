"""JupyterLab in a real browser, under the rules the door forces on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from sandbox.hub.running import RunningSandbox


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def log_in(running_sandbox: RunningSandbox, page: Page) -> None:
    """Bring ana into her notebook."""
    page.goto(running_sandbox.settings.hub_url)
    page.fill("input[name=username]", "ana")
    page.fill("input[name=password]", running_sandbox.passwords["ana"])
    page.click("input[type=submit], button[type=submit]")


@pytest.mark.browser
def test_jupyterlab_runs_and_may_speak_to_nobody_else(running_sandbox: RunningSandbox, page: Page) -> None:
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    page.on("console", listen)
    log_in(running_sandbox, page)
    page.wait_for_selector(".jp-Launcher", timeout=60_000)
    page.click(".jp-LauncherCard[data-category=Notebook]")
    # before its kernel is connected, JupyterLab drops what is run
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=60_000)
    page.click(".jp-Notebook .cm-content")
    page.keyboard.type("6 * 7")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea-output >> text=42", timeout=60_000)
    assert refused == []
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
    assert refused, "a page of a notebook must not reach another origin"


@pytest.mark.browser
def test_the_file_menu_offers_no_download(running_sandbox: RunningSandbox, page: Page) -> None:
    log_in(running_sandbox, page)
    page.click(".lm-MenuBar-itemLabel >> text=File", timeout=60_000)
    page.wait_for_selector(".lm-Menu-itemLabel >> text=Close All Tabs")
    labels = page.locator(".lm-Menu-itemLabel").all_inner_texts()
    assert not [label for label in labels if "Download" in label or "Export" in label or "Terminal" in label]

"""A new password ends every session that began with the one before, wherever the browser had one."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sandbox_under_test import own_sandbox
from yarl import URL

from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.hub.driver import DriverError, Person
from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox

KEPT = 11.0
"""Seconds: console and notebook each keep the hub's word for ten."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with own_sandbox("bubblewrap") as sandbox:
        yield sandbox


def new_password(sandbox: RunningSandbox, name: str) -> str:
    """Do what the administrator does."""
    command = [sys.executable, "-m", "sandbox.cli", "user", "password", name]
    env = environment_of(sandbox.settings, os.environ)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix(f"{name}: ")


def doors(sandbox: RunningSandbox, name: str) -> dict[str, str]:
    """A page of the hub, of the console and of the person's notebook."""
    settings = sandbox.settings
    return {
        "hub": f"{settings.hub_url}/hub/api/users/{name}",
        "console": f"{settings.console_url}/account",
        "notebook": f"{settings.hub_url}/user/{name}/api/status",
    }


async def open_to(person: Person, addresses: dict[str, str]) -> set[str]:
    """Which of the pages this browser is shown without a log-in."""
    shown = set()
    for name, address in addresses.items():
        async with person._client.get(URL(address), allow_redirects=False) as answer:
            if answer.status == 200:
                shown.add(name)
    return shown


async def ask_for_a_new_one(sandbox: RunningSandbox, person: Person, present: str) -> tuple[int, str]:
    """Fill in the console's form; return status and page."""
    address = f"{sandbox.settings.console_url}/password"
    async with person._client.get(address) as answer:
        found = re.search(r'name="_xsrf" value="([^"]+)"', await answer.text())
    assert found is not None
    form = {"_xsrf": found[1], "present": present}
    headers = {"Origin": sandbox.settings.console_url}
    async with person._client.post(address, data=form, headers=headers) as answer:
        return answer.status, await answer.text()


async def enter(sandbox: RunningSandbox, name: str, password: str) -> Person:
    """Log in and go to every page once, as a browser does."""
    person = await sandbox.person(name).__aenter__()
    await person.log_in(password)
    await person.start_notebook()
    async with person._client.get(f"{sandbox.settings.console_url}/account") as answer:
        assert answer.status == 200
    return person


def test_a_new_password_ends_hub_console_and_notebook_sessions_and_no_notebook(
    sandbox: RunningSandbox,
) -> None:
    async def story() -> None:
        addresses = doors(sandbox, "ana")
        before = await enter(sandbox, "ana", sandbox.passwords["ana"])
        ben = await enter(sandbox, "ben", sandbox.passwords["ben"])
        assert await open_to(before, addresses) == set(addresses)
        started = (await before._server())["started"]

        password = await asyncio.to_thread(new_password, sandbox, "ana")
        after = await enter(sandbox, "ana", password)  # first, so that the old cookies meet a new session
        await asyncio.sleep(KEPT)
        left = await open_to(before, addresses)
        assert left == set()
        assert await open_to(after, addresses) == set(addresses)
        assert (await after._server())["started"] == started
        assert await open_to(ben, doors(sandbox, "ben")) == set(addresses)
        for person in (before, after, ben):
            await person.__aexit__()

    asyncio.run(story())


def test_a_session_that_is_only_used_later_has_ended_too(sandbox: RunningSandbox) -> None:
    async def story() -> None:
        addresses = doors(sandbox, "cho")
        before = await enter(sandbox, "cho", sandbox.passwords["cho"])
        await asyncio.to_thread(new_password, sandbox, "cho")
        await asyncio.sleep(KEPT)
        assert await open_to(before, addresses) == set()
        await before.__aexit__()

    asyncio.run(story())


def test_a_person_gets_a_new_password_by_the_present_one(sandbox: RunningSandbox) -> None:
    async def story() -> None:
        rita = await sandbox.person("rita").__aenter__()
        await rita.log_in(sandbox.passwords["rita"])
        status, page = await ask_for_a_new_one(sandbox, rita, sandbox.passwords["rita"])
        assert status == 200, page
        made = re.search(r'<pre id="made">([^<]+)</pre>', page)
        assert made is not None
        async with sandbox.person("rita") as again:
            with pytest.raises(DriverError):
                await again.log_in(sandbox.passwords["rita"])
            await again.log_in(made[1])
        assert await open_to(rita, {"hub": f"{sandbox.settings.hub_url}/hub/api/users/rita"}) == set()
        await rita.__aexit__()

    asyncio.run(story())


def test_wrong_present_passwords_close_the_account_as_wrong_log_ins_do(sandbox: RunningSandbox) -> None:
    async def story() -> None:
        rolf = await sandbox.person("rolf").__aenter__()
        await rolf.log_in(sandbox.passwords["rolf"])
        for _ in range(accounts.FAILURES_ALLOWED):
            status, page = await ask_for_a_new_one(sandbox, rolf, "wrong")
            assert status == 403
            assert "The present password is wrong" in page
        status, _ = await ask_for_a_new_one(sandbox, rolf, sandbox.passwords["rolf"])
        assert status == 403
        await rolf.__aexit__()

    asyncio.run(story())
    books = open_books(sandbox.settings)
    kinds = [str(entry.event["kind"]) for entry in books.log.story("rolf")]
    books.close()
    assert kinds.count("login.refused") == accounts.FAILURES_ALLOWED + 1


def test_a_disabled_account_has_no_session_left_at_hub_and_console(sandbox: RunningSandbox) -> None:
    async def story() -> None:
        addresses = {
            "hub": f"{sandbox.settings.hub_url}/hub/api/users/sten",
            "console": f"{sandbox.settings.console_url}/budgets",
        }
        sten = await sandbox.person("sten").__aenter__()
        await sten.log_in(sandbox.passwords["sten"])
        async with sten._client.get(addresses["console"]) as answer:
            assert answer.status == 200
        assert await open_to(sten, addresses) == set(addresses)
        books = open_books(sandbox.settings)
        accounts.set_disabled(books.log, "sten", disabled=True, actor="test")
        books.close()
        await asyncio.sleep(KEPT)
        assert await open_to(sten, addresses) == set()
        await sten.__aexit__()

    asyncio.run(story())

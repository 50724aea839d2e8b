"""Who gets a notebook, and who gets into it."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.hub.driver import DriverError
from sandbox.hub.running import RunningSandbox


@pytest.mark.parametrize("name", ["rita", "olaf"])
def test_only_analysts_get_a_notebook(running_sandbox: RunningSandbox, name: str) -> None:
    async def start() -> None:
        async with running_sandbox.person(name) as person:
            await person.log_in(running_sandbox.passwords[name])
            await person.start_notebook()

    with pytest.raises(DriverError, match="start: 403"):
        asyncio.run(start())


def test_nobody_enters_another_persons_notebook(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ana", "pass")

    async def enter(name: str) -> int:
        async with running_sandbox.person(name) as person:
            await person.log_in(running_sandbox.passwords[name])
            status, _ = await person.get("/user/ana/api/contents")
            return status

    assert asyncio.run(enter("ben")) == 403
    assert asyncio.run(enter("rita")) == 403


def test_a_wrong_password_opens_nothing(running_sandbox: RunningSandbox) -> None:
    async def log_in() -> None:
        async with running_sandbox.person("ben") as person:
            await person.log_in("not the password")

    with pytest.raises(DriverError, match="log-in: 403"):
        asyncio.run(log_in())


def test_who_is_disabled_loses_login_and_notebook(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("cho", "pass")
    books = open_books(running_sandbox.settings)
    accounts.set_disabled(books.log, "cho", disabled=True, actor="test")

    async def log_in() -> None:
        async with running_sandbox.person("cho") as person:
            await person.log_in(running_sandbox.passwords["cho"])

    try:
        with pytest.raises(DriverError, match="log-in: 403"):
            asyncio.run(log_in())
    finally:
        accounts.set_disabled(books.log, "cho", disabled=False, actor="test")
        books.close()
    running_sandbox.stop_notebook("cho")

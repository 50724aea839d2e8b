"""How large a notebook is: chosen among the sizes of one's groups, and held from inside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sandbox.hub.driver import DriverError
from sandbox.hub.running import RunningSandbox
from sandbox.policy.load import load_notebooks

SCRATCH = "import os; s = os.statvfs('/tmp'); print(s.f_blocks * s.f_frsize // 2**20)"
FILL = """
import errno, os, pathlib
home = pathlib.Path.home()
written = 0
try:
    with open(home / "large", "wb", buffering=0) as file:
        while written < 10 * 2**30:
            written += file.write(b"x" * 2**20)
except OSError as error:
    assert error.errno == errno.ENOSPC, error
(home / "large").unlink()
made = 0
many = home / "many"
many.mkdir()
try:
    for made in range(100_000):
        (many / str(made)).touch()
except OSError as error:
    assert error.errno == errno.ENOSPC, error
for one in many.iterdir():
    one.unlink()
many.rmdir()
print(written // 2**20, made)
"""


@pytest.fixture
def stopped(running_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """A sandbox in which ben and ana have no notebook, before and after."""
    for name in ("ana", "ben"):
        running_sandbox.stop_notebook(name)
    yield running_sandbox
    for name in ("ana", "ben"):
        running_sandbox.stop_notebook(name)


def start(sandbox: RunningSandbox, name: str, size: str) -> None:
    async def start() -> None:
        async with sandbox.person(name) as person:
            await person.log_in(sandbox.passwords[name])
            await person.start_notebook(size=size)

    asyncio.run(start())


def test_a_larger_one_is_for_its_group_only(stopped: RunningSandbox) -> None:
    sizes = load_notebooks(stopped.settings.policies).sizes
    start(stopped, "ben", "large")
    assert int(stopped.run_in_notebook("ben", SCRATCH).text) == sizes["large"].scratch_mib
    with pytest.raises(DriverError, match="no such size of notebook for you"):
        start(stopped, "ana", "large")
    assert int(stopped.run_in_notebook("ana", SCRATCH).text) == sizes["small"].scratch_mib


def test_the_choice_is_offered_where_there_is_one(stopped: RunningSandbox) -> None:
    async def form(name: str) -> str:
        async with stopped.person(name) as person:
            await person.log_in(stopped.passwords[name])
            _, page = await person.get("/hub/spawn")
            return page

    page = asyncio.run(form("ben"))
    assert page.count('type="radio"') == 2
    assert 'value="small" checked' in page
    assert 'type="radio"' not in asyncio.run(form("ana"))


@pytest.mark.parametrize(
    "options", [{"image": "debian"}, {"size": ["large"]}, {"size": "small", "cmd": "sh"}]
)
def test_nothing_but_a_size_can_be_chosen(
    running_sandbox: RunningSandbox, options: dict[str, object]
) -> None:
    async def start() -> tuple[int, bytes]:
        async with running_sandbox.person("cho") as person:
            await person.log_in(running_sandbox.passwords["cho"])
            headers = {"X-XSRFToken": person._xsrf("/hub/"), "Referer": f"{person.hub_url}/hub/home"}
            status, _, body = await person.fetch(
                "POST", "/hub/api/users/cho/server", headers=headers, json=options
            )
            return status, body

    status, body = asyncio.run(start())
    assert status == 403
    assert b"no such option" in body


def test_what_is_kept_ends_at_the_limit_of_the_home(running_sandbox: RunningSandbox) -> None:
    policy = load_notebooks(running_sandbox.settings.policies)
    done = running_sandbox.run_in_notebook("ana", FILL, deadline=120)
    assert not done.error
    written, made = map(int, done.text.split())
    assert 0.5 * policy.home_mib < written <= policy.home_mib
    assert 0.5 * policy.home_files < made <= policy.home_files

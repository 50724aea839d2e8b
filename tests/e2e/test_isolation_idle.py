"""A notebook that nobody uses is stopped and on record; one that computes goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_under_test import own_sandbox

from sandbox.governance.installation import open_books
from sandbox.hub.running import RunningSandbox

IDLE_SECONDS, LOOK_SECONDS, SLACK = 60, 15, 45
SILENT_WORK = "import time; time.sleep(110); print('done')"


def impatient(policies: Path) -> None:
    place = policies / "notebooks.toml"
    text = place.read_text()
    assert "idle_minutes = 60" in text
    place.write_text(text.replace("idle_minutes = 60", "idle_minutes = 1"))


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """A sandbox that stops a notebook after one idle minute; how it is isolated has no part in that."""
    with own_sandbox("bubblewrap", changed=impatient) as sandbox:
        yield sandbox


def test_an_idle_notebook_is_stopped_and_one_at_work_is_not(sandbox: RunningSandbox) -> None:
    async def seconds_until_stopped() -> float:
        async with sandbox.person("ana") as ana, sandbox.person("ben") as ben:
            for person in (ana, ben):
                await person.log_in(sandbox.passwords[person.name])
                await person.start_notebook()
            began = time.monotonic()
            working = asyncio.create_task(
                ben.run("import time; time.sleep(150); print('done')", deadline=200)
            )
            while await ana._server():
                assert time.monotonic() - began < IDLE_SECONDS + LOOK_SECONDS + SLACK, "it goes on for ever"
                await asyncio.sleep(2)
            stopped = time.monotonic() - began
            assert (await working).text.strip() == "done"
            return stopped

    # The start itself is the last activity, so a few seconds of the minute have passed.
    assert asyncio.run(seconds_until_stopped()) > IDLE_SECONDS / 2
    books = open_books(sandbox.settings)
    stops = books.log.search(kind="server.stopped")
    books.close()
    assert [entry.event["actor"] for entry in stops] == ["ana"]

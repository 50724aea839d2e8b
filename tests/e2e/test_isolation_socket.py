"""A notebook that puts something else in its socket's place, to make the door open it (confused deputy)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from sandbox_under_test import process_of

from sandbox.hub.running import RunningSandbox

SWAP = """
import os, socket
os.rename("/run/door/in/server.sock", "/run/door/in/kept.sock")
{attack}
"""


@pytest.mark.parametrize(
    "attack",
    [
        "os.symlink('/var/run/docker.sock', '/run/door/in/server.sock')",
        "os.symlink('/run/door/in/kept.sock', '/run/door/in/server.sock')",
        "open('/run/door/in/server.sock', 'w').close()",
        "os.mkfifo('/run/door/in/server.sock')",
    ],
)
def test_the_door_connects_to_nothing_but_the_servers_own_socket(
    running_sandbox: RunningSandbox, attack: str
) -> None:
    running_sandbox.run_in_notebook("ana", "pass")
    kept = running_sandbox.settings.run / "door" / "people" / "ana" / "in" / "kept.sock"

    async def attacked() -> int:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.get("/user/ana/lab")
            with_swap = asyncio.create_task(person.run(SWAP.format(attack=attack)))
            await asyncio.to_thread(until_exists, kept)
            status, _, _ = await person.fetch("GET", "/user/ana/api/status")
            with_swap.cancel()
            await asyncio.gather(with_swap, return_exceptions=True)
            return status

    status = asyncio.run(attacked())
    running_sandbox.stop_notebook("ana")
    assert status == 503


def test_a_door_that_ends_is_opened_again_with_everybodys_way(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ben", "pass")
    os.kill(process_of(running_sandbox, "-m sandbox.door"), signal.SIGKILL)
    time.sleep(3)
    assert running_sandbox.run_in_notebook("ben", "print('still here')").text.strip() == "still here"


def until_exists(path: Path) -> None:
    while not path.exists():
        time.sleep(0.1)
    time.sleep(0.5)  # the second half of the swap

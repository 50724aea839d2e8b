"""A freeze on a running sandbox: notebooks stop, questions end, others work on, and it is taken back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from sandbox.hub.driver import DriverError, Output
from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox

BOUND = 15.0
"""Seconds from the command's start; generous for a machine at work. The times measured are printed."""
ASK = """
from sandbox.client import connect
print(len(connect("visits-study").ask("SELECT COUNT(*) AS n FROM visits", epsilon="0.1")))
"""


def command(sandbox: RunningSandbox, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *words],
        env=environment_of(sandbox.settings, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def freezing(running_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    yield running_sandbox
    for line in command(running_sandbox, "freeze", "list").splitlines()[1:]:
        what = line.split()[3:]
        target = ["all"] if what[0] == "everything" else what[:2]
        command(running_sandbox, "unfreeze", *target, "--reason", "end of the test")


def test_a_frozen_person_loses_notebook_and_answers_while_another_works_on(
    freezing: RunningSandbox,
) -> None:
    async def story() -> tuple[str, Output, str]:
        async with freezing.person("ana") as ana, freezing.person("ben") as ben:
            for person in (ana, ben):
                await person.log_in(freezing.passwords[person.name])
                await person.start_notebook()
            assert (await ana.run(ASK)).error == ""
            running = asyncio.create_task(ana.run("import time; time.sleep(50)"))
            await asyncio.sleep(1)
            began = time.monotonic()
            said = await asyncio.to_thread(
                command, freezing, "freeze", "user", "ana", "--reason", "a test", "--by", "olaf"
            )
            ended = time.monotonic()
            with pytest.raises(DriverError):
                await running
            gone = time.monotonic()
            print(  # noqa: T201  # the figure is what the test is also for
                f"{freezing.isolator}: command {ended - began:.2f} s, cut off {gone - ended:+.2f} s after"
            )
            assert gone - began < BOUND
            with pytest.raises(DriverError) as refused:
                await ana.start_notebook()
            return said, await ben.run("print(6 * 7)"), str(refused.value)

    said, others, refused = asyncio.run(story())
    assert "notebooks stopped: ana" in said
    assert others.text == "42\n"
    assert "Your account is frozen since" in refused
    assert "a test" not in refused
    command(freezing, "unfreeze", "user", "ana", "--reason", "a test")
    assert freezing.run_in_notebook("ana", ASK).error == ""

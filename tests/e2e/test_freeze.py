"""A freeze on a running sandbox: notebooks stop, questions end, others work on, and it is taken back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_under_test import process_of

from sandbox.governance.installation import open_books
from sandbox.hub import stopping
from sandbox.hub.driver import DriverError, Output
from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox

BOUND = 15.0
"""Seconds from the command's start; generous for a machine at work. The times measured are printed."""
ASK = """
from sandbox.client import connect
print(len(connect("visits-study").ask("SELECT COUNT(*) AS n FROM visits", epsilon="0.1")))
"""
ASK_ON = """
import time
from sandbox.client import connect
sandbox, answered = connect("visits-study"), 0.0
until = time.time() + 40
while time.time() < until:
    try:
        sandbox.ask("SELECT COUNT(*) AS n FROM visits", epsilon="0.1")
        answered = time.time()
    except Exception:
        print(answered, time.time())
        raise
"""


def command(sandbox: RunningSandbox, *words: str) -> str:
    done = run(sandbox, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(sandbox: RunningSandbox, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *words],
        env=environment_of(sandbox.settings, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def runs(sandbox: RunningSandbox, name: str) -> bool:
    return bool(stopping._running(sandbox.settings, frozenset({name})))


def left_open(sandbox: RunningSandbox, name: str) -> list[Path]:
    """Return what of a notebook that is gone is still mounted, and wait a little for the hub to clear up."""
    home = sandbox.settings.home.resolve()
    places = [sandbox.settings.run.resolve() / "door" / "people" / name / "in", home / "notebooks" / name]
    until = time.monotonic() + 10
    while (mounted := [place for place in places if place.is_mount()]) and time.monotonic() < until:
        time.sleep(0.2)
    return mounted


def last_of_server(sandbox: RunningSandbox, name: str) -> str:
    """Return what the log says last of the person's notebook."""
    books = open_books(sandbox.settings)
    found = [entry.event for entry in books.log.search(subject=name, limit=200)]
    books.close()
    return next(str(event["kind"]) for event in found if str(event["kind"]).startswith("server."))


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
            cut_off: list[float] = []
            running.add_done_callback(lambda _: cut_off.append(time.monotonic()))
            await asyncio.sleep(1)
            began = time.monotonic()
            said = await asyncio.to_thread(
                command, freezing, "freeze", "user", "ana", "--reason", "a test", "--by", "olaf"
            )
            ended = time.monotonic()
            with pytest.raises(DriverError):
                await running
            gone = cut_off[0]  # the command may end later: it waits until the hub has tidied up
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


def test_no_question_is_answered_once_the_command_has_ended(freezing: RunningSandbox) -> None:
    async def story() -> tuple[float, Output]:
        async with freezing.person("ana") as ana:
            await ana.log_in(freezing.passwords["ana"])
            await ana.start_notebook()
            asking = asyncio.create_task(ana.run(ASK_ON))
            await asyncio.sleep(3)
            await asyncio.to_thread(
                command, freezing, "freeze", "dataset", "small_visits", "--reason", "a test"
            )
            return time.time(), await asking

    ended, said = asyncio.run(story())
    answered, refused = (float(line) for line in said.text.split())
    print(  # noqa: T201  # as above
        f"{freezing.isolator}: last answer {answered - ended:+.2f} s, first refusal {refused - ended:+.2f} s "
        "from the command's end"
    )
    assert "The dataset small_visits is frozen since" in said.error
    assert answered < ended + 2
    command(freezing, "unfreeze", "dataset", "small_visits", "--reason", "a test")
    assert freezing.run_in_notebook("ana", ASK).error == ""


def test_a_frozen_authorization_stops_its_members_notebooks_and_its_questions_only(
    freezing: RunningSandbox,
) -> None:
    freezing.run_in_notebook("ana", "pass")
    freezing.run_in_notebook("ben", "pass")
    said = command(freezing, "freeze", "authorization", "visits-study", "--reason", "a test")
    assert "notebooks stopped: ana\n" in said
    assert (runs(freezing, "ana"), runs(freezing, "ben")) == (False, True)
    assert left_open(freezing, "ana") == []
    assert last_of_server(freezing, "ana") == "server.stopped"
    again = freezing.run_in_notebook("ana", ASK)  # she may look at her files
    assert "The authorization visits-study is frozen since" in again.error


def test_freezing_all_stops_every_notebook_and_lets_none_start(freezing: RunningSandbox) -> None:
    for name in ("ana", "ben"):
        freezing.run_in_notebook(name, "pass")
    assert "notebooks stopped: ana, ben\n" in command(freezing, "freeze", "all", "--reason", "a test")
    for name in ("ana", "ben", "cho"):
        assert not runs(freezing, name)
        with pytest.raises(DriverError, match="The whole sandbox is frozen since"):
            freezing.run_in_notebook(name, "pass")
    command(freezing, "unfreeze", "all", "--reason", "a test")
    assert freezing.run_in_notebook("cho", "print(1)").text == "1\n"


def test_a_notebook_that_is_starting_when_the_freeze_comes_does_not_stay(freezing: RunningSandbox) -> None:
    async def story() -> None:
        async with freezing.person("cho") as cho:
            await cho.log_in(freezing.passwords["cho"])
            starting = asyncio.create_task(cho.start_notebook())
            await asyncio.sleep(0.3)
            await asyncio.to_thread(command, freezing, "freeze", "user", "cho", "--reason", "a test")
            await asyncio.gather(starting, return_exceptions=True)  # it may have been ready just before
            assert not runs(freezing, "cho")
            assert left_open(freezing, "cho") == []
            assert last_of_server(freezing, "cho") == "server.stopped"
            with pytest.raises(DriverError):
                await cho.run("pass")

    freezing.stop_notebook("cho")
    asyncio.run(story())


def test_notebooks_are_ended_directly_where_the_hub_does_not_answer(freezing: RunningSandbox) -> None:
    freezing.run_in_notebook("ana", "pass")
    freezing.run_in_notebook("ben", "pass")
    hub = process_of(freezing, "jupyterhub -f")
    os.kill(hub, signal.SIGSTOP)
    try:
        said = command(freezing, "freeze", "user", "ana", "--reason", "a test")
    finally:
        os.kill(hub, signal.SIGCONT)
    assert "The hub does not answer" in said
    assert "notebooks stopped: ana\n" in said
    assert (runs(freezing, "ana"), runs(freezing, "ben")) == (False, True)
    command(freezing, "unfreeze", "user", "ana", "--reason", "a test")
    freezing.stop_notebook("ana")  # the hub itself looks only now and then whether a notebook still runs
    assert freezing.run_in_notebook("ana", ASK).error == ""

"""How a notebook is chosen, starts, is looked after, and ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import pytest
from sandbox_under_test import process_of, until

from sandbox.audit.event import Kind
from sandbox.governance.installation import open_books
from sandbox.hub.driver import Person
from sandbox.hub.parts import hub_answers
from sandbox.hub.running import RunningSandbox


def from_here(person: Person) -> dict[str, str]:
    return {"X-XSRFToken": person._xsrf("/hub/"), "Referer": f"{person.hub_url}/hub/home"}


def test_who_waits_is_told_what_is_going_on(running_sandbox: RunningSandbox) -> None:
    running_sandbox.stop_notebook("cho")

    async def watch() -> list[str]:
        async with running_sandbox.person("cho") as person:
            await person.log_in(running_sandbox.passwords["cho"])
            starting = asyncio.create_task(
                person.fetch("POST", "/hub/api/users/cho/server", json={}, headers=from_here(person))
            )
            await asyncio.sleep(0.3)
            _, _, body = await person.fetch("GET", "/hub/api/users/cho/server/progress")
            await starting
            events = [
                line.removeprefix("data: ") for line in body.decode().splitlines() if line[:5] == "data:"
            ]
            return [json.loads(event)["message"] for event in events]

    told = asyncio.run(watch())
    steps = (
        "Opening a door for your notebook; it has no network of its own.",
        "Opening the files you keep.",
        "Starting the isolated server. Small: 1 processor, 2 GiB of memory.",
        "Waiting for JupyterLab to listen.",
    )
    assert [message for message in told if message in steps] == list(steps)


def test_what_the_door_refuses_is_in_the_log(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ben", ASK_MUCH)
    os.kill(
        process_of(running_sandbox, "-m sandbox.door"), signal.SIGTERM
    )  # it reports once a minute, and when it ends
    deadline = time.monotonic() + 30
    while not (entries := refusals(running_sandbox, "ben")) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert len(entries) == 1
    assert entries[0]["count"] >= 300
    time.sleep(3)  # until it is opened again


ASK_MUCH = """
import http.client, socket
for _ in range(300):
    door = http.client.HTTPConnection("door")
    door.sock = socket.socket(socket.AF_UNIX)
    door.sock.connect("/run/door/out/door.sock")
    door.request("GET", "/hub/api/users")
    door.getresponse().read()
"""


def refusals(sandbox: RunningSandbox, name: str) -> list[dict[str, int]]:
    books = open_books(sandbox.settings)
    entries = [entry.event for entry in books.log.search(kind=Kind.DOOR_REFUSED, actor=name, limit=50)]
    books.close()
    return [dict(event["body"]) for event in entries]


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
def test_a_hub_that_is_killed_loses_no_container(running_sandbox: RunningSandbox) -> None:
    for name in ("ana", "ben"):
        running_sandbox.run_in_notebook(name, "open('/tmp/alive', 'w').write('before')")
    os.kill(process_of(running_sandbox, "-m jupyterhub -f"), signal.SIGKILL)
    until(lambda: not hub_answers(running_sandbox.settings))
    until(lambda: hub_answers(running_sandbox.settings))
    for name in ("ana", "ben"):
        # /tmp is the container's own memory: it is the same container
        kept = running_sandbox.run_in_notebook(name, "print(open('/tmp/alive').read())")
        assert kept.text.strip() == "before"


def test_a_gateway_that_is_killed_comes_back_by_itself(running_sandbox: RunningSandbox) -> None:
    assert running_sandbox.run_in_notebook("ana", HEALTHY).text.strip() == "200"
    os.kill(process_of(running_sandbox, "-m sandbox.web"), signal.SIGKILL)
    until(lambda: running_sandbox.run_in_notebook("ana", HEALTHY).text.strip() == "200")


HEALTHY = """
import os, http.client, socket
door = http.client.HTTPConnection("door")
door.sock = socket.socket(socket.AF_UNIX)
door.sock.connect("/run/door/out/door.sock")
token = os.environ["JUPYTERHUB_API_TOKEN"]
door.request("GET", "/services/gateway/api/v1/health", headers={"Authorization": f"token {token}"})
print(door.getresponse().status)
"""

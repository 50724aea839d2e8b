"""``sandbox doctor`` on a sandbox that runs: what is in order holds, what is planted is found."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest
from examined import doctor

from sandbox.doctor.check import Result
from sandbox.doctor.parts import _stored_roles
from sandbox.doctor.subject import Subject
from sandbox.hub import images
from sandbox.hub.docker import OWNER_LABEL, container_names, sandbox_mark
from sandbox.hub.doorkeeper import Doorkeeper
from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox
from sandbox.hub.throwaway import NAME, throwaway
from sandbox.policy.load import load_notebooks
from sandbox.settings import Settings

NOT_SET_UP_HERE = {"sinks", "witnesses"}
OF_THE_MACHINE = {"time-source"}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the fault needs root")


def broken(settings: Settings, *words: str) -> dict[str, str]:
    """What each check that fails has found."""
    with (settings.home / "report").open("w") as file:
        done = doctor(settings, *words, "--json", "--output", file.name)
    found = {
        check["name"]: check["found"]
        for check in json.loads(done.stdout)["checks"]
        if check["result"] == "fails"
    }
    assert done.returncode == (3 if found else 0), done.stderr
    return found


def left(settings: Settings) -> list[str]:
    """What there still is of a throw-away notebook on this machine."""
    places = (settings.run / "probe", settings.home / "notebooks" / NAME)
    found = [str(path) for path in places if path.exists()]
    found += map(str, (settings.home / "volumes").glob(f"{NAME}*"))
    mounts = Path("/proc/mounts").read_text().splitlines()
    found += [line for line in mounts if NAME in line and str(settings.home) in line]
    if settings.isolation == "docker":
        with closing(docker.from_env()) as client:
            name = container_names(settings).format(username=NAME)
            found += [one.name or "" for one in client.containers.list(all=True, filters={"name": name})]
    return found


def test_everything_holds_on_a_sandbox_that_runs_and_nothing_is_left(
    running_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    settings = running_sandbox.settings
    running_sandbox.run_in_notebook("ana", "pass")
    report = tmp_path / "report.json"
    done = doctor(settings, "--output", str(report))
    assert done.returncode == 0, done.stdout
    checks = {check["name"]: check for check in json.loads(report.read_text())["checks"]}
    unknown = {name for name, check in checks.items() if check["result"] == Result.UNKNOWN.value}
    assert unknown - OF_THE_MACHINE == NOT_SET_UP_HERE
    assert f"{len(unknown)} cannot be checked" in done.stdout
    assert len(done.stderr.splitlines()) == len(checks)
    assert left(settings) == []
    assert doctor(settings, "verify", str(report)).returncode == 0
    report.write_bytes(report.read_bytes().replace(b"holds", b"hold5", 1))
    assert doctor(settings, "verify", str(report)).returncode == 1


def interrupted(settings: Settings, number: signal.Signals, moment: float) -> int:
    """Interrupt a run so long after its notebook was begun; return how it ended, 0 if it was faster."""
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.cli", "doctor", "--only", "notebook"],
        env=environment_of(settings, os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not (settings.run / "probe" / "in").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(moment)
        process.send_signal(number)
        return process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moments", [(0.0,), (0.1, 0.05, 0.02, 0.01)])
def test_an_interrupted_run_leaves_nothing_behind(
    running_sandbox: RunningSandbox, number: signal.Signals, moments: tuple[float, ...]
) -> None:
    settings = running_sandbox.settings
    # The latest moment at which it still runs: how long that is, is the machine's business.
    ends = []
    for moment in moments:
        ends.append(interrupted(settings, number, moment))
        assert left(settings) == []
        if ends[-1]:
            break
    assert ends[-1] == 2, ends


def test_two_at_once_are_refused_and_do_not_disturb_each_other(running_sandbox: RunningSandbox) -> None:
    settings = running_sandbox.settings
    policy = load_notebooks(settings.policies)
    with throwaway(settings, policy, kind=running_sandbox.isolator) as one:
        found = broken(settings, "--only", "notebook")
        assert found.keys() == {"notebook-start"}
        assert "Another check" in found["notebook-start"]
        assert one.run("print('undisturbed')").strip() == "undisturbed"
    assert left(settings) == []


@contextmanager
def planted(settings: Settings, weaker: dict[str, Any]) -> Iterator[None]:
    """A container that bears this sandbox's mark, and is weaker than its notebooks."""
    options = {"network_mode": "none", "cap_drop": ["ALL"], "user": "300099:300099", **weaker}
    labels = {OWNER_LABEL: sandbox_mark(settings)}
    sleep = ["/bin/sleep", "600"]
    with closing(docker.from_env()) as client:
        container = client.containers.create(images.notebook_image(), sleep, labels=labels, **options)
        try:
            container.start()
            yield
        finally:
            container.remove(force=True)


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
@pytest.mark.parametrize(
    ("weaker", "found"),
    [
        ({"network_mode": "bridge"}, "network interfaces (eth0)"),
        ({"network_mode": "host"}, "namespaces of the machine (net)"),
        ({"security_opt": ["seccomp=unconfined"]}, "no filter of system calls"),
        ({"user": "0:0", "cap_drop": []}, "capabilities"),
    ],
)
def test_a_notebook_that_runs_weaker_than_it_should_is_found(
    running_sandbox: RunningSandbox, weaker: dict[str, Any], found: str
) -> None:
    settings = running_sandbox.settings
    with planted(settings, weaker):
        assert found in broken(settings, "--only", "running-notebooks")["running-notebooks"]
    running_sandbox.run_in_notebook("ana", "pass")
    assert broken(settings, "--only", "running-notebooks") == {}


@AS_ROOT
def test_a_home_and_a_socket_directory_without_a_limit_are_found(running_sandbox: RunningSandbox) -> None:
    settings = running_sandbox.settings
    door = Doorkeeper(Subject(settings).control)
    asyncio.run(door.admit("planted", uid=settings.notebook_uid_base + 99))
    try:
        assert "planted" in broken(settings, "--only", "homes")["homes"]
    finally:
        asyncio.run(door.dismiss("planted"))
    running_sandbox.run_in_notebook("ana", "pass")
    assert broken(settings, "--only", "homes") == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE roles SET scopes = json_insert(scopes, '$[#]', 'servers!user') WHERE name = 'reviewers'",
        "UPDATE roles SET scopes = json_insert(scopes, '$[#]', 'admin:users') WHERE name = 'analysts'",
        "UPDATE users SET admin = 1 WHERE name = 'ana'",
        "INSERT INTO user_role_map SELECT u.id, r.id, 0 FROM users u, roles r WHERE r.name = 'admin'",
    ],
)
def test_a_role_of_the_hub_that_may_more_is_found(
    running_sandbox: RunningSandbox, tmp_path: Path, change: str
) -> None:
    running_sandbox.run_in_notebook("ana", "pass")
    settings = running_sandbox.settings
    copied = replace(settings, home=tmp_path / "home", raw=tmp_path / "home" / "raw")
    for part in ("hub", "keys", "state", "signer"):
        shutil.copytree(settings.home / part, copied.home / part, dirs_exist_ok=True)
    shutil.copyfile(settings.log_public_key, copied.log_public_key)
    assert broken(copied, "--only", "roles") == {}
    hub = copied.home / "hub" / "hub.sqlite"
    with closing(sqlite3.connect(hub, isolation_level=None)) as connection:
        connection.execute(change)
    assert _stored_roles(hub)[0]
    assert broken(copied, "--only", "roles")

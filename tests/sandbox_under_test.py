"""Whole sandboxes for tests: set up as real ones are, each with a home and ports of its own."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register
from sandbox.hub import images
from sandbox.hub.running import RunningSandbox, free_ports, running
from sandbox.policy.load import load
from sandbox.settings import Settings

PEOPLE = {
    "ana": frozenset({"analysts", "visits-study"}),
    "ben": frozenset({"analysts", "large-notebooks"}),
    "cho": frozenset({"analysts"}),
    "rita": frozenset({"reviewers"}),
    "rolf": frozenset({"reviewers"}),
    "olaf": frozenset({"officers"}),
    "sten": frozenset({"stewards"}),
}
POLICIES = Path(__file__).parent / "policies"
MAKING = Path("/var/tmp/public-data-sandbox-tests.lock")  # noqa: S108  # one place for all processes


@contextmanager
def own_sandbox(
    isolator: str, *, runtime: str = "runc", changed: Callable[[Path], None] = lambda _: None
) -> Iterator[RunningSandbox]:
    """Run a sandbox of its own on free ports, and leave nothing of it behind.

    Args:
        isolator: how its notebooks are isolated.
        runtime: what runs their containers.
        changed: changes its copy of the policies before anything is set up.
    """
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/var/tmp"))  # short, and passable for every uid
    home.chmod(0o711)
    hub, hub_api, proxy_api, console = free_ports(4)
    policies = Path(shutil.copytree(POLICIES, home / "policies"))  # where the gateway's uid can read them
    changed(policies)
    settings = Settings(
        home=home,
        raw=home / "raw",
        policies=policies,
        isolation=isolator,
        runtime=runtime,
        hub_port=hub,
        hub_api_port=hub_api,
        proxy_api_port=proxy_api,
        console_port=console,
    )
    try:
        passwords = set_up(settings)
        with running(settings, isolator=isolator, passwords=passwords) as sandbox:
            yield sandbox
    finally:
        shutil.rmtree(home)


def set_up(settings: Settings) -> dict[str, str]:
    """Make keys, accounts, a small register and what notebooks are made of; return the passwords."""
    install(settings)
    rows = [
        f"P{n % 100:03d},{('Bei', 'Dong', 'Nan', 'Xi')[n % 4]},{('gp', 'dental')[n % 2]},2025-01-1{n % 10},"
        f"{n % 200}.50,raw-row-that-nobody-may-see"
        for n in range(400)
    ]
    header = "person_id,district,service,visit_date,cost,note"
    (settings.raw / "visits.csv").write_text("\n".join([header, *rows]) + "\n")
    books = open_books(settings)
    passwords = {
        name: accounts.create(books.log, name, groups=groups, actor="test") for name, groups in PEOPLE.items()
    }
    register("small_visits", actor="test", settings=settings, policies=load(settings.policies), books=books)
    books.close()
    with made_once():
        images.prepare(settings)
    return passwords


@contextmanager
def made_once() -> Iterator[None]:
    """Let one process at a time make images and environments; the others find them."""
    with MAKING.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def process_of(sandbox: RunningSandbox, words: str) -> int:
    """Return the process of ``sandbox`` whose command has these ``words``; there must be exactly one."""
    found = subprocess.run(["pgrep", "-f", "--", words], capture_output=True, text=True, check=True)
    mark = f"SANDBOX_HOME={sandbox.settings.home}".encode()
    (mine,) = [
        pid
        for pid in map(int, found.stdout.split())
        if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ]
    return mine


def until(holds: Callable[[], bool]) -> None:
    """Wait until ``holds`` returns true, at most a minute and a half."""
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)

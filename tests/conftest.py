"""What tests of every kind share: a sandbox of their own, set up as a real one is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from sandbox.gateway import Gateway
from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register
from sandbox.policy.load import load
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

# How long an example takes says how busy the machine is; speed is measured by benchmarks.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")
PEOPLE = {
    "ana": frozenset({"analysts", "visits-study"}),
    "ben": frozenset({"analysts"}),
    "rita": frozenset({"reviewers"}),
    "rolf": frozenset({"reviewers"}),
    "olaf": frozenset({"officers"}),
    "sten": frozenset({"stewards"}),
}
SMALL_POLICIES = Path(__file__).parent / "policies"
DISTRICTS = ("Bei", "Dong", "Nan", "Xi")
SERVICES = ("gp", "dental")
SMALL_REGISTER = (
    "person_id,district,service,visit_date,cost,note\n"
    + "\n".join(
        f"P{person:03d},{DISTRICTS[person % 4]},{SERVICES[visit % 2]},"
        f"2025-0{1 + visit % 9}-1{visit % 10},{(person * 7 + visit * 13) % 300}.50,raw secret text {person}"
        for person in range(100)
        for visit in range(1 + person % 7)
    )
    + "\n"
)


@pytest.fixture(scope="session")
def registered_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys, people and a small registered dataset; copied, never used itself."""
    home = tmp_path_factory.mktemp("sandbox") / "home"
    open_path(home)
    furnish(Settings(home=home, raw=home / "raw", policies=SMALL_POLICIES))
    return home


def furnish(settings: Settings) -> None:
    """Make keys, people and a small registered dataset."""
    install(settings)
    (settings.raw / "visits.csv").write_text(SMALL_REGISTER)
    books = open_books(settings)
    for name, groups in PEOPLE.items():
        accounts.create(books.log, name, groups=groups, actor="test", login=False)
    register("small_visits", actor="test", settings=settings, policies=load(SMALL_POLICIES), books=books)
    books.close()


@pytest.fixture
def settings(registered_home: Path, tmp_path: Path) -> Settings:
    """Settings of a fresh copy of the registered home."""
    home = tmp_path / "home"
    open_path(home)
    subprocess.run(["cp", "-a", str(registered_home), str(home)], check=True)  # owners are part of it
    copied = Settings(home=home, raw=home / "raw", policies=SMALL_POLICIES)
    install(copied)
    return copied


@pytest.fixture
def gateway(settings: Settings) -> Iterator[Gateway]:
    gateway = Gateway.open(settings)
    yield gateway
    gateway.close()


@pytest.fixture
def actor() -> Callable[[str], Actor]:
    """Give any of the people as they come through their notebook."""
    return lambda name: Actor(
        name=name, groups=PEOPLE[name], scopes=scopes_of(PEOPLE[name]), channel=Channel.NOTEBOOK
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be there, as in CI, a skipped end-to-end test is a failure."""
    report = yield
    if report.skipped and "e2e" in item.path.parts and os.environ.get("SANDBOX_TEST_COMPLETE"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


def open_path(path: Path) -> None:
    """Let the registrar's own uid reach ``path``, as a real installation would."""
    for parent in path.parents:
        if parent != parent.parent and parent.owner() == path.parent.owner():
            parent.chmod(parent.stat().st_mode | 0o011)

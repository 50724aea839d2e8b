"""Sandboxes whose dataset gives reviewed answers, with rows of the test's choice."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from conftest import PEOPLE, SMALL_POLICIES, open_path

from sandbox.gateway import Gateway
from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.governance.registration import register
from sandbox.policy.load import load
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

STUDY = "visits-study"
HEADER = "person_id,district,service,visit_date,cost,note"


def person(name: str, channel: Channel = Channel.NOTEBOOK) -> Actor:
    """Give one of the people, as they come through their notebook or the console."""
    groups = PEOPLE[name]
    return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=channel)


def open_reviewed(directory: Path, *, answers: int = 5) -> None:
    """Change the tests' policies so that the visits give reviewed answers."""
    dataset = directory / "datasets" / "small_visits.toml"
    opened = dataset.read_text().replace('grade = "general-3"', 'grade = "general-2"\nreviewed = true')
    functions = '["count", "sum", "avg", "variance", "quantile"]'
    dataset.write_text(opened.replace('["count", "sum", "avg"]', functions))
    study = directory / "authorizations" / f"{STUDY}.toml"
    study.write_text(f"reviewed_answers = {answers}\n" + study.read_text())


def furnished(directory: Path, rows: Sequence[str], *, answers: int = 5) -> Settings:
    """Make a sandbox whose register has these rows; it is copied by tests, and may be used itself."""
    home = directory / "home"
    directory.mkdir(exist_ok=True)
    open_path(home)
    policies = Path(shutil.copytree(SMALL_POLICIES, directory / "policies"))
    open_reviewed(policies, answers=answers)
    settings = Settings(home=home, raw=home / "raw", policies=policies)
    install(settings)
    (settings.raw / "visits.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    books = open_books(settings)
    for name, groups in PEOPLE.items():
        accounts.create(books.log, name, groups=groups, actor="test", login=False)
    register("small_visits", actor="test", settings=settings, policies=load(policies), books=books)
    books.close()
    return settings


@contextmanager
def gateway_of_copy(made: Settings, directory: Path) -> Iterator[Gateway]:
    """Open the gateway of a copy of a sandbox."""
    home = directory / "home"
    open_path(home)
    subprocess.run(["cp", "-a", str(made.home), str(home)], check=True)  # owners are part of it
    settings = replace(made, home=home, raw=home / "raw")
    install(settings)
    with closing(Gateway.open(settings)) as gateway:
        yield gateway

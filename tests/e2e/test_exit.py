"""The end of an authorization on a running sandbox: its members' notebooks and files, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from sandbox_under_test import own_sandbox

from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.hub import stopping
from sandbox.hub.driver import Output
from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox

DAN = frozenset({"analysts", "visits-study", "other-study"})
KEEP = "import pathlib; pathlib.Path('notes.txt').write_text('kept'); print(1)"
FILES = "import os; print(sorted(name for name in os.listdir('.') if not name.startswith('.')))"
ASK = """
from sandbox.client import connect
print(len(connect("{}").ask("SELECT COUNT(*) AS n FROM visits", epsilon="0.1")))
"""


def with_another_authorization(policies: Path) -> None:
    study = policies / "authorizations" / "visits-study.toml"
    other = study.read_text().replace('"visits-study"', '"other-study"')
    (study.parent / "other-study.toml").write_text(other)


def add_dan(sandbox: RunningSandbox) -> str:
    books = open_books(sandbox.settings)
    password = accounts.create(books.log, "dan", groups=DAN, actor="test")
    books.close()
    return password


def end(sandbox: RunningSandbox) -> tuple[str, bytes]:
    """End the study; return what was said, and the certificate."""
    words = ("exit", "visits-study", "--yes", "--by", "mara", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli", *words],
        env=environment_of(sandbox.settings, os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr, Path(json.loads(done.stdout)["certificate"]).read_bytes()


def runs(sandbox: RunningSandbox, name: str) -> bool:
    return bool(stopping._running(sandbox.settings, frozenset({name})))


def test_an_exit_stops_and_destroys_what_is_the_authorizations_alone(isolator: str) -> None:
    with own_sandbox(isolator, changed=with_another_authorization) as sandbox:
        passwords = {**sandbox.passwords, "dan": add_dan(sandbox)}

        async def run(name: str, code: str) -> Output:
            async with sandbox.person(name) as person:
                await person.log_in(passwords[name])
                await person.start_notebook()
                return await person.run(code)

        for name in ("ana", "ben", "dan"):
            assert asyncio.run(run(name, KEEP)).text == "1\n"
        said, certificate = end(sandbox)
        assert "The hub does not answer" not in said
        assert [runs(sandbox, name) for name in ("ana", "ben", "dan")] == [False, True, False]
        assert not (sandbox.settings.home / "notebooks" / "ana").exists()
        statement = json.loads(certificate)["statement"]
        assert [(one["person"], one["found"]) for one in statement["workspaces_destroyed"]] == [("ana", True)]
        assert [one["person"] for one in statement["workspaces_kept"]] == ["dan"]

        assert "notes.txt" in asyncio.run(run("ben", FILES)).text
        assert "notes.txt" in asyncio.run(run("dan", FILES)).text
        assert "notes.txt" not in asyncio.run(run("ana", FILES)).text
        refused = asyncio.run(run("dan", ASK.format("visits-study")))
        assert "The authorization visits-study was ended for good at" in refused.error
        assert asyncio.run(run("dan", ASK.format("other-study"))).error == ""
        assert end(sandbox)[1] == certificate

"""The whole story on a sandbox of its own: real hub, real notebook, real people's tools, no person.

Each scene does one thing as the person in question would, through the same doors, prints what came
back, and raises :class:`~sandbox.hub.driver.DriverError` where the story does not hold. Nothing it
makes stays: home, notebooks and processes are gone at the end.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from sandbox.cli.tour_people import ConsolePerson
from sandbox.errors import StartupRefusal
from sandbox.hub.driver import DriverError
from sandbox.hub.running import free_ports

START_SECONDS = 900
"""The first start of all builds the notebook's image."""
READY = "Ctrl-C stops everything."
ACCOUNT = re.compile(r"^  ([a-z]+) +(\S{12,})$")
QUESTION = "SELECT service, COUNT(*) AS visits, AVG(cost) AS mean_cost FROM visits GROUP BY service"
CONNECT = """from sandbox.client import connect
sandbox = connect("visits-study")
"""


def _ask(sql: str) -> str:
    return f'{CONNECT}sandbox.ask("{sql}")'


ESTIMATE = f"""{CONNECT}sandbox.ask("{QUESTION}", epsilon="0.5", dry_run=True)"""
ASK = f"""{CONNECT}answer = sandbox.ask("{QUESTION}", epsilon="0.5")
print(answer)
answer.save("services.csv")
request = sandbox.submit(["services.csv"], purpose="Visits and costs by service, for the yearly report")
print(f"request {{request['id']}}: {{request['status']}}")
"""
COUNT = "SELECT COUNT(*) AS n FROM visits"
REFUSED = {
    "rows": _ask("SELECT * FROM visits"),
    "a hidden column": _ask("SELECT note, COUNT(*) AS n FROM visits GROUP BY note"),
    "an authorization that is over": f"""{CONNECT.replace("study", "closed")}sandbox.ask("{COUNT}")""",
    "a spent budget": f"""{CONNECT}for _ in range(9):\n    sandbox.ask("{COUNT}", epsilon="1", fresh=True)""",
    "the network": "import socket\nsocket.create_connection(('192.0.2.1', 443), timeout=3)",
    "a name on the network": "import socket\nsocket.getaddrinfo('example.org', 443)",
}
"""Each ends with an error whose sentence is shown."""
STRANGER = _ask(COUNT)
REVIEWERS = ("rita", "rolf")
"""Those of the demo; the policies that are shipped draw one of them for a request of low risk."""


def run() -> None:
    """Walk the story.

    Raises:
        StartupRefusal: a step of it did not hold.
    """
    home = Path(tempfile.mkdtemp(prefix="sandbox-tour-", dir="/var/tmp"))  # private, made by mkdtemp
    home.chmod(0o711)  # the parts have uids of their own
    try:
        with _running(home) as (environment, accounts):
            asyncio.run(_story(home, environment, accounts))
    except DriverError as error:
        raise StartupRefusal(f"The story does not hold: {error}") from error
    finally:
        shutil.rmtree(home, ignore_errors=True)
    click.secho("\nThe whole story holds.", bold=True)


async def _story(home: Path, environment: dict[str, str], accounts: dict[str, str]) -> None:
    hub, console = _addresses(environment)
    async with ConsolePerson(hub, console, "ana") as ana:
        await ana.log_in(accounts["ana"])
        _scene("An analyst starts a notebook and asks")
        click.echo(f"(ready after {await ana.start_notebook():.1f} s)")
        await _cell(ana, ESTIMATE)
        request = _one(r"^request (\w+)", await _cell(ana, ASK))
        _scene("What is refused says what would be allowed")
        for what, code in REFUSED.items():
            click.echo(f"\n# {what}")
            await _refused_cell(ana, code)
        _scene("A person who is not in the project")
        await _stranger(hub, console, accounts["ben"])
        _scene("A second person reviews the very bytes that leave, and approves")
        await _review(hub, console, accounts, request)
        _scene("The package leaves and is verified with minisign and sha256sum")
        package = await ana.download(request, home)
    answer = _verify_package(package)
    _scene("A security officer finds both in the log")
    async with ConsolePerson(hub, console, "olaf") as olaf:
        await olaf.log_in(accounts["olaf"])
        page = await olaf.console_page(f"/trace/{request}")
        for word in ("release.submitted", "release.sealed", "release.downloaded", "question.outcome"):
            if word not in page:
                raise DriverError(f"the trace of {request} lacks {word}")
        click.echo(f"trace {request}: submitted, reviewed, sealed, downloaded, and answer {answer}")
    _scene("and proves the log whole from an exported folder alone")
    _command("audit", "export", str(home / "log"), environment={**environment, "SANDBOX_ACCOUNT": "olaf"})
    _command("audit", "verify", str(home / "log"), environment={"PATH": os.environ["PATH"]})


async def _cell(person: ConsolePerson, code: str) -> str:
    """Run one cell, show it as a notebook would, and return what it printed."""
    click.echo("\n".join(f">>> {line}" for line in code.strip().splitlines()))
    output = await person.run(code, deadline=180)
    click.echo(output.text.rstrip())
    if output.error:
        raise DriverError(output.error)
    return output.text


async def _refused_cell(person: ConsolePerson, code: str) -> None:
    click.echo("\n".join(f">>> {line}" for line in code.strip().splitlines()))
    output = await person.run(code, deadline=180)
    click.echo(output.error)
    if not output.error.startswith(("Refused:", "OSError:", "gaierror:")):
        raise DriverError(f"it was not refused: {code}")


async def _stranger(hub: str, console: str, password: str) -> None:
    async with ConsolePerson(hub, console, "ben") as ben:
        await ben.log_in(password)
        await ben.start_notebook()
        await _refused_cell(ben, STRANGER)


async def _review(hub: str, console: str, passwords: dict[str, str], request: str) -> None:
    """Let whichever of the two reviewers was drawn for ``request`` decide."""
    for name in REVIEWERS:
        if await _reviewed(hub, console, name, passwords[name], request):
            return
    raise DriverError("the request waits for none of the reviewers")


async def _reviewed(hub: str, console: str, name: str, password: str, request: str) -> bool:
    """Return whether ``request`` awaited the review of ``name``; where it did, they approved it."""
    async with ConsolePerson(hub, console, name) as reviewer:
        await reviewer.log_in(password)
        if request not in await reviewer.console_page("/review?tab=waiting"):
            click.echo(f"{name} has nothing to review")
            return False
        await reviewer.console_page(f"/review/{request}/files/services.csv")
        click.echo(f"{name} was drawn, and opened services.csv")
        await reviewer.decide(request, verdict="approve", reason="Noisy answers, and within the purpose.")
        click.echo(f"{name} approved")
    return True


def _verify_package(package: Path) -> str:
    click.echo(package.name)
    _tool("tar", "-xzf", package.name, folder=package.parent)
    folder = next(path.parent for path in package.parent.glob("*/manifest.json"))
    _tool("sha256sum", "--check", "SHA256SUMS", folder=folder)
    _tool("minisign", "-V", "-m", "manifest.json", "-p", "minisign.pub", folder=folder)
    return _one(r'"answer":"([0-9a-zA-Z_-]+)"', (folder / "manifest.json").read_text())


def _tool(*words: str, folder: Path) -> None:
    """Run one of the recipients' own programs."""
    program = shutil.which(words[0])
    if program is None:
        raise DriverError(f"{words[0]} is not installed")
    done = subprocess.run(  # noqa: S603  # fixed words of ours
        [program, *words[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    click.echo(f"$ {' '.join(words)}\n{done.stdout}".rstrip())
    if done.returncode != 0:
        raise DriverError(f"{words[0]}: {done.stderr.strip()}")


@contextmanager
def _running(home: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Start a sandbox in ``home``; yield its settings and the passwords it showed."""
    ports = dict(zip(("HUB", "HUB_API", "PROXY_API", "CONSOLE"), free_ports(4), strict=True))
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(home / "var"),
        "SANDBOX_RAW": str(home / "var" / "raw"),
        **{f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.cli", "up"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield environment, _wait_until_ready(process)
    finally:
        process.terminate()
        process.communicate(timeout=120)


def _wait_until_ready(process: subprocess.Popen[str]) -> dict[str, str]:
    accounts: dict[str, str] = {}
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if found := ACCOUNT.match(line):
            accounts[found[1]] = found[2]
        else:
            click.echo(line.rstrip())
        if line.startswith(READY):
            return accounts
    raise DriverError("it did not start: " + "".join(lines[-3:]).strip())


def _addresses(environment: dict[str, str]) -> tuple[str, str]:
    return (
        f"http://127.0.0.1:{environment['SANDBOX_HUB_PORT']}",
        f"http://localhost:{environment['SANDBOX_CONSOLE_PORT']}",
    )


def _command(*words: str, environment: dict[str, str]) -> None:
    click.echo(f"$ sandbox {' '.join(words)}")
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "sandbox.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    click.echo((done.stdout + done.stderr).rstrip())
    if done.returncode != 0:
        raise DriverError(f"sandbox {words[0]} {words[1]} ended with {done.returncode}")


def _scene(title: str) -> None:
    click.secho(f"\n== {title}", bold=True)


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise DriverError(f"nothing looks like {pattern} in: {text[:200]}")
    return found[1]

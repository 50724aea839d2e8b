"""The sandbox of ``deploy/compose.yaml``: every part in a container of its own, on this machine's Docker."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from sandbox_under_test import until

from sandbox.hub import images
from sandbox.hub.driver import Output, Person
from sandbox.hub.parts import hub_answers
from sandbox.hub.recipes import NAMES, recipe
from sandbox.hub.running import free_ports
from sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
PROJECT = "sandbox-deploy-test"
PARTS = {"postgres", "setup", "signer", "pod", "door", "gateway", "starter", "hub"}
STORY = """
from sandbox.client import connect
sandbox = connect("visits-study")
answer = sandbox.ask("SELECT service, COUNT(*) AS n FROM visits GROUP BY service", epsilon="0.5")
answer.save("services.csv")
request = sandbox.submit(["services.csv"], purpose="Visits by service, for the yearly report")
print(len(open("services.csv").readlines()), request["status"])
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The running parts, and how to order more of them."""

    command: tuple[str, ...]
    settings: Settings
    """As far as a browser knows them."""
    passwords: dict[str, str]

    def compose(self, *words: str) -> str:
        """Run ``docker-compose`` with these words; return what it printed."""
        done = subprocess.run([*self.command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def admin(self, *words: str) -> str:
        """Run the sandbox's command as its administrator would."""
        return self.compose("run", "--rm", "-T", "setup", "sandbox", *words)

    def in_notebook(self, name: str, code: str) -> Output:
        """Run code in the notebook of ``name``."""

        async def run() -> Output:
            async with Person(self.settings.hub_url, name) as person:
                await person.log_in(self.passwords[name])
                await person.start_notebook()
                return await person.run(code)

        return asyncio.run(run())


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The whole sandbox with the demo register, made as its administrator would, and removed at the end."""
    if images.docker_client() is None or shutil.which("docker-compose") is None:
        pytest.skip("Docker or docker-compose is not installed here")
    if os.geteuid() != 0:
        pytest.skip("its secrets belong to several uids")
    for name in NAMES:
        images.make_image(name)
    folder = Path(tempfile.mkdtemp(prefix="sbx-deploy-", dir="/var/tmp"))
    hub, console = free_ports(2)
    policies = shutil.copytree(ROOT / "policies", folder / "policies")
    for path in (policies, *policies.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    subprocess.run([ROOT / "scripts" / "deploy-secrets", folder / "secrets"], check=True)
    settings = {
        **{f"SANDBOX_{name.upper()}_IMAGE": recipe(name).image for name in NAMES},
        "SANDBOX_SECRETS": folder / "secrets",
        "SANDBOX_POLICIES_DIRECTORY": policies,
        "SANDBOX_HUB_PORT": hub,
        "SANDBOX_CONSOLE_PORT": console,
    }
    (folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    file = str(ROOT / "deploy" / "compose.yaml")
    made = Deployment(
        command=("docker-compose", "-p", PROJECT, "--env-file", str(folder / ".env"), "-f", file),
        settings=Settings(home=folder, hub_port=hub, console_port=console),
        passwords={},
    )
    try:
        made.compose("up", "-d")
        shown = made.admin("init", "--demo")
        made.passwords.update(re.findall(r"^\s+(\w+): (\S+)$", shown, re.MULTILINE))
        made.admin("register")
        yield made
    finally:
        for container in notebooks():
            container.remove(force=True)
        made.compose("down", "--volumes")
        shutil.rmtree(folder)


def notebooks() -> list[Any]:
    """The notebooks' containers that the starter started."""
    with closing(docker.from_env()) as client:
        return client.containers.list(all=True, filters={"name": "^sandbox-notebook-"})


def of_part(name: str) -> Any:
    with closing(docker.from_env()) as client:
        (found,) = client.containers.list(all=True, filters={"name": f"^{PROJECT}_{name}_1$"})
        return found


def test_an_analyst_asks_and_hands_in_what_another_person_must_release(deployment: Deployment) -> None:
    output = deployment.in_notebook("ana", STORY)
    assert (output.text.split(), output.error) == (["9", "REVIEW"], "")


def test_a_notebook_has_no_network_and_knows_no_starter(deployment: Deployment) -> None:
    deployment.in_notebook("ana", "pass")
    (notebook,) = notebooks()
    host = notebook.attrs["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert not [mount for mount in notebook.attrs["Mounts"] if "starter" in mount["Destination"]]
    reached = deployment.in_notebook("ana", "import os; print(*sorted(os.listdir('/run')))")
    assert reached.text.split() == ["door", "lock"]


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_has_no_right_it_does_not_need(deployment: Deployment, part: str) -> None:
    del deployment
    container = of_part(part)
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0
    sockets = [mount for mount in container.attrs["Mounts"] if "docker.sock" in mount["Source"]]
    assert bool(sockets) == (part == "starter")
    assert not [word for word in container.attrs["Config"]["Env"] if "PASSWORD" in word.upper()]


def test_only_the_gateways_uid_has_files_read_and_only_the_hubs_starts_notebooks(
    deployment: Deployment,
) -> None:
    ask = (
        "import http.client, socket, sys; c = http.client.HTTPConnection('starter');"
        "c.sock = socket.socket(socket.AF_UNIX);"
        "c.sock.connect('/var/lib/sandbox/run/starter/starter.sock');"
        "c.request(sys.argv[1], sys.argv[2]); print(c.getresponse().status)"
    )

    def status(part: str, method: str, path: str) -> str:
        return deployment.compose("exec", "-T", part, "python", "-c", ask, method, path).strip()

    assert status("gateway", "DELETE", "/notebooks/ana") == "403"
    assert status("hub", "POST", "/screenings") == "403"
    assert status("gateway", "POST", "/screenings") == "422"  # allowed, and nothing to read
    assert status("hub", "GET", "/notebooks/nobody") == "200"
    assert status("hub", "GET", "/notebooks/..%2fhub") == "400"


def test_a_hub_that_is_killed_comes_back_and_loses_no_notebook(deployment: Deployment) -> None:
    deployment.in_notebook("ana", "open('/tmp/alive', 'w').write('before')")
    processes = of_part("hub").top()["Processes"]
    (hub,) = [
        int(words[1]) for words in processes if "jupyterhub -f" in words[-1] and "python" in words[-1][:20]
    ]
    os.kill(hub, signal.SIGKILL)
    until(lambda: not hub_answers(deployment.settings))
    until(lambda: hub_answers(deployment.settings))
    kept = deployment.in_notebook("ana", "print(open('/tmp/alive').read())")
    assert kept.text.strip() == "before"


def test_every_part_of_the_file_is_looked_at(deployment: Deployment) -> None:
    assert set(deployment.compose("config", "--services").split()) == PARTS

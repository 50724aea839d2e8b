"""How soon a notebook is there, what it takes while nothing happens, and what its image weighs."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

import docker

from benchmarks.bench import Bench, CannotMeasure
from benchmarks.harness import Result, say, seconds_of
from benchmarks.stock import stock_hub
from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.hub import images
from sandbox.hub.docker import container_names, hardening
from sandbox.hub.running import RunningSandbox, free_ports, running
from sandbox.hub.spawner import COMMAND, INSIDE_HOME, INSIDE_IN
from sandbox.policy.load import load_notebooks
from sandbox.settings import Settings

POLICIES: Final = Path(__file__).parent.parent / "policies"
ANALYST: Final = "ana"
SOMEBODY: Final = 300_007
IDLE_SECONDS: Final = 20.0
PATIENCE: Final = 60.0
MIB: Final = 1024**2


def measure(bench: Bench) -> Iterator[Result]:
    """Measure start and idle memory, in turns with what others start from the same image, then the image."""
    client = images.docker_client()
    if client is None:
        raise CannotMeasure("no Docker daemon answers")
    with closing(client):
        image = images.make_docker(say)
        yield from _starts(client, image, repetitions=bench.sizes.starts)
        yield from _image(client, image)


def _starts(client: docker.DockerClient, image: str, *, repetitions: int) -> Iterator[Result]:
    taken: dict[str, list[float]] = {"ours": [], "plain": [], "stock": []}
    with _own_sandbox() as sandbox, stock_hub(image) as stock:
        starts: dict[str, Callable[[], float]] = {
            "ours": lambda: _own_start(sandbox),
            "plain": lambda: _plain_start(client, image),
            "stock": stock.start,
        }
        for repetition in range(repetitions + 1):
            say(f"notebooks: {repetition} of {repetitions} starts of each kind")
            for name, start in starts.items():
                seconds = start()
                if repetition > 0:
                    taken[name].append(seconds)
        asyncio.run(_enter(sandbox))
        memory = _idle_memory(client, container_names(sandbox.settings).format(username=ANALYST))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    note = (
        f"Median of {repetitions}, in turns, from the same image: until the hub says that it is there, or "
        "until its socket answers; docker run without a hub, and a hub with DockerSpawner as it comes."
    )
    yield Result(name="start of a notebook", value=medians["ours"], unit="s", goal=1.2, notes=(note,))
    yield Result(name="  docker run of the same server", value=medians["plain"], unit="s", notes=(note,))
    yield Result(name="  DockerSpawner as it comes", value=medians["stock"], unit="s", notes=(note,))
    yield Result(
        name="idle notebook",
        value=memory / MIB,
        unit="MiB",
        goal=90,
        notes=(
            f"Memory of its processes, without the file cache, {IDLE_SECONDS:.0f} s after it was opened.",
        ),
    )


@contextmanager
def _own_sandbox() -> Iterator[RunningSandbox]:
    home = Path(tempfile.mkdtemp(prefix="sbx-bench-", dir="/var/tmp"))  # short, for sockets
    home.chmod(0o711)
    hub, hub_api, proxy_api, console = free_ports(4)
    policies = Path(shutil.copytree(POLICIES, home / "policies"))
    settings = Settings(
        home=home,
        raw=home / "raw",
        policies=policies,
        isolation="docker",
        hub_port=hub,
        hub_api_port=hub_api,
        proxy_api_port=proxy_api,
        console_port=console,
    )
    try:
        install(settings)
        books = open_books(settings)
        password = accounts.create(books.log, ANALYST, groups=frozenset({"analysts"}), actor="bench")
        books.close()
        with running(settings, isolator="docker", passwords={ANALYST: password}) as sandbox:
            yield sandbox
    finally:
        shutil.rmtree(home)


def _own_start(sandbox: RunningSandbox) -> float:
    async def start() -> float:
        async with sandbox.person(ANALYST) as person:
            await person.log_in(sandbox.passwords[ANALYST])
            began = time.perf_counter()
            await person.order_notebook()
            seconds = time.perf_counter() - began
            await person.stop_notebook()
            return seconds

    return asyncio.run(start())


async def _enter(sandbox: RunningSandbox) -> None:
    async with sandbox.person(ANALYST) as person:
        await person.log_in(sandbox.passwords[ANALYST])
        await person.start_notebook()


def _plain_start(client: docker.DockerClient, image: str) -> float:
    """Start the image's Jupyter server with the same limits and without any hub, door or record."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # short, for the socket
        place = Path(folder)
        place.chmod(0o777)
        name = f"sandbox-bench-{secrets.token_hex(4)}"
        command = [COMMAND[0], "-m", "jupyterlab", *COMMAND[3:]]

        def start() -> None:
            client.containers.run(
                image,
                command,
                name=name,
                detach=True,
                user=f"{SOMEBODY}:{SOMEBODY}",
                working_dir=INSIDE_HOME,
                environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},  # noqa: S108  # inside
                volumes={str(place): {"bind": INSIDE_IN, "mode": "rw"}},
                **hardening(load_notebooks(POLICIES).sizes["small"], runtime="runc"),
            )
            until_it_answers(place / "server.sock")

        try:
            return seconds_of(start)
        finally:
            client.containers.get(name).remove(force=True)


def until_it_answers(path: Path) -> None:
    """Wait until an HTTP server answers on the unix socket ``path``.

    Raises:
        CannotMeasure: it does not.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection = HTTPConnection("notebook", timeout=PATIENCE)
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(str(path))
            connection.request("GET", "/api")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
    raise CannotMeasure("the server of the image does not answer")


def _idle_memory(client: docker.DockerClient, name: str) -> float:
    time.sleep(IDLE_SECONDS)
    shown: Any = client.containers.get(name).stats(stream=False)  # a dict; the stubs say less
    stats = shown["memory_stats"]["stats"]
    return float(
        stats["anon"] if "anon" in stats else stats["total_rss"]
    )  # version 2 of control groups, and 1


def _image(client: docker.DockerClient, image: str) -> Iterator[Result]:
    size = int(client.images.get(image).attrs["Size"])
    yield Result(
        name="notebook image",
        value=size / MIB,
        unit="MiB",
        notes=("JupyterLab, pandas, polars, pyarrow, matplotlib, seaborn, statsmodels, scikit-learn.",),
    )
    say("notebooks: building the image once more, from nothing")
    yield Result(
        name="build of the notebook image",
        value=seconds_of(lambda: images.make_image("notebook", anew=True, say=say)),
        unit="s",
        notes=("From the wheels and the base that are there, without Docker's cache.",),
    )

"""What a notebook is made of, built without a registry of images and without a network inside.

Three things can be made, each skipped when its inputs have not changed:

- ``base``: Debian with Python, by mmdebstrap, imported into Docker;
- ``notebook``: the image of one analyst, from the base and a folder of wheels; the build has no network,
  so no host name, certificate or proxy of the building machine gets inside;
- ``embedded``: the same packages as a virtual environment under ``settings.home``, for machines
  without Docker.

``python -m sandbox.hub.images docker`` or ``... embedded`` makes what that way of isolation needs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.errors import BuildError, DockerException, ImageNotFound

from sandbox.canonical import digest_of
from sandbox.errors import StartupRefusal
from sandbox.hub.programs import run
from sandbox.hub.wheels import download_wheels
from sandbox.settings import Settings

SUITE = "bookworm"
BASE_PACKAGES = ("python3", "python3-venv")
CONTEXT = Path(__file__).resolve().parents[2] / "images" / "notebook"
PACKAGE = Path(__file__).resolve().parents[1]
CLIENT_FILES = ("__init__.py", "py.typed", "errors.py", "canonical.py")
"""Beside ``client/``, all of the sandbox's own code that a notebook gets."""
UNWANTED = ("rfc3987-syntax", "lark")
"""Compiles 35 grammars at import for a format nobody checks: half of the time a server needs to start."""
TAG_DIGITS = 16

Say = Callable[[str], None]


def docker_client() -> docker.DockerClient | None:
    """Return a client of the Docker daemon, or None where none answers."""
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except DockerException:
        return None
    return client


def isolation(settings: Settings) -> str:
    """Return how notebooks are isolated: as set, or by Docker where a daemon answers."""
    if settings.isolation != "auto":
        return settings.isolation
    return "bubblewrap" if docker_client() is None else "docker"


def prepare(settings: Settings, *, say: Say = print) -> None:
    """Make what the chosen way of isolation needs; what is there is left alone.

    Raises:
        StartupRefusal: a step failed.
    """
    if isolation(settings) == "docker":
        make_docker(say)
    else:
        make_embedded(settings, say)


def notebook_image() -> str:
    """Return the name and tag of the notebook image that belongs to the present files."""
    return f"sandbox-notebook:{_tag(_base_inputs(), *_files(CONTEXT), *_client_files())}"


def make_docker(say: Say = print) -> str:
    """Make base and notebook image where they are missing; return the notebook image's name.

    Raises:
        StartupRefusal: no daemon answers, or a step of the build failed.
    """
    client = docker_client()
    if client is None:
        raise StartupRefusal("No Docker daemon answers; start one, or choose SANDBOX_ISOLATION=bubblewrap.")
    name = notebook_image()
    if _present(client, name):
        say(f"The notebook image {name} is there.")
        return name
    base = _make_base(client, say)
    with tempfile.TemporaryDirectory(prefix="sandbox-image-") as folder:
        context = Path(folder)
        shutil.copytree(CONTEXT, context, dirs_exist_ok=True)
        copy_client(context / "client")
        version = client.containers.run(base, ["python3", "-V"], remove=True, network_mode="none")
        wheels = download_wheels(CONTEXT, python_version=version.decode().split()[1], say=say)
        shutil.copytree(wheels, context / "wheelhouse")
        say(f"Building {name}, without a network ...")
        _build(client, context, name, base)
    say(f"The notebook image {name} is ready.")
    return name


def make_embedded(settings: Settings, say: Say = print) -> Path:
    """Make the notebook's virtual environment under ``settings.home``; return its directory.

    Raises:
        StartupRefusal: a step failed.
    """
    environment = settings.home.resolve() / "notebook-env"
    client = settings.home.resolve() / "notebook-client"
    python = _embedded_python()
    marker = environment / ".made-of"
    wanted = _tag(python, *_files(CONTEXT, "*.txt"))
    if not marker.exists() or marker.read_text() != wanted:
        say("Making the notebook's environment; this takes a minute the first time ...")
        shutil.rmtree(environment, ignore_errors=True)
        run([python, "-m", "venv", str(environment)])
        inside = str(environment / "bin" / "python")
        requirements = ["-r", str(CONTEXT / "requirements.txt"), "-c", str(CONTEXT / "constraints.txt")]
        run([inside, "-m", "pip", "install", "--quiet", *requirements])
        run([inside, "-m", "pip", "uninstall", "--quiet", "--yes", *UNWANTED])
        purelib = run([inside, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
        (Path(purelib) / "sandbox-client.pth").write_text("/opt/sandbox-client\n")
        run([inside, "-m", "compileall", "-q", str(environment / "lib")])
        marker.write_text(wanted)
    shutil.copytree(CONTEXT / "jupyter", environment / "etc" / "jupyter", dirs_exist_ok=True)
    shutil.rmtree(client, ignore_errors=True)
    copy_client(client)
    say(f"The notebook's environment is ready in {environment}.")
    return environment


def copy_client(target: Path) -> None:
    """Copy what a notebook may have of the sandbox's own code into ``target``."""
    for source in _client_files():
        copy = target / "sandbox" / source.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def _make_base(client: docker.DockerClient, say: Say) -> str:
    name = f"sandbox-base:{_tag(_base_inputs())}"
    if _present(client, name):
        return name
    if shutil.which("mmdebstrap") is None:
        raise StartupRefusal("The base image needs mmdebstrap; install Debian's package of that name.")
    say(f"Making {name} from Debian's packages ...")
    with tempfile.TemporaryDirectory(prefix="sandbox-base-") as folder:
        archive = Path(folder) / "base.tar"
        forget_sources = 'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d'
        include = "--include=" + ",".join(BASE_PACKAGES)
        hook = f"--customize-hook={forget_sources}"
        run(["mmdebstrap", "--quiet", "--variant=minbase", include, hook, SUITE, str(archive)])
        repository, tag = name.split(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return name


def _build(client: docker.DockerClient, context: Path, name: str, base: str) -> None:
    with _docker_words():
        client.images.build(
            path=str(context),
            tag=name,
            buildargs={"BASE_IMAGE": base},
            network_mode="none",
            rm=True,
            forcerm=True,
        )


@contextmanager
def _docker_words() -> Iterator[None]:
    try:
        yield
    except BuildError as error:
        parts: list[Any] = list(error.build_log)  # dicts; the stubs say less
        lines = [str(part.get("stream", "")).strip() for part in parts]
        last = " ".join([line for line in lines if line][-3:])
        raise StartupRefusal(f"The notebook image could not be built: {error.msg} {last}") from error
    except DockerException as error:
        raise StartupRefusal(f"Docker refused to build the notebook image: {error}") from error


def _present(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _embedded_python() -> str:
    """Debian's own Python where it can make environments, because every uid can reach it."""
    system = "/usr/bin/python3"
    try:
        run([system, "-c", "import ensurepip, sys; assert sys.version_info >= (3, 11)"])
    except StartupRefusal:
        return sys.executable
    return system


def _client_files() -> list[Path]:
    return [PACKAGE / name for name in CLIENT_FILES] + _files(PACKAGE / "client")


def _base_inputs() -> str:
    return f"{SUITE} {' '.join(BASE_PACKAGES)}"


def _files(folder: Path, pattern: str = "*") -> list[Path]:
    found = (path for path in sorted(folder.rglob(pattern)) if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts]


def _tag(*inputs: str | Path) -> str:
    parts = [part if isinstance(part, str) else f"{part.name} {part.read_text()}" for part in inputs]
    return digest_of(parts).removeprefix("sha256:")[:TAG_DIGITS]


def main(arguments: list[str]) -> int:
    """Make what one way of isolation needs; print what happens."""
    try:
        match arguments:
            case ["docker"]:
                make_docker()
            case ["embedded"]:
                make_embedded(Settings.from_environment())
            case _:
                print("usage: python -m sandbox.hub.images docker|embedded")  # noqa: T201  # a command's own output
                return 2
    except StartupRefusal as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201  # a command's own output
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

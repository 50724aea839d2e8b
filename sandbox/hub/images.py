"""How images are made, without a registry of images and without a network inside.

Each image (:mod:`sandbox.hub.recipes`) is made in three steps, and not at all where its inputs have not
changed:

- the base: Debian's packages by mmdebstrap, or an image of a registry that is named by its digest;
- the image, from the base and a folder of wheels; the build has no network, so no host name,
  certificate or proxy of the building machine gets inside;
- its bill of materials, asked of the image and put into it, its digest in a label.

``python -m sandbox.hub.images docker`` or ``... embedded`` makes what a notebook needs.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import BuildError, DockerException, ImageNotFound

from sandbox.canonical import digest
from sandbox.errors import StartupRefusal
from sandbox.hub.embedded import make_embedded
from sandbox.hub.inventory import LABEL, PLACE, bill_of
from sandbox.hub.programs import run
from sandbox.hub.recipes import SUITE, Recipe, recipe, tag_of
from sandbox.hub.wheels import download_wheels
from sandbox.settings import Settings

STAGE_LABEL = "org.publicdatasandbox.stage"
"""Says of which image a build stage was; stages have no name."""
BASE_LABEL = "org.publicdatasandbox.base"
PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")

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
    kind = isolation(settings)
    if kind == "docker":
        make_docker(say)
    elif kind == "bubblewrap":
        make_embedded(settings, say)


def notebook_image() -> str:
    """Return the name and tag of the notebook image that belongs to the present files."""
    return recipe("notebook").image


def make_docker(say: Say = print) -> str:
    """Make base and notebook image where they are missing; return the notebook image's name.

    Raises:
        StartupRefusal: no daemon answers, or a step of the build failed.
    """
    return make_image("notebook", say=say)


def make_image(name: str, *, base: str = "", anew: bool = False, say: Say = print) -> str:
    """Make one image where it is missing; return its name and tag.

    Args:
        name: which one.
        base: image of a registry to build on, ``name@sha256:...``; empty to make one from Debian's packages.
        anew: build it also where it is there, without what Docker kept of earlier builds.
        say: told what is going on.

    Raises:
        StartupRefusal: no daemon answers, the base is not named by its digest, or a step failed.
    """
    if base and PINNED.fullmatch(base) is None:
        raise StartupRefusal(f"Name the base {base} by its digest, NAME@sha256:...; a tag may move.")
    client = docker_client()
    if client is None:
        raise StartupRefusal("No Docker daemon answers; start one, or choose SANDBOX_ISOLATION=bubblewrap.")
    wanted = recipe(name)
    if not anew and _present(client, wanted.image):
        say(f"The image {wanted.image} is there.")
        return wanted.image
    base = base or _make_base(client, wanted, say)
    with tempfile.TemporaryDirectory(prefix="sandbox-image-") as folder, _docker_words(wanted.image):
        context = Path(folder)
        wanted.lay_out(context)
        if wanted.requirements:
            version = client.containers.run(base, ["python3", "-V"], remove=True, network_mode="none")
            wheels = download_wheels(context, python_version=version.decode().split()[1], say=say)
            shutil.copytree(wheels, context / "wheelhouse")
        say(f"Building {wanted.image}, without a network ...")
        _build(client, context, wanted, base, anew=anew)
    _drop_stages(client, name)
    say(f"The image {wanted.image} is ready.")
    return wanted.image


def bill_in(name: str) -> bytes:
    """Return the bill of materials that the present image ``name`` carries, checked against its label.

    Raises:
        StartupRefusal: the image is not there, or its bill is not the one it was made with.
    """
    client, image = docker_client(), recipe(name).image
    if client is None or not _present(client, image):
        raise StartupRefusal(f"The image {image} is not here; `sandbox image build {name}` makes it.")
    with _docker_words(image):
        content: bytes = client.containers.run(
            image, ["/bin/cat", PLACE], remove=True, network_mode="none", read_only=True, cap_drop=["ALL"]
        )
        if client.images.get(image).labels.get(LABEL) != digest(content):
            raise StartupRefusal(f"The bill of materials in {image} is not the one it was made with.")
    return content


def _make_base(client: docker.DockerClient, wanted: Recipe, say: Say) -> str:
    name = f"sandbox-base:{tag_of(wanted.base)}"
    if _present(client, name):
        return name
    if shutil.which("mmdebstrap") is None:
        raise StartupRefusal("The base image needs mmdebstrap; install Debian's package of that name.")
    say(f"Making {name} from Debian's packages ...")
    with tempfile.TemporaryDirectory(prefix="sandbox-base-") as folder:
        archive = Path(folder) / "base.tar"
        forget_sources = 'rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d'
        include = "--include=" + ",".join(wanted.packages)
        hook = f"--customize-hook={forget_sources}"
        run(["mmdebstrap", "--quiet", "--variant=minbase", include, hook, SUITE, str(archive)])
        repository, tag = name.split(":")
        client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return name


def _build(client: docker.DockerClient, context: Path, wanted: Recipe, base: str, *, anew: bool) -> None:
    """Build, list what came out, and give the name only to what carries its list."""
    built, _ = client.images.build(
        path=str(context),
        buildargs={"BASE_IMAGE": base},
        network_mode="none",
        nocache=anew,
        rm=True,
        forcerm=True,
        labels={BASE_LABEL: base},
    )
    name, tag = wanted.image.split(":")
    bill = bill_of(client, str(built.id), name=name, version=tag)
    with tempfile.TemporaryDirectory(prefix="sandbox-bill-") as folder:
        (Path(folder) / "bill").write_bytes(bill)
        (Path(folder) / "bill").chmod(0o644)
        (Path(folder) / "Dockerfile").write_text(f"FROM {built.id}\nCOPY bill {PLACE}\n")
        client.images.build(
            path=folder, tag=wanted.image, network_mode="none", rm=True, labels={LABEL: digest(bill)}
        )


def _drop_stages(client: docker.DockerClient, name: str) -> None:
    """Remove the stages that earlier builds of this image left; the newest is the next build's cache."""
    stages = client.images.list(filters={"dangling": True, "label": f"{STAGE_LABEL}={name}"})
    for stage in sorted(stages, key=lambda image: str(image.attrs["Created"]))[:-1]:
        with suppress(DockerException):  # of a build that runs at this moment
            client.images.remove(str(stage.id))


@contextmanager
def _docker_words(name: str) -> Iterator[None]:
    try:
        yield
    except BuildError as error:
        parts: list[Any] = list(error.build_log)  # dicts; the stubs say less
        lines = [str(part.get("stream", "")).strip() for part in parts]
        last = " ".join([line for line in lines if line][-3:])
        raise StartupRefusal(f"{name} could not be built: {error.msg} {last}") from error
    except DockerException as error:
        raise StartupRefusal(f"Docker refused what {name} needs: {error}") from error


def _present(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


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

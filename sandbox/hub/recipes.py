"""What each image is made of: Debian's packages below, wheels, and files of ours.

A recipe's tag is the digest of exactly that, so the same files give the same name on every machine, and
an image that was made of other files is never taken for it.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.canonical import digest_of
from sandbox.errors import StartupRefusal

SUITE = "bookworm"
PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
IMAGES = ROOT / "images"
CONTEXT = IMAGES / "notebook"
"""What the notebook's image and environment are made of, and the list of its system calls."""
CLIENT_FILES = ("__init__.py", "py.typed", "errors.py", "canonical.py")
"""Beside ``client/``, all of the sandbox's own code that a notebook gets."""
SCREENING_FILES = (
    "__init__.py",
    "canonical.py",
    "review/__init__.py",
    "review/finding.py",
    "review/forms.py",
    "review/numbers.py",
    *(f"review/screen/{name}.py" for name in ("__init__", "canonical", "decode", "names", "note", "table")),
    *(f"review/screen/{name}.py" for name in ("flattened", "parts", "picture", "pieces", "records", "rows")),
    "review/screen/workbook.py",
    "review/screen/worker.py",
)
"""Beside ``review/disclosure/``, all that reads a submitted file."""
PYTHON = ("python3", "python3-venv")
TAG_DIGITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One image."""

    name: str
    """The image is ``sandbox-NAME``, its Dockerfile in ``images/NAME``."""
    packages: tuple[str, ...]
    """Debian's packages of the base."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """What the build context holds beside the Dockerfile's directory: name there, place here."""
    requirements: str = ""
    """What pip is asked for; empty where the image has no wheels."""
    constraints: str = ""

    @property
    def context(self) -> Path:
        """Directory of the Dockerfile."""
        return IMAGES / self.name

    @property
    def image(self) -> str:
        """Name and tag."""
        texts = [f"{path.name} {path.read_text()}" for path in files_below(self.context)]
        texts += [f"{path.name} {path.read_text()}" for path in self.files.values()]
        return f"sandbox-{self.name}:{tag_of(self.base, *texts, self.requirements, self.constraints)}"

    @property
    def base(self) -> str:
        """Suite and packages of the base, in words."""
        return f"{SUITE} {' '.join(self.packages)}"

    def lay_out(self, context: Path) -> None:
        """Copy everything the build needs, except the wheels, into ``context``."""
        shutil.copytree(self.context, context, dirs_exist_ok=True)
        for name, source in self.files.items():
            target = context / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        if self.requirements:
            (context / "requirements.txt").write_text(self.requirements)
            (context / "constraints.txt").write_text(self.constraints)


def recipe(name: str) -> Recipe:
    """Return the recipe of an image.

    Raises:
        StartupRefusal: there is none of this name, or its files are not on this machine.
    """
    try:
        return {"notebook": _notebook, "gateway": _gateway, "screening": _screening, "postgres": _postgres}[
            name
        ]()
    except KeyError:
        raise StartupRefusal(f"There is no image {name!r}; there are {', '.join(NAMES)}.") from None
    except OSError as error:
        raise StartupRefusal(f"The files of image {name} are not here: {error.filename}.") from error


NAMES = ("notebook", "gateway", "screening", "postgres")


def client_files() -> dict[str, Path]:
    """Return what a notebook may have of the sandbox's own code, by its place below ``sandbox``."""
    found = [PACKAGE / name for name in CLIENT_FILES] + files_below(PACKAGE / "client")
    return {f"sandbox/{path.relative_to(PACKAGE)}": path for path in found}


def files_below(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the files below ``folder`` in a fixed order, without what Python left there."""
    found = (path for path in sorted(folder.rglob(pattern)) if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts]


def tag_of(*inputs: str) -> str:
    """Return the tag that belongs to these inputs."""
    return digest_of(list(inputs)).removeprefix("sha256:")[:TAG_DIGITS]


def _notebook() -> Recipe:
    return Recipe(
        name="notebook",
        packages=(*PYTHON, "fonts-droid-fallback"),  # Apache-2.0, 4 MB: Chinese labels in figures
        files={f"client/{name}": path for name, path in client_files().items()},
        requirements=(CONTEXT / "requirements.txt").read_text(),
        constraints=(CONTEXT / "constraints.txt").read_text(),
    )


def _gateway() -> Recipe:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # One image wherever the parts run, so also what the hub needs where notebooks are pods.
    wanted = [*project["dependencies"], *project["optional-dependencies"]["kubernetes"]]
    # Of the images that the starter runs it must know the tags, and so what they are made of.
    inside = [*files_below(CONTEXT), *files_below(IMAGES / "screening"), ROOT / "constraints.txt"]
    code = [*files_below(PACKAGE), *inside, ROOT / "jupyterhub_config.py"]
    return Recipe(
        name="gateway",
        packages=PYTHON,
        files={f"code/{path.relative_to(ROOT)}": path for path in code},
        requirements="\n".join(sorted(wanted)) + "\n",
        constraints=(ROOT / "constraints.txt").read_text(),
    )


def _screening() -> Recipe:
    code = [PACKAGE / name for name in SCREENING_FILES] + files_below(PACKAGE / "review" / "disclosure")
    return Recipe(
        name="screening",
        packages=("python3",),
        files={f"code/sandbox/{path.relative_to(PACKAGE)}": path for path in code},
        requirements=(IMAGES / "screening" / "requirements.txt").read_text(),
        constraints=(ROOT / "constraints.txt").read_text(),
    )


def _postgres() -> Recipe:
    return Recipe(name="postgres", packages=("postgresql",))

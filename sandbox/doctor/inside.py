"""What can be found and reached from inside a notebook.

Run there by the notebook's own Python, so it imports nothing but the standard library and is handed over
as text. No probe sends a packet beyond the machine: whether there is a way to an outside address is told by
the kernel when a datagram socket is connected, which sends nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import socket
import uuid
from pathlib import Path
from typing import Any

Targets = dict[str, Any]
PATIENCE = 2.0
SYSTEM_CALLS = {"keyctl": 250, "request_key": 249, "userfaultfd": 323, "pidfd_getfd": 438, "unshare": 272}
"""Of x86_64; each is refused by the list of system calls and, without arguments, by nothing else."""
PERMISSION = 1  # EPERM
LIMIT_FILES = {
    "memory": ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    "processes": ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"),
}


def interfaces(_: Targets) -> list[str]:
    """Network interfaces but one's own loopback."""
    return [name for _, name in socket.if_nameindex() if name != "lo"]


def tcp(targets: Targets) -> list[list[Any]]:
    """Addresses of this machine that accept a connection."""
    return [address for address in targets["tcp"] if _reached(socket.AF_INET, tuple(address))]


def routes(targets: Targets) -> list[str]:
    """Outside addresses to which the kernel knows a way; no packet is sent."""
    found: list[str] = []
    for address in targets["routes"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, 53))
            except OSError:
                continue
            found.append(address)
    return found


def names(targets: Targets) -> list[str]:
    """Names that resolve; not tried where a query could leave the machine, for that is found already."""
    found: list[str] = []
    for name in [] if routes(targets) else targets["names"]:
        try:
            socket.getaddrinfo(name, 443)
        except OSError:
            continue
        found.append(name)
    return found


def families(_: Targets) -> list[int]:
    """Families of sockets that can be made."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET)
    return [family for family in range(46) if any(_opens(family, kind) for kind in kinds)]


def abstract(targets: Targets) -> list[str]:
    """Sockets without a file, seen or reached."""
    listed = [line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if " @" in line]
    wanted = targets["abstract"]
    seen = [name for name in listed if name[1:] in wanted]
    return seen + [name for name in wanted if _reached(socket.AF_UNIX, "\0" + name)]


def sockets(targets: Targets) -> list[str]:
    """Sockets of other processes that accept a connection."""
    return [path for path in targets["sockets"] if _reached(socket.AF_UNIX, path)]


def files(targets: Targets) -> list[str]:
    """Files and directories that are there."""
    return [path for path in targets["files"] if os.path.lexists(path)]


def processes(targets: Targets) -> list[str]:
    """Processes of the sandbox or of the machine, and any of a user who is not named, where one is."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        try:
            words, owner = (entry / "cmdline").read_bytes(), entry.stat().st_uid
        except OSError:
            continue
        if any(name.encode() in words for name in targets["abstract"]):
            continue  # started with these very words, which hold the marks
        foreign = bool(targets["owners"]) and owner not in targets["owners"]
        if foreign or any(mark.encode() in words for mark in targets["processes"]):
            found.append(entry.name)
    return found


def shared(targets: Targets) -> list[str]:
    """Memory that other processes share."""
    segment = ctypes.CDLL(None).shmget(targets["key"], 0, 0) if targets["key"] else -1
    named = [name for name in os.listdir("/dev/shm") if name in targets["shared"]]  # noqa: PTH208, S108  # names, of the place that is probed
    return named + (["segment"] if segment >= 0 else [])


def status(_: Targets) -> dict[str, str]:
    """What the kernel says of this process's rights."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    wanted = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid")
    return {name: lines.get(name, "").strip() for name in wanted}


def calls(_: Targets) -> list[str]:
    """System calls that are not refused; none is tried on a machine whose numbers are others."""
    if platform.machine() != "x86_64":
        return []
    libc = ctypes.CDLL(None, use_errno=True)
    found: list[str] = []
    for name, number in SYSTEM_CALLS.items():
        ctypes.set_errno(0)
        libc.syscall(number, 0, 0, 0, 0, 0, 0)
        if ctypes.get_errno() != PERMISSION:
            found.append(name)
    return found


def writable(targets: Targets) -> list[str]:
    """Directories in which a file could be made that must not be; the file is removed at once."""
    found: list[str] = []
    for directory in targets["closed"]:
        path = Path(directory, f".{uuid.uuid4().hex}")
        try:
            path.touch()
        except OSError:
            continue
        path.unlink()
        found.append(directory)
    return found


def mounts(_: Targets) -> list[list[str]]:
    """Each mount: where, ``ro`` or ``rw``, and ``open`` if this process may write there, else ``closed``."""
    found: list[list[str]] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, options = line.split()[4:6]
        found.append([place, options.split(",")[0], "open" if os.access(place, os.W_OK) else "closed"])
    return found


def limits(_: Targets) -> dict[str, int]:
    """Limits of memory, processes and open files; -1 for none."""
    found = {name: _limit(paths) for name, paths in LIMIT_FILES.items()}
    kinds = {
        "data": resource.RLIMIT_DATA,
        "own_processes": resource.RLIMIT_NPROC,
        "open_files": resource.RLIMIT_NOFILE,
        "core": resource.RLIMIT_CORE,
    }
    return {**found, **{name: resource.getrlimit(kind)[1] for name, kind in kinds.items()}}


def room(targets: Targets) -> dict[str, list[int]]:
    """Bytes and files that fit into each directory that can be written."""
    found: dict[str, list[int]] = {}
    for directory in targets["open"]:
        about = os.statvfs(directory)
        found[directory] = [about.f_frsize * about.f_blocks, about.f_files]
    return found


def namespaces(_: Targets) -> dict[str, str]:
    """The namespaces this process is in."""
    return {
        name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in ("net", "pid", "ipc", "uts", "mnt")
    }


def _reached(family: int, address: Any) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def _opens(family: int, kind: int) -> bool:
    try:
        socket.socket(family, kind).close()
    except OSError:
        return False
    return True


def _limit(paths: tuple[str, ...]) -> int:
    for path in paths:
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        # the older kind of control groups spells "none" as the largest number of whole pages
        return int(text) if text.isdigit() and int(text) < 2**62 else -1
    return -1


PROBES = (
    interfaces, tcp, routes, names, families, abstract, sockets, files, processes,
    shared, status, calls, writable, mounts, limits, room, namespaces,
)  # fmt: skip


def look(targets: Targets) -> dict[str, Any]:
    """Run every probe."""
    return {probe.__name__: probe(targets) for probe in PROBES}

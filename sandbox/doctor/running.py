"""What is promised of the notebooks that run at this moment, read from the kernel's own words on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sandbox.doctor.check import Check, Outcome, fails, holds
from sandbox.doctor.inside import namespaces
from sandbox.doctor.subject import Subject, Unchecked
from sandbox.hub import containers
from sandbox.settings import Settings

_FILTER = "2"
_HUB = b"jupyterhub_config.py"


def _notebooks(subject: Subject) -> Outcome:
    subject.must_run()
    roots = dict(_containers(subject) if subject.isolation == "docker" else _cages(subject))
    if not roots:
        raise Unchecked("No notebook runs now.")
    filtered = subject.settings.runtime == "runc"
    members = _members()
    weak: dict[str, set[str]] = {}
    for name, pid in roots.items():
        processes = members.get(_namespace(pid, "pid"), [pid]) if filtered else [pid]
        found = {what for one in processes for what in weaknesses(one, filtered=filtered)}
        if found:
            weak[name] = found
    if weak:
        told = "; ".join(f"{name}: {', '.join(sorted(found))}" for name, found in sorted(weak.items()))
        return fails(f"{told}.", remedy="Stop these notebooks at once, and see how they were started.")
    return holds(f"{len(roots)} run, each without a network, capabilities and unfiltered system calls.")


def weaknesses(pid: int, *, filtered: bool = True) -> Iterator[str]:
    """Yield what process ``pid`` has that a notebook must not have; nothing where it has ended meanwhile."""
    try:
        lines = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        shared = [name for name, own in namespaces({}).items() if own == _namespace(pid, name)]
        interfaces = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    except OSError:
        return
    if shared:
        yield f"namespaces of the machine ({', '.join(shared)})"
    names = {line.partition(":")[0].strip() for line in interfaces}
    if names - {"lo"}:
        yield f"network interfaces ({', '.join(sorted(names - {'lo'}))})"
    if filtered and lines["Seccomp"].strip() != _FILTER:
        yield "no filter of system calls"
    if lines["NoNewPrivs"].strip() != "1":
        yield "no no_new_privs"
    if int(lines["CapEff"], 16) or int(lines["CapPrm"], 16):
        yield "capabilities"
    if lines["Uid"].split()[0] == "0":
        yield "root as its user"


def _containers(subject: Subject) -> Iterator[tuple[str, int]]:
    for container in containers.running(subject.settings):
        yield container.name, container.pid


def _cages(subject: Subject) -> Iterator[tuple[str, int]]:
    """Yield the notebooks in namespaces: below the hub, each a process of bwrap's with one child."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    hubs: list[int] = []
    for pid in _processes():
        try:
            children[_parent(pid)].append(pid)
            if _is_hub(pid, subject.settings):
                hubs.append(pid)
        except OSError:
            continue  # it has ended
    for hub in hubs:
        for outer in children[hub]:
            if _name(outer) == "bwrap":
                yield from ((f"process {inner}", inner) for inner in children[outer])


def _is_hub(pid: int, settings: Settings) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes()
    if _HUB not in words:
        return False
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return f"SANDBOX_HOME={settings.home.resolve()}".encode() in environment


def _parent(pid: int) -> int:
    # The name may hold anything, brackets too; what follows its last bracket is plain.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _namespace(pid: int, name: str) -> str:
    return str(Path(f"/proc/{pid}/ns/{name}").readlink())


def _members() -> Mapping[str, list[int]]:
    """Return the processes in each namespace of processes."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for pid in _processes():
        with suppress(OSError):
            found[_namespace(pid, "pid")].append(pid)
    return found


CHECKS = (
    Check(
        name="running-notebooks",
        promise="Every notebook that runs now has no network, no capability and filtered system calls.",
        how="The kernel is asked about each process of each notebook, from outside.",
        test=_notebooks,
    ),
)

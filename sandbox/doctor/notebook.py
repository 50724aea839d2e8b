"""What a notebook is promised not to find: looked for from inside one that nobody owns."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.doctor.check import Check, Outcome, fails, holds, unknown
from sandbox.doctor.inside import namespaces
from sandbox.doctor.subject import OPEN, Subject
from sandbox.hub.spawner import INSIDE_HOME, INSIDE_IN, MIB, OPEN_FILES

FAMILIES = {int(socket.AF_UNIX), int(socket.AF_INET), int(socket.AF_NETLINK)}
FORBIDDEN_FAMILIES = {int(socket.AF_VSOCK): "AF_VSOCK", int(socket.AF_PACKET): "AF_PACKET"}
RIGHTS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
WRITTEN_BY_THE_KERNEL = ("/proc", "/dev")
"""What lies there is made for each notebook, and is no disk."""
FILTER = "2"
"""SECCOMP_MODE_FILTER of seccomp(2)."""
ROOM_OF_SOCKETS = 64 * 1024
_BY = "A throw-away notebook without a person, made as everybody's, "
_SEE = "Start notebooks by this program only, then see docs/isolation.md."


def _nothing(*probes: str, none: str, some: str) -> Callable[[Subject], Outcome]:
    """Return a test that the probes of these names found nothing."""

    def test(subject: Subject) -> Outcome:
        found = [str(one) for probe in probes for one in subject.look[probe]]
        if found:
            return fails(f"{some}: {', '.join(found)}.", remedy=_SEE)
        return holds(none)

    return test


def _start(subject: Subject) -> Outcome:
    subject.must_start()
    return holds(f"It started, isolated by {subject.isolation}, and looked around.")


def _network(subject: Subject) -> Outcome:
    look = subject.look
    if look["interfaces"]:
        return fails(f"There are interfaces: {', '.join(look['interfaces'])}.", remedy=_SEE)
    if look["namespaces"]["net"] == namespaces({})["net"]:
        return fails("The notebook is in the machine's own network.", remedy=_SEE)
    return holds("There is no interface but the notebook's own loopback.")


def _families(subject: Subject) -> Outcome:
    found = set(subject.look["families"])
    forbidden = [name for number, name in FORBIDDEN_FAMILIES.items() if number in found]
    if forbidden:
        return fails(f"Sockets can be made of {', '.join(forbidden)}.", remedy=_SEE)
    if subject.settings.runtime == "runc" and not found <= FAMILIES:
        return fails(f"Sockets can be made of the families {sorted(found - FAMILIES)}.", remedy=_SEE)
    return holds("AF_VSOCK and packets are refused.")


def _rights(subject: Subject) -> Outcome:
    status = subject.look["status"]
    held = [f"{name} {status[name]}" for name in RIGHTS if int(status[name] or "0", 16)]
    if held:
        return fails(f"Capabilities are left: {', '.join(held)}.", remedy=_SEE)
    if status["NoNewPrivs"] != "1":
        return fails("no_new_privs is not set.", remedy=_SEE)
    uids = set(status["Uid"].split())
    if uids != {str(subject.throwaway.uid)}:
        return fails(f"The notebook runs as uid {', '.join(sorted(uids))}.", remedy=_SEE)
    if not subject.root:
        return unknown("No capability, no_new_privs; not started by root, all notebooks share one uid.")
    return holds(f"No capability, no_new_privs, uid {subject.throwaway.uid}.")


def _calls(subject: Subject) -> Outcome:
    if subject.settings.runtime == "runsc":
        return unknown("gVisor's own kernel serves the calls and has no such filter.")
    look = subject.look
    if look["status"]["Seccomp"] != FILTER:
        return fails("No filter of system calls is in force.", remedy=_SEE)
    if look["calls"]:
        return fails(f"The filter lets pass: {', '.join(look['calls'])}.", remedy=_SEE)
    return holds("The filter is in force and refuses what it must.")


def _read_only(subject: Subject) -> Outcome:
    look = subject.look
    wrong = [*look["writable"], *_open_mounts(look["mounts"])]
    if wrong:
        return fails(f"Can be written: {', '.join(sorted(set(wrong)))}.", remedy=_SEE)
    return holds(f"Only {', '.join(OPEN)} and memory under /dev can be written.")


def _open_mounts(mounts: list[list[str]]) -> Iterator[str]:
    for place, mode, rights in mounts:
        path = Path(place)
        ours = any(path.is_relative_to(known) for known in (*OPEN, *WRITTEN_BY_THE_KERNEL))
        # Below /sys Docker leaves the mount itself open, and the kernel decides by uid.
        refused = path.is_relative_to("/sys") and rights == "closed"
        if mode == "rw" and not (ours or refused):
            yield place


def _processes(subject: Subject) -> Outcome:
    look = subject.look
    if look["processes"]:
        return fails(f"Processes of others are seen: {', '.join(look['processes'])}.", remedy=_SEE)
    outside = namespaces({})
    common = [name for name in ("pid", "ipc", "uts", "mnt") if look["namespaces"][name] == outside[name]]
    if common:
        return fails(f"Namespaces of the machine are shared: {', '.join(common)}.", remedy=_SEE)
    return holds("It sees its own processes, memory and mounts, and no others.")


def _limits(subject: Subject) -> Outcome:
    found, size = subject.look["limits"], subject.throwaway.size
    memory = size.memory_mib * MIB
    if subject.isolation == "docker":
        wanted = {"memory": memory, "processes": size.processes}
        if subject.settings.runtime == "runsc":
            return unknown("gVisor does not show a notebook the limits it is held to.")
    else:
        wanted = {"data": memory} | ({"own_processes": size.processes} if subject.root else {})
    wanted |= {"open_files": OPEN_FILES, "core": 0}
    wrong = [name for name, most in wanted.items() if not 0 <= found[name] <= most]
    if wrong:
        return fails(f"No limit, or a larger one than the policy's, of: {', '.join(wrong)}.", remedy=_SEE)
    told = ", ".join(f"{name} {found[name]}" for name in wanted)
    if subject.isolation == "bubblewrap" and not subject.root:
        return unknown(f"Held: {told}; processes are counted only where root starts the sandbox.")
    return holds(f"Held to the policy: {told}.")


def _room(subject: Subject) -> Outcome:
    policy, room = subject.notebooks, subject.look["room"]
    subject.must_be_root()
    if not policy.home_mib:
        return fails(
            "home_mib is 0: what a person keeps has no limit but the disk.",
            remedy="Write a limit into notebooks.toml.",
        )
    space, files = room[INSIDE_HOME]
    if space > policy.home_mib * MIB:
        return fails(
            f"A new home has room for {space // MIB} MiB, the policy says {policy.home_mib}.", remedy=_SEE
        )
    if not 0 < room[INSIDE_IN][0] <= ROOM_OF_SOCKETS:
        return fails("The directory of the notebook's socket has no limit.", remedy=_SEE)
    return holds(f"A home ends at {space // MIB} MiB and {files} files, the socket's directory at 64 KiB.")


def _ways_in(subject: Subject) -> Outcome:
    return _nothing(
        "tcp",
        none="No port of hub, proxy and console answers, nor one opened for this test.",
        some="Ports of this machine answer",
    )(subject)


CHECKS = (
    Check(
        name="notebook-start",
        promise="A notebook can be started, isolated in the way that is set.",
        how=_BY + "is started and looks around.",
        test=_start,
    ),
    Check(
        name="notebook-interfaces",
        promise="A notebook has no network interface but its own loopback.",
        how=_BY + "lists its interfaces; its network is compared with the machine's.",
        test=_network,
    ),
    Check(
        name="notebook-ports",
        promise="A notebook reaches no port of hub, proxy, console or the machine.",
        how=_BY + "connects to each, and to a port opened for this test.",
        test=_ways_in,
    ),
    Check(
        name="notebook-routes",
        promise="A notebook has no way to any address, the metadata address of clouds among them.",
        how=_BY + "asks its kernel for a way; no packet is sent.",
        test=_nothing("routes", none="The kernel knows no way out.", some="There is a way to"),
    ),
    Check(
        name="notebook-names",
        promise="A notebook resolves no name, so nothing can be told by asking for one.",
        how=_BY + "resolves names and asks for a way to resolvers.",
        test=_nothing("names", "routes", none="No name is resolved.", some="Resolved or within reach"),
    ),
    Check(
        name="notebook-families",
        promise="A notebook cannot open sockets to the virtual machine's host (AF_VSOCK), nor raw ones.",
        how=_BY + "tries every family of sockets.",
        test=_families,
    ),
    Check(
        name="notebook-sockets",
        promise="A notebook reaches no socket of Docker, of the sandbox's parts, or of the machine.",
        how=_BY + "connects to each by its path, and to one without a file opened for this test.",
        test=_nothing("sockets", "abstract", none="None is reached.", some="Reached"),
    ),
    Check(
        name="notebook-rights",
        promise="A notebook has no capability, can gain none, and runs under a uid of its own.",
        how=_BY + "reads its own status in /proc.",
        test=_rights,
    ),
    Check(
        name="notebook-calls",
        promise="A notebook's system calls are filtered by one list.",
        how=_BY + "reads its own status and makes calls that the list refuses.",
        test=_calls,
    ),
    Check(
        name="notebook-read-only",
        promise="Nothing can be written in a notebook but its home, /tmp and its socket's directory.",
        how=_BY + "tries to make files, and lists its mounts.",
        test=_read_only,
    ),
    Check(
        name="notebook-files",
        promise="Raw tables, keys, the state and other people's files are not there in a notebook.",
        how=_BY + "looks for them by their paths.",
        test=_nothing("files", none="None of them is there.", some="There are"),
    ),
    Check(
        name="notebook-processes",
        promise="A notebook sees no process of anybody else.",
        how=_BY + "lists /proc; its namespaces are compared with the machine's.",
        test=_processes,
    ),
    Check(
        name="notebook-limits",
        promise="A notebook is held to the memory, processes and open files of its size.",
        how=_BY + "reads the limits it is held to.",
        test=_limits,
    ),
    Check(
        name="notebook-room",
        promise="What a notebook writes ends at its limit, not at the machine's.",
        how=_BY + "is given a new home, and asks how much fits.",
        test=_room,
    ),
)

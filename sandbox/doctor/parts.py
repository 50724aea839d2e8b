"""What is promised of the parts that run: they answer, each as its own user, and only to this machine."""

from __future__ import annotations

import ipaddress
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sandbox.doctor.check import Check, Outcome, fails, holds, unknown
from sandbox.doctor.subject import Subject, Unchecked
from sandbox.door.sockets import peer_uid
from sandbox.governance import accounts
from sandbox.hub.roles import ANALYSTS, load_roles
from sandbox.policy.roles import forbidden_together

PATIENCE = 2.0
_LISTENING = "0A"
"""TCP_LISTEN of the kernel, as /proc/net/tcp spells it."""
_STARTS = "servers!user"
"""The hub's scope of who may start a notebook of their own."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP port of this machine that accepts connections."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    uid: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        mapped = getattr(self.address, "ipv4_mapped", None)
        return (mapped or self.address).is_loopback


def _answers(subject: Subject) -> Outcome:
    subject.must_run()
    silent = [name for name, answers in subject.answering.items() if not answers]
    if silent:
        return fails(
            f"No answer from: {', '.join(silent)}.",
            remedy="See the part's file under SANDBOX_HOME/logs; `sandbox up` starts all of them.",
        )
    return holds("Signer, door, gateway and hub answer.")


def _users(subject: Subject) -> Outcome:
    subject.must_run()
    subject.must_be_root()
    owners, settings = subject.owners, subject.settings
    wanted = {"signer": owners.signer, "door": owners.door, "gateway": owners.gateway}
    places = {
        "signer": settings.signer_socket,
        "door": subject.control,
        "gateway": settings.gateway_socket,
    }
    found = {name: _listens_as(path) for name, path in places.items()}
    wrong = [f"the {name} runs as uid {uid}" for name, uid in found.items() if uid != wanted[name]]
    if wrong:
        return fails(
            f"{'; '.join(wrong)}.", remedy="Stop all of the sandbox and start it by `sandbox up` as root."
        )
    if len({*wanted.values(), owners.registrar, 0}) != len(wanted) + 2:
        return fails("Two parts share one uid.", remedy="Give each its own by SANDBOX_..._UID.")
    told = ", ".join(f"{name} {uid}" for name, uid in found.items())
    return holds(f"Each has its own: {told}.")


def _listens_as(path: Path) -> int:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(str(path))
            return peer_uid(probe)
        except OSError as error:
            raise Unchecked("A part does not answer; see the check `parts`.") from error


def _ports(subject: Subject) -> Outcome:
    subject.must_run()
    settings = subject.settings
    public = {settings.hub_port: settings.hub_url, settings.console_port: settings.console_url}
    ports = {*public, settings.hub_api_port, settings.proxy_api_port}
    found = [listener for listener in listeners() if listener.port in ports]
    if not found:
        raise Unchecked("No port of the sandbox is open on this machine.")
    beyond = [
        listener
        for listener in found
        if not listener.loopback and not public.get(listener.port, "").startswith("https:")
    ]
    told = ", ".join(f"{listener.address} port {listener.port}" for listener in beyond)
    if beyond and settings.listen and all(listener.port in public for listener in beyond):
        return unknown(f"{told}: in a container; who reaches them is decided where its ports are published.")
    if beyond:
        return fails(
            f"Open beyond this machine, without TLS: {told}.",
            remedy="Leave SANDBOX_HUB_HOST at 127.0.0.1, and put a proxy with TLS before it.",
        )
    return holds("Hub, proxy and console listen on loopback, or by https.")


def listeners() -> Iterator[Listener]:
    """Yield every TCP port that accepts connections, and the uid of who opened it."""
    for name in ("tcp", "tcp6"):
        path = Path("/proc/net", name)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, _, port = fields[1].partition(":")
                yield Listener(_address(address), int(port, 16), int(fields[7]))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address as /proc spells it: in words of four bytes, each in the machine's order."""
    raw = bytes.fromhex(text)
    words = [int.from_bytes(raw[at : at + 4], "big").to_bytes(4, "little") for at in range(0, len(raw), 4)]
    return ipaddress.ip_address(b"".join(words))


def _roles(subject: Subject) -> Outcome:
    subject.must_be_there()
    both = [one.name for one in accounts.list_all(subject.log.engine) if forbidden_together(one.groups)]
    if both:
        return fails(
            f"Accounts with roles that nobody may hold together: {', '.join(both)}.",
            remedy="Take one of the groups from them by `sandbox user groups`.",
        )
    wanted = {role["name"]: frozenset(role["scopes"]) for role in load_roles()}
    found, administrators = _stored_roles(subject.settings.home.resolve() / "hub" / "hub.sqlite")
    if administrators:
        return fails(
            f"Administrators of the hub: {', '.join(administrators)}.",
            remedy="The sandbox makes none; stop the hub and look who changed its database.",
        )
    other = sorted(name for name, scopes in wanted.items() if found.get(name) != scopes)
    starters = sorted(name for name, scopes in found.items() if _STARTS in scopes and name != ANALYSTS)
    if other or starters:
        return fails(
            f"Roles of the hub that are not this program's: {', '.join({*other, *starters})}.",
            remedy="Start the hub again; it loads its roles when it starts.",
        )
    return holds("Analysts alone may start a notebook; nobody is an administrator of the hub.")


def _stored_roles(path: Path) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Return the scopes of each role of the hub, and who is its administrator."""
    if not path.exists():
        raise Unchecked("The hub has not run here yet.")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as hub:
            scopes = hub.execute(
                "SELECT r.name, s.value FROM roles r, json_each(r.scopes) s WHERE r.name != 'admin'"
            ).fetchall()
            administrators = hub.execute(
                "SELECT name FROM users WHERE admin OR id IN (SELECT m.user_id FROM user_role_map m "
                "JOIN roles r ON r.id = m.role_id WHERE r.name = 'admin')"
            ).fetchall()
    except sqlite3.Error as error:
        raise Unchecked("The hub's database cannot be read.") from error
    names = {name for name, _ in scopes}
    return {n: frozenset(s for name, s in scopes if name == n) for n in names}, [n for (n,) in administrators]


CHECKS = (
    Check(
        name="parts",
        promise="Signer, door, gateway and hub run and answer.",
        how="Each is connected to where the others reach it.",
        test=_answers,
    ),
    Check(
        name="part-users",
        promise="Signer, door and gateway run under uids of their own, so that none reads what is another's.",
        how="The kernel is asked who listens on each part's socket.",
        test=_users,
    ),
    Check(
        name="ports",
        promise="Nothing of the sandbox is open to other machines without TLS.",
        how="The kernel's list of listening ports is read.",
        test=_ports,
    ),
    Check(
        name="roles",
        promise="Only analysts can start a notebook; reviewers and officers cannot, and nobody is both.",
        how="The roles in the hub's database are compared with the program's, accounts with forbidden pairs.",
        test=_roles,
    ),
)

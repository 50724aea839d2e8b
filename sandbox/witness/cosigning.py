"""The log's side: have the last checkpoint cosigned, keep what was said, tell how far it reaches.

Cosignatures are no events of the log: each would be one more entry that no witness has seen. They are
rows beside it that prove themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from sandbox.audit import checkpoint, merkle, reading
from sandbox.audit.cosignature import Cosignature, Cosigner
from sandbox.audit.log import Log
from sandbox.errors import Refusal
from sandbox.policy.witnesses import WitnessPolicy
from sandbox.store.tables import cosignature as rows
from sandbox.witness import client
from sandbox.witness.client import WitnessRefused


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How far one witness has followed the log."""

    witness: str
    """Its name in ``witnesses.toml``."""
    size: int
    """Entries of the largest checkpoint that it cosigned; 0 for none."""
    at: str
    """When it last did, by its clock, UTC, ISO 8601; empty for never."""
    problem: str = ""
    """Why it did not cosign just now; empty if it did, or was not asked."""
    forked: bool = False
    """Whether it says that it has seen another history."""

    @property
    def sentence(self) -> str:
        """The standing in one line."""
        reached = f"witnessed up to size {self.size} at {self.at} by {self.witness}"
        line = reached if self.size else f"never witnessed by {self.witness}"
        return f"{line}; {self.problem}" if self.problem else line


NO_WITNESS = "no witness: a fork cannot be noticed"
"""What is said of a log that names none."""


def submit(log: Log, witnesses: Mapping[str, WitnessPolicy]) -> tuple[bytes, list[Standing]]:
    """Ask every witness to cosign the last checkpoint; one that does not answer stops none of the others.

    Returns:
        The checkpoint with all cosignatures that were given, and how far each witness has followed.

    Raises:
        Refusal: the log has no entry yet (code ``log-empty``), or is not whole.
    """
    log.cover()
    with log.reading() as connection:
        head, note = reading.head(connection, origin=log.origin, key=log.key)
    if not note:
        raise Refusal("log-empty", "The log has no entry yet, so there is nothing to witness.")
    given: list[tuple[Cosigner, Cosignature]] = []
    problems: dict[str, WitnessRefused] = {}
    for name, witness in witnesses.items():
        try:
            given.append((witness.cosigner, _ask(log, witness, head, note)))
        except WitnessRefused as problem:
            problems[name] = problem
    if given:
        _keep(log, head.size, note, given)
    cosigned = note + "".join(one.line.text() for _, one in given).encode()
    return cosigned, standings(log, witnesses, problems)


def standings(
    log: Log, witnesses: Mapping[str, WitnessPolicy], problems: Mapping[str, WitnessRefused] | None = None
) -> list[Standing]:
    """Return how far each witness has followed, by cosignatures that hold today."""
    found: list[Standing] = []
    with log.reading() as connection:
        for name, witness in witnesses.items():
            size, at = _reached(connection, log, witness.cosigner)
            problem = (problems or {}).get(name)
            found.append(
                Standing(
                    witness=name,
                    size=size,
                    at=at,
                    problem=str(problem) if problem else "",
                    forked=problem is not None and problem.code == "witness-forked",
                )
            )
    return found


def _ask(log: Log, witness: WitnessPolicy, head: checkpoint.Checkpoint, note: bytes) -> Cosignature:
    def prove(old: int) -> list[bytes]:
        with log.reading() as connection:
            return merkle.consistency_path(old, head.size, reading.node_of(connection))

    with log.reading() as connection:
        known, _ = _reached(connection, log, witness.cosigner)
    return client.ask(witness.url, witness.cosigner, note=note, known=known, prove=prove)


def _keep(log: Log, size: int, note: bytes, given: Iterable[tuple[Cosigner, Cosignature]]) -> None:
    """Write a row for each that is the first of its size: rows of the log are never changed."""
    with log.writing() as transaction:
        known = set(transaction.connection.scalars(select(rows.c.witness).where(rows.c.size == size)))
        for cosigner, one in given:
            if _column(cosigner) not in known:
                cosigned = note + one.line.text().encode()
                row = {"size": size, "witness": _column(cosigner), "note": cosigned, "at": one.at}
                transaction.connection.execute(insert(rows).values(row))


def _reached(connection: Connection, log: Log, cosigner: Cosigner) -> tuple[int, str]:
    """Return size and time of the newest row, checked as a stranger would check it."""
    query = select(rows).where(rows.c.witness == _column(cosigner)).order_by(rows.c.size.desc()).limit(1)
    row = connection.execute(query).first()
    if row is None:
        return 0, ""
    note = reading.blob(row.note)
    head, found = checkpoint.read(note, origin=log.origin, key=log.key), cosigner.find(note)
    if found is None or head.size != row.size:
        raise Refusal("log-broken", f"The kept cosignature of {cosigner.name} is not one it gave.")
    return head.size, found.at


def _column(cosigner: Cosigner) -> str:
    return f"{cosigner.name}+{cosigner.key_id.hex()}"  # another key is another witness

"""What is promised of the state: whole, as it was recorded, and copied where it is to be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sandbox.audit import heads, reading
from sandbox.audit.keys import load_secret
from sandbox.audit.sinks.position import Position, digest_of
from sandbox.audit.sinks.record import Delivered, SinkFailed
from sandbox.doctor.check import Check, Outcome, fails, holds, unknown
from sandbox.doctor.subject import Subject, Unchecked
from sandbox.errors import Refusal
from sandbox.governance.installation import PRIVATE_KEY
from sandbox.ledger.books import check_books
from sandbox.policy.load import load_keeping, load_witnesses
from sandbox.review import replay
from sandbox.store.engine import FAILURES
from sandbox.store.migrations import NEWEST
from sandbox.witness import cosigning

AHEAD = timedelta(seconds=1)
"""How much later than now the newest entry may be: commits wait for each other, clocks do not run back."""
PATIENCE = 3.0
"""Seconds in which a copy may catch up with what was recorded just now."""
WITNESSED_WITHIN = timedelta(days=1)
_TAMPERED = (
    "Stop the sandbox, keep its files as they are, and compare with an exported log and its witnesses."
)


def _database(subject: Subject) -> Outcome:
    subject.must_be_there()
    found = subject.stored_version
    if found != NEWEST:
        return fails(
            f"The tables have version {found}, this program needs {NEWEST}.",
            remedy="Run `sandbox init` of this version, or the version that made them.",
        )
    _ = subject.log  # opens it as the parts do: where it reports weaker options, that is refused
    return holds(f"Version {NEWEST}; commits are on disk before they return.")


def _log(subject: Subject) -> Outcome:
    log = subject.log
    try:
        with log.reading() as connection:
            tree = reading.check_tree(connection, origin=log.origin, key=log.key)
            private = load_secret(subject.settings.keys / PRIVATE_KEY)
            heads.check(connection, tree, secret=private, origin=log.origin, key=log.key)
            covered = reading.covered(connection)
    except Refusal as refusal:
        return fails(refusal.sentence, remedy=_TAMPERED)
    except FAILURES as error:
        raise Unchecked("The log could not be read.") from error
    return holds(f"{tree.size} entries; the last checkpoint covers {covered} of them.")


def _ledger(subject: Subject) -> Outcome:
    try:
        with subject.log.reading() as connection:
            check_books(connection)
    except Refusal as refusal:
        return fails(refusal.sentence, remedy=_TAMPERED)
    except FAILURES as error:
        raise Unchecked("The ledger could not be read.") from error
    return holds("Every charge and every budget is what the log's entries add up to.")


def _releases(subject: Subject) -> Outcome:
    try:
        with subject.log.reading() as connection:
            differing = replay.differing(connection)
    except FAILURES as error:
        raise Unchecked("The release requests could not be read.") from error
    if differing:
        return fails(
            f"Stored in another state than on record: {', '.join(differing)}.",
            remedy="Nothing of them leaves; look at each in the console's register, and stop it there.",
        )
    return holds("Every release request stands where its entries in the log lead.")


def _clock(subject: Subject) -> Outcome:
    log = subject.log
    with log.reading() as connection:
        size = reading.size(connection)
        newest = reading.entry(connection, size - 1).at if size else ""
    if not newest:
        return unknown("The log has no entry yet.")
    ahead = datetime.fromisoformat(newest) - datetime.now(UTC)
    if ahead > AHEAD:
        return fails(
            f"The clock is {int(ahead.total_seconds())} s before the log's newest entry.",
            remedy="Set the machine's clock; until then records bear the time of the newest entry and on.",
        )
    return holds(f"The clock is not before the log's newest entry ({newest[:19]}Z).")


def _sinks(subject: Subject) -> Outcome:
    specs = load_keeping(subject.settings.policies).specs
    if not specs:
        return unknown("sinks.toml names no copy of the log.")
    log = subject.log
    with log.reading() as connection:
        size = reading.size(connection)
    behind = {spec.name for spec in specs}
    deadline = time.monotonic() + PATIENCE
    while behind and time.monotonic() < deadline:
        behind = {name for name in behind if not _reached(subject, name, size)}
        if behind:
            time.sleep(0.1)
    if behind:
        return fails(
            f"Behind, or of other records: {', '.join(sorted(behind))}.",
            remedy="See the gateway's file under SANDBOX_HOME/logs for what the copy answers.",
        )
    return holds(f"{len(specs)} copies have all {size} entries.")


def _reached(subject: Subject, name: str, size: int) -> bool:
    path = subject.settings.sinks / f"{name}.position"
    if not path.exists():
        return size == 0
    position = Position(path)
    try:
        with position.held():
            seq, digest = position.last()
    except (SinkFailed, OSError):
        return False
    if seq < size - 1:
        return False
    with subject.log.reading() as connection:
        return digest_of(Delivered(seq, reading.leaf(connection, seq))) == digest


def _witnesses(subject: Subject) -> Outcome:
    witnesses = load_witnesses(subject.settings.policies)
    if not witnesses:
        return unknown("witnesses.toml names no witness, so a fork of the log cannot be noticed.")
    standings = cosigning.standings(subject.log, witnesses)
    with subject.log.reading() as connection:
        size = reading.size(connection)
    late = list(_late(standings, size))
    if late:
        return fails("; ".join(late) + ".", remedy="Run `sandbox audit witness`, from a timer at best.")
    return holds("; ".join(one.sentence for one in standings) + ".")


def _late(standings: list[cosigning.Standing], size: int) -> Iterator[str]:
    for one in standings:
        old = not one.at or datetime.fromisoformat(one.at) < datetime.now(UTC) - WITNESSED_WITHIN
        if one.size < size and old:
            yield one.sentence


CHECKS = (
    Check(
        name="database",
        promise="The state database has the newest version and keeps what it acknowledges.",
        how="Its version is read without changing it; then it is opened as the parts open it.",
        test=_database,
    ),
    Check(
        name="log",
        promise="No entry of the log was changed, removed or put in.",
        how="The tree is made again from all entries; checkpoint, head and newest nodes must be its own.",
        test=_log,
    ),
    Check(
        name="ledger",
        promise="Budgets say what the log says was spent.",
        how="Every charge and budget is made again from the log's entries and compared.",
        test=_ledger,
    ),
    Check(
        name="releases",
        promise="No release request was moved but by what is on record.",
        how="The entries of each are replayed over the table of states, and compared with its row.",
        test=_releases,
    ),
    Check(
        name="clock",
        promise="The machine's clock did not go back behind what is on record.",
        how="It is compared with the log's newest entry.",
        test=_clock,
    ),
    Check(
        name="sinks",
        promise="Every copy of the log has all of its entries.",
        how="How far each has come, and the digest of the last record, are compared with the log.",
        test=_sinks,
    ),
    Check(
        name="witnesses",
        promise="Every witness cosigned the log within a day, so that no other history can be shown.",
        how="The cosignatures that are kept are verified; nobody is asked.",
        test=_witnesses,
    ),
)

"""Registration: the only reader of raw rows.

Order: the digest of the source files and the policy names the copy; the copy is built under a
temporary name by :mod:`sandbox.sources.recipe`; the truncation profile is counted and gets its noise
(the caller has charged :func:`planned_loss` before); the files are looked at again, and only if they
did not change the copy takes its name in one step. Whatever fails before leaves the old copy as it
was. What cannot be read gives one constant refusal: an engine's own message may hold raw values.

``python -m sandbox.sources.register`` does the same in a process of its own, under the uid that owns
the raw data: it reads an order on standard input and writes the snapshot's document.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb

from sandbox.canonical import Canonical, digest_of, encode
from sandbox.errors import NotAnswerable
from sandbox.policy.dataset import DatasetPolicy, TablePolicy
from sandbox.privacy.loss import Loss
from sandbox.privacy.noise import noisy_counts
from sandbox.sources.engines.duck import open_new
from sandbox.sources.recipe import copy_statement, profile_statement, text
from sandbox.sources.snapshot import RECIPE, TruncationProfile, shape_of
from sandbox.sources.snapshot import Snapshot as Snapshot

FAILED_EXIT = 3
"""Exit status of the registrar's process where a dataset could not be loaded."""
LEAST_SEED_BYTES = 16
DIGEST_CHARS = 12
"""Of a copy's digest in its file name."""
_NO_LOSS = Loss(0)


def unreadable() -> NotAnswerable:
    """Return the one refusal of a registration."""
    return NotAnswerable(
        "source-unreadable",
        "The raw tables of this dataset cannot be read the way its policy describes them.",
        allowed="Each source exists, opens as its ending says and has every column that the policy names.",
    )


def planned_loss(dataset: DatasetPolicy) -> Loss:
    """Return what registering ``dataset`` costs: two noisy counts for each table."""
    return reduce(Loss.__add__, [Loss.of_pure(_count_epsilon(dataset))] * (2 * len(dataset.tables)), _NO_LOSS)


def source_digest(dataset: DatasetPolicy, *, raw: Path) -> str:
    """Return the digest that a registration of ``dataset`` would have now; costs nothing, shows nothing.

    Raises:
        NotAnswerable: a source file cannot be read.
    """
    try:
        sources = {name: _sha256(raw / table.source) for name, table in dataset.tables.items()}
    except OSError:
        raise unreadable() from None
    return digest_of({"recipe": RECIPE, "policy": shape_of(dataset), "sources": sources})


def register(
    dataset: DatasetPolicy,
    *,
    raw: Path,
    target: Path,
    seed: bytes,
    policy_digest: str,
    bounded_reader_gid: int | None,
    known: Snapshot | None = None,
) -> Snapshot:
    """Make the bounded copy of ``dataset`` and return what it is known by.

    Args:
        dataset: the policy.
        raw: directory with the source files.
        target: directory for the copy.
        seed: the dataset's secret; decides which rows of a unit are kept.
        policy_digest: what the caller knows the policy by; kept in the snapshot.
        bounded_reader_gid: group that may read the copy besides the owner; None for nobody.
        known: the last snapshot; returned, with its profile, where nothing has changed since.

    Raises:
        NotAnswerable: a source cannot be read; the old copy is as it was.
        ValueError: the seed is too short to be a secret.
    """
    if len(seed) < LEAST_SEED_BYTES:
        raise ValueError("the seed is too short")
    before = _states(dataset, raw)
    digest = source_digest(dataset, raw=raw)
    name = f"{dataset.name}-{digest.removeprefix('sha256:')[:DIGEST_CHARS]}.duckdb"
    path = target.resolve() / name
    again = known is not None and known.digest == digest
    if known is not None and again and path.exists():
        return replace(known, location=str(path))
    try:
        with tempfile.TemporaryDirectory(dir=target, prefix=".load-") as directory:
            made = Path(directory) / name
            counts = _build(dataset, raw=raw, made=made, seed=seed)
            if _states(dataset, raw) != before:
                raise unreadable()
            _publish(made, path, gid=bounded_reader_gid)
    except (duckdb.Error, OSError, csv.Error, UnicodeDecodeError):
        raise unreadable() from None
    if known is not None and again:
        return replace(known, location=str(path))
    return Snapshot(
        digest=digest,
        dataset=dataset.name,
        engine=dataset.engine,
        location=str(path),
        policy_digest=policy_digest,
        shape=shape_of(dataset),
        profile={table: _noisy_profile(dataset, units) for table, units in counts.items()},
        registered_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Units:
    """Exact counts; they live only between the engine and the noise."""

    all: int
    over: int


def _build(dataset: DatasetPolicy, *, raw: Path, made: Path, seed: bytes) -> dict[str, _Units]:
    sources = sorted({raw.resolve() / table.source for table in dataset.tables.values()})
    counts: dict[str, _Units] = {}
    with open_new(made, readable=sources, spill=made.parent / "spill") as connection:
        for name, table in dataset.tables.items():
            reader = _reader(raw.resolve() / table.source)
            unit_type = _unit_type(connection, table, reader)
            copy = copy_statement(name, table, reader=reader, unit_type=unit_type)
            connection.execute(copy, [seed.hex()])
            profile = connection.execute(
                profile_statement(table, reader=reader, unit_type=unit_type)
            ).fetchone()
            counts[name] = _Units(*(profile or (0, 0)))
        connection.execute("CHECKPOINT")
    return counts


def _unit_type(connection: duckdb.DuckDBPyConnection, table: TablePolicy, reader: str) -> str:
    described = connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608  # our own reader
    types = {str(row[0]).lower(): str(row[1]) for row in described}
    if not types.keys() >= table.columns.keys():
        raise unreadable()
    return types[table.unit_column]


def _reader(path: Path) -> str:
    """Return the table function over ``path``; nothing about it is guessed from rows."""
    if path.suffix == ".parquet":
        return f"read_parquet({text(str(path))})"
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', nullstr = '', columns = {{{columns}}})"
    )


def _publish(made: Path, path: Path, *, gid: int | None) -> None:
    _make_durable(made)
    if gid is not None and made.stat().st_gid != gid:
        os.chown(made, -1, gid)
    made.chmod(0o600 if gid is None else 0o640)
    made.replace(path)
    _make_durable(path.parent)


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _noisy_profile(dataset: DatasetPolicy, units: _Units) -> TruncationProfile:
    epsilon = _count_epsilon(dataset)  # one unit is in a count or not: sensitivity 1 for each
    (everyone,) = noisy_counts([units.all], sensitivity=1, epsilon=epsilon)
    (over,) = noisy_counts([units.over], sensitivity=1, epsilon=epsilon)
    return TruncationProfile(units=everyone, units_over=over)


def _count_epsilon(dataset: DatasetPolicy) -> Decimal:
    return dataset.profile_epsilon / 2


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _states(dataset: DatasetPolicy, raw: Path) -> list[tuple[int, int, int]]:
    """Return what changes when a source file is written to or replaced."""
    try:
        found = [(raw / table.source).stat() for table in dataset.tables.values()]
    except OSError:
        raise unreadable() from None
    return [(state.st_ino, state.st_size, state.st_mtime_ns) for state in found]


def run(order: Mapping[str, Any]) -> Canonical:
    """Carry out the order of another process and return the document that answers it."""
    dataset = DatasetPolicy.model_validate(order["dataset"])
    raw = Path(order["raw"])
    known = None if order.get("known") is None else Snapshot.from_document(order["known"])
    if order.get("only_digest"):
        stands = known is not None and Path(known.location).exists()
        return {"digest": source_digest(dataset, raw=raw), "stands": stands}
    return register(
        dataset,
        raw=raw,
        target=Path(order["target"]),
        seed=Path(order["seed"]).read_bytes(),
        policy_digest=order["policy_digest"],
        bounded_reader_gid=order["reader_gid"],
        known=known,
    ).to_document()


def main() -> int:
    """Read an order on standard input, answer on standard output; see :func:`run`."""
    try:
        sys.stdout.buffer.write(encode(run(json.load(sys.stdin))))
    except Exception:  # noqa: BLE001  # any text of an error may hold raw values
        sys.stderr.write(f"{unreadable()}\n")
        return FAILED_EXIT
    return 0


if __name__ == "__main__":
    sys.exit(main())

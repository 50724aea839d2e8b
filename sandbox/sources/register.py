"""Registration: the only reader of raw rows.

Order: the fingerprints of the raw tables and the policy name the copy; the copy is written, whole or
not at all, by the engine's own way of :mod:`sandbox.sources.loading`; the truncation profile is
counted and gets its noise (the caller has charged :func:`planned_loss` before). Whatever fails before
leaves the old copy as it was. What cannot be read gives one constant refusal: an engine's own message
may hold raw values.

A digest is keyed with the dataset's seed, because it stands in receipts: without the seed, who knows
all rows but one person's could try which digest is made with that person and which without.

``python -m sandbox.sources.register`` does the same in a process of its own, under the uid that owns
the raw data: it reads an order on standard input and writes the snapshot's document.
"""

from __future__ import annotations

import hmac
import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

from sandbox.canonical import Canonical, digest_of, encode
from sandbox.policy.dataset import DatasetPolicy, EngineKind
from sandbox.privacy.loss import Loss
from sandbox.sources.loading.duck import DuckFiles
from sandbox.sources.loading.postgres import opened_tables
from sandbox.sources.loading.protocol import Source
from sandbox.sources.loading.protocol import unreadable as unreadable
from sandbox.sources.loading.spark import SparkFiles
from sandbox.sources.profile import noisy_profile
from sandbox.sources.snapshot import RECIPE, shape_of
from sandbox.sources.snapshot import Snapshot as Snapshot
from sandbox.sources.survey import take_survey

FAILED_EXIT = 3
"""Exit status of the registrar's process where a dataset could not be loaded."""
LEAST_SEED_BYTES = 16
_NO_LOSS = Loss(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where the registrar reads raw tables and writes copies, and who may read these."""

    raw: Path
    """Directory with source files."""
    target: Path
    """Directory for copies that are files."""
    reader_gid: int | None = None
    """Group that may read such a copy besides its owner; None for nobody."""
    postgresql: Path | None = None
    """Key file with the registrar's own way into the raw database."""
    reader_role: str = "sandbox_gateway"
    """PostgreSQL role that may read a copy there besides its owner."""
    spark_master: str = "local[2]"
    """Where Spark runs."""

    def to_document(self) -> dict[str, Canonical]:
        """Return the places as a canonical document."""
        return {
            "raw": str(self.raw.resolve()),
            "target": str(self.target.resolve()),
            "reader_gid": self.reader_gid,
            "postgresql": None if self.postgresql is None else str(self.postgresql.resolve()),
            "reader_role": self.reader_role,
            "spark_master": self.spark_master,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Places:
        """Read back what :meth:`to_document` wrote."""
        paths = {name: document[name] and Path(document[name]) for name in ("raw", "target", "postgresql")}
        return cls(**{**document, **paths})

    def opened(self, dataset: DatasetPolicy) -> AbstractContextManager[Source]:
        """Open the raw tables of ``dataset`` for one registration."""
        match dataset.engine:
            case EngineKind.DUCKDB:
                return nullcontext(DuckFiles(**self._files(dataset, ".duckdb")))
            case EngineKind.POSTGRESQL:
                if self.postgresql is None:
                    raise unreadable()
                return opened_tables(dataset, key_file=self.postgresql, reader=self.reader_role)
            case EngineKind.SPARK:
                return nullcontext(SparkFiles(**self._files(dataset, ".spark"), master=self.spark_master))

    def _files(self, dataset: DatasetPolicy, ending: str) -> dict[str, Any]:
        given = {"raw": self.raw, "target": self.target, "reader_gid": self.reader_gid}
        return {"dataset": dataset, "ending": ending, **given}


def planned_loss(dataset: DatasetPolicy) -> Loss:
    """Return what registering ``dataset`` costs: one noisy histogram for each private table."""
    losses = [Loss.of_pure(dataset.profile_epsilon)] * len(dataset.private_tables)
    return reduce(Loss.__add__, losses, _NO_LOSS)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a registration would find; learning it costs nothing and shows nothing."""

    digest: str
    """That the registration would have now."""
    stands: bool
    """Whether the copy with this digest is there already."""


def look(dataset: DatasetPolicy, *, places: Places, seed: bytes) -> Standing:
    """Return what a registration of ``dataset`` would find now.

    Raises:
        NotAnswerable: a source cannot be read.
    """
    try:
        with places.opened(dataset) as source:
            digest = _digest(dataset, source, seed)
            return Standing(digest, source.stands(source.location(digest)))
    except Exception:  # noqa: BLE001  # of whatever type: its text may hold raw values
        raise unreadable() from None


def register(
    dataset: DatasetPolicy,
    *,
    places: Places,
    seed: bytes,
    policy_digest: str,
    known: Snapshot | None = None,
) -> Snapshot:
    """Make the bounded copy of ``dataset`` and return what it is known by.

    Args:
        dataset: the policy.
        places: where its raw tables are, and where the copy goes.
        seed: the dataset's secret; decides which rows of a unit are kept.
        policy_digest: what the caller knows the policy by; kept in the snapshot.
        known: the last snapshot; returned, with its profile, where nothing has changed since.

    Raises:
        NotAnswerable: a source cannot be read; the old copy is as it was.
        ValueError: the seed is too short to be a secret.
    """
    if len(seed) < LEAST_SEED_BYTES:
        raise ValueError("the seed is too short")
    try:
        with places.opened(dataset) as source:
            digest = _digest(dataset, source, seed)
            location = source.location(digest)
            again = known is not None and known.digest == digest
            counts = {} if again and source.stands(location) else source.copy(location, seed=seed)
    except Exception:  # noqa: BLE001  # of whatever type: its text may hold raw values
        raise unreadable() from None
    if known is not None and again:
        return replace(known, location=location)
    return Snapshot(
        digest=digest,
        dataset=dataset.name,
        engine=dataset.engine,
        location=location,
        policy_digest=policy_digest,
        shape=shape_of(dataset),
        profile={
            name: noisy_profile(units.bins, dataset.tables[name], epsilon=dataset.profile_epsilon)
            for name, units in counts.items()
        },
        registered_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def _digest(dataset: DatasetPolicy, source: Source, seed: bytes) -> str:
    keyed = {
        name: hmac.digest(seed, f"source:{print_}".encode(), "sha256").hex()
        for name, print_ in source.fingerprints().items()
    }
    return digest_of({"recipe": RECIPE, "policy": shape_of(dataset), "sources": keyed})


def run(order: Mapping[str, Any]) -> Canonical:
    """Carry out the order of another process and return the document that answers it."""
    dataset = DatasetPolicy.model_validate(order["dataset"])
    places, seed = Places.from_document(order["places"]), Path(order["seed"]).read_bytes()
    if order.get("only_look"):
        found = look(dataset, places=places, seed=seed)
        return {"digest": found.digest, "stands": found.stands}
    if "survey" in order:
        with places.opened(dataset) as source:
            return take_survey(dataset, source, seed=seed, epsilon=Decimal(order["survey"])).to_document()
    known = order.get("known")
    return register(
        dataset,
        places=places,
        seed=seed,
        policy_digest=order["policy_digest"],
        known=None if known is None else Snapshot.from_document(known),
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

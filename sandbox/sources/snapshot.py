"""What registration leaves behind: one bounded copy and what may be said about it.

A snapshot holds no raw count: what it tells of the data is the truncation profile, which is noisy and
was charged. Two registrations of the same files under the same policy have the same digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.canonical import Canonical, digest_of
from sandbox.policy.dataset import DatasetPolicy, EngineKind
from sandbox.sources.profile import TruncationProfile as TruncationProfile

RECIPE = 4
"""Version of the way a copy is made; a change makes every digest new."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One bounded copy of one dataset."""

    digest: str
    """Of the source files, the dataset's policy and the recipe."""
    dataset: str
    engine: EngineKind
    """What the copy lives in, and questions run on."""
    location: str
    """Where the copy lives: a DuckDB file, a PostgreSQL schema, or a directory of Parquet for Spark."""
    policy_digest: str
    """What the caller of the registration knows the policy by."""
    shape: str
    """Digest of the dataset's policy as the copy was made under it."""
    profile: Mapping[str, TruncationProfile]
    """By table."""
    registered_at: str
    """UTC, ISO 8601."""

    def to_document(self) -> dict[str, Canonical]:
        """Return the snapshot as a canonical document."""
        return {
            "digest": self.digest,
            "dataset": self.dataset,
            "engine": self.engine.value,
            "location": self.location,
            "policy_digest": self.policy_digest,
            "shape": self.shape,
            "profile": {table: part.to_document() for table, part in self.profile.items()},
            "registered_at": self.registered_at,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Snapshot:
        """Read back what :meth:`to_document` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is another document.
        """
        profile = {
            table: TruncationProfile.from_document(part) for table, part in document["profile"].items()
        }
        return cls(**{**document, "engine": EngineKind(document["engine"]), "profile": profile})


def shape_of(dataset: DatasetPolicy) -> str:
    """Return the digest of the policy that shapes a copy of ``dataset``; what may be spent does not."""
    return digest_of(dataset.model_dump(mode="json", exclude={"lifetime_epsilon", "reviewed"}))

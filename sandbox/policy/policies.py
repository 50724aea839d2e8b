"""All policies together, as loaded from one directory at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.policy.authorization import AuthorizationPolicy, Mode
from sandbox.policy.dataset import DatasetPolicy
from sandbox.policy.grades import GradePolicy, PopulationPolicy, ReviewPolicy, Risk


@dataclass(frozen=True, kw_only=True, slots=True)
class Policies:
    """Everything that is allowed; only :func:`sandbox.policy.load.load` makes it, without a mistake in it."""

    datasets: Mapping[str, DatasetPolicy]
    """Datasets by name."""
    authorizations: Mapping[str, AuthorizationPolicy]
    """Authorizations by name, running or not."""
    populations: Mapping[str, PopulationPolicy]
    """Populations by name."""
    grades: Mapping[str, GradePolicy]
    """Grades by name."""
    review: ReviewPolicy
    """Rules of review."""
    digest: str
    """Digest of all of the above; the same whatever the order and layout of the files."""

    def grade_of(self, authorization: AuthorizationPolicy) -> GradePolicy:
        """Return the grade of the data that ``authorization`` opens."""
        return self.grades[self.datasets[authorization.dataset].grade]

    def approvals_needed(self, authorization: AuthorizationPolicy, *, risk: Risk) -> int:
        """Return how many reviewers must approve a release of this risk class.

        The larger of the risk class's quorum and the grade's reviewers, and one more where the
        authorization opens a whole body of data.
        """
        least = max(self.review.quorum[risk], self.grade_of(authorization).reviewers)
        return least + (authorization.mode is Mode.WHOLE)

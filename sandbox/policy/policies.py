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

    def population_of(self, authorization: AuthorizationPolicy) -> PopulationPolicy:
        """Return the population whose lifetime budget questions under ``authorization`` are charged to."""
        return self.populations[self.datasets[authorization.dataset].population]

    def dataset_of(self, authorization: AuthorizationPolicy) -> DatasetPolicy:
        """Return the dataset that ``authorization`` opens."""
        return self.datasets[authorization.dataset]

    def approvals_needed(self, authorization: AuthorizationPolicy, *, risk: Risk) -> int:
        """Return how many reviewers must approve a release of this risk class.

        A green release holds nothing but differentially private answers, so the risk class's quorum
        is enough; for any other the grade's reviewers are the floor. Where the authorization opens
        a whole body of data, one more.
        """
        floor = 1 if risk == "green" else self.grade_of(authorization).reviewers
        least = max(self.review.quorum[risk], floor)
        return least + (authorization.mode is Mode.WHOLE)

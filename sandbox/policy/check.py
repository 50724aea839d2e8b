"""May this person ask this question now?"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Final

from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.dataset import DatasetPolicy, TablePolicy
from sandbox.policy.grades import PopulationPolicy
from sandbox.query.expr import Query

_CHECKED: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedQuery:
    """A question that passed :func:`check`, with all the policy it is answered under.

    Raises:
        TypeError: made by anything but :func:`check`.
    """

    query: Query
    """The question; each literal has its column's type (Decimal for measures, date for dates)."""
    dataset: DatasetPolicy
    table_name: str
    table: TablePolicy
    authorization: AuthorizationPolicy
    population: PopulationPolicy
    actor_name: str
    policy_digest: str
    """Digest of the policies that allowed it."""
    proof: InitVar[object]
    """Held by :func:`check` alone, so that the type proves the check."""

    def __post_init__(self, proof: object) -> None:
        if proof is not _CHECKED:
            raise TypeError("only check() makes a CheckedQuery")

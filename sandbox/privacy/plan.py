"""What will be measured, with how much noise, and what that costs: fixed before any row is read.

A plan is a function of the question, the policy, the epsilon and the registration profile alone; the
profile was noisy and paid for. Each aggregate needs one statistic or more; equal statistics are
measured once. A measurement is a vector with one whole number for each group of the public domains; a
selection chooses one public candidate for each group.

The losses of measurements and selections add up in zCDP (Bun and Steinke 2016, Lemma 2.3). Where the
authorization demands a pure guarantee for each answer, their epsilons add up as well, to the epsilon
asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import reduce
from itertools import product
from types import MappingProxyType

from sandbox.canonical import digest_of
from sandbox.errors import Malformed, NotAnswerable, OverBudget
from sandbox.policy.authorization import Measure
from sandbox.policy.check import CheckedQuery
from sandbox.privacy.aggregate import Recipe, recipe_of
from sandbox.privacy.bound import Profile, numbered_table, sensitivity
from sandbox.privacy.estimate import Chosen, Estimator, Noisy
from sandbox.privacy.loss import LARGEST_EPSILON, Loss
from sandbox.privacy.measurement import (
    Measurement,
    Selection,
    measured,
    mechanism_names,
    selected,
)
from sandbox.privacy.scan import Scan, Statistic, StatisticKind
from sandbox.privacy.strategy import choose
from sandbox.privacy.threshold import threshold
from sandbox.query.expr import Aggregate, Function
from sandbox.query.render import canonical
from sandbox.query.typed import Base, Relation, Term, max_rows_of

MOST_CELLS = 10_000
"""Groups one answer may have; each is shown, empty or not."""
QUANTILE_WEIGHT = Fraction(2)
"""Share of the loss for a quantile with its interval, beside 1 for a sum."""
Key = int | str | date
Cell = tuple[Key | None, ...]
_SHARE = Context(prec=24, rounding=ROUND_FLOOR)
_NO_PROFILES: Mapping[str, Profile] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedScan:
    """One pass over the data, and the public values of its keys."""

    scan: Scan
    domains: tuple[tuple[Key, ...], ...]
    """Of each key of the scan; the groups are all combinations, sorted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """Which groups may be shown where keys are not public."""

    index: int
    """Measurement of the number of units."""
    least: int
    """Noisy number of units of a group that is shown."""
    delta: Decimal
    """What it costs besides the loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything about an answer but the data; made by :func:`make_plan`."""

    checked: CheckedQuery
    key_domains: tuple[tuple[Key, ...], ...]
    """Public values of each key, sorted, in the order of the question's keys."""
    measurements: tuple[Measurement, ...]
    selections: tuple[Selection, ...]
    estimators: Mapping[Aggregate, Estimator]
    """How each aggregate is made of them."""
    decimals: Mapping[Aggregate, int]
    """Digits after the point of each aggregate."""
    bounds: Mapping[Aggregate, int]
    """Rows of one unit that each aggregate looks at."""
    source: Relation
    """Of the question, with no more rows of a unit than any aggregate looks at."""
    threshold: Threshold | None
    """Where keys are not public, what a group must reach to be shown."""
    epsilon: Decimal
    """As asked for."""
    loss: Loss
    """What is charged: the zCDP losses of measurements and selections added up."""

    @property
    def cells(self) -> tuple[tuple[Key, ...], ...]:
        """Every combination of public key values, sorted; one empty combination without GROUP BY.

        Empty where a key is not public: then the data decides, under noise.
        """
        return () if self.threshold else tuple(product(*self.key_domains))

    @property
    def table(self) -> Base | None:
        """The one private table whose rows are looked at as they are, if it is one."""
        return numbered_table(self.source)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Kinds of noise in the answer, each once, sorted."""
        return mechanism_names(self.measurements, self.selections)

    @property
    def scans(self) -> tuple[PlannedScan, ...]:
        """What the engine is asked: one scan for all measurements, if any, and one for each selection."""
        checked = self.checked
        statistics = tuple(measurement.statistic for measurement in self.measurements)
        main = Scan(source=self.source, where=checked.where, keys=checked.keys, statistics=statistics)
        first = (PlannedScan(scan=main, domains=self.key_domains),) if statistics else ()
        return first + tuple(self._scan_of(selection) for selection in self.selections)

    def _scan_of(self, selection: Selection) -> PlannedScan:
        keys = (*self.checked.keys, selection.candidates.key(selection.term))
        scan = Scan(
            source=self.source, where=self.checked.where, keys=keys, statistics=(selection.statistic,)
        )
        return PlannedScan(scan=scan, domains=(*self.key_domains, selection.candidates.keys))

    @property
    def digest(self) -> str:
        """Digest of the question, the policy it was allowed under, and the noise."""
        checked = self.checked
        return digest_of(
            {
                "authorization": checked.authorization.name,
                "dataset": checked.dataset.name,
                "policy": checked.policy_digest,
                "query": canonical(checked.query),
                "epsilon": str(self.epsilon),
                "threshold": None
                if self.threshold is None
                else [self.threshold.least, str(self.threshold.delta)],
                "bounded_after": self.table is not None and self.table.after is not None,
                "measurements": [measurement.document() for measurement in self.measurements],
                "selections": [selection.document() for selection in self.selections],
            }
        )


def make_plan(
    checked: CheckedQuery, *, epsilon: Decimal, profiles: Mapping[str, Profile] = _NO_PROFILES
) -> Plan:
    """Decide what is measured for ``checked``, over how many rows of a unit, and with which noise.

    Args:
        checked: the question.
        epsilon: what it may cost: pure epsilon of the answer, or, where the authorization measures in
            zCDP, the epsilon whose epsilon^2 / 2 is the answer's rho.
        profiles: by table, what registration told of the rows per unit; a table without one is looked
            at up to its own bound.

    Raises:
        Malformed: ``epsilon`` is not above 0 and at most 100.
        OverBudget: ``epsilon`` exceeds what one question may cost under the authorization.
        NotAnswerable: too many groups, or numbers too large to be summed exactly.
    """
    _check_epsilon(checked, epsilon)
    domains = () if checked.unlisted else tuple(_domain(key) for key in checked.keys)
    groups = max_rows_of(checked.source) if checked.unlisted else _count_groups(domains)
    typed = checked.aggregates
    strategy = choose(checked, profiles, groups=groups, epsilon=float(epsilon))
    bounds = strategy.bounds
    recipes = {
        aggregate: recipe_of(one, max_rows=bounds[aggregate])
        for aggregate, one in typed.items()
        if one.function is not Function.QUANTILE
    }
    quantiles = {aggregate: one for aggregate, one in typed.items() if aggregate not in recipes}
    _require_additive(checked, has_quantiles=bool(quantiles))
    wanted = _wanted(recipes)
    counted = _counted_units(checked, max(bounds.values()))
    if counted is not None:
        wanted.setdefault(counted, Fraction(1))
    budget = _Budget.of(
        checked, epsilon, parts=sum(wanted.values(), Fraction(0)) + QUANTILE_WEIGHT * len(quantiles)
    )
    measurements = tuple(
        measured(
            statistic, sensitivity(statistic, groups), epsilon=budget.epsilon(weight), measure=budget.measure
        )
        for statistic, weight in wanted.items()
    )
    selections = tuple(
        selected(one, rows=bounds[aggregate], groups=groups, epsilon=budget.epsilon(QUANTILE_WEIGHT))
        for aggregate, one in quantiles.items()
    )
    places = {statistic: index for index, statistic in enumerate(wanted)}
    estimators: dict[Aggregate, Estimator] = {
        aggregate: recipe.build(tuple(_noisy(need.statistic, places) for need in recipe.needs))
        for aggregate, recipe in recipes.items()
    }
    estimators |= {aggregate: Chosen(index) for index, aggregate in enumerate(quantiles)}
    decimals = {aggregate: recipe.decimals for aggregate, recipe in recipes.items()}
    decimals |= {aggregate: one.terms[0].type.decimals + 1 for aggregate, one in quantiles.items()}
    parts: list[Measurement | Selection] = [*measurements, *selections]
    return Plan(
        checked=checked,
        key_domains=domains,
        measurements=measurements,
        selections=selections,
        estimators=estimators,
        decimals=decimals,
        bounds=bounds,
        source=strategy.source,
        threshold=None if counted is None else _threshold(checked, measurements, places[counted], groups),
        epsilon=epsilon,
        loss=reduce(Loss.__add__, (part.loss for part in parts)),
    )


@dataclass(frozen=True, slots=True)
class _Budget:
    total: Decimal
    parts: Fraction
    measure: Measure

    @classmethod
    def of(cls, checked: CheckedQuery, epsilon: Decimal, *, parts: Fraction) -> _Budget:
        return cls(epsilon, parts, checked.authorization.loss.measure)

    def epsilon(self, weight: Fraction) -> Decimal:
        """Return the part of a measurement: pure epsilons add up, in zCDP their squares do."""
        part = weight / self.parts
        numerator, denominator = Decimal(part.numerator), Decimal(part.denominator)
        if self.measure is Measure.PURE:
            return _SHARE.divide(_SHARE.multiply(self.total, numerator), denominator)
        return _SHARE.multiply(self.total, _SHARE.sqrt(_SHARE.divide(numerator, denominator)))


def _counted_units(checked: CheckedQuery, rows: int) -> Statistic | None:
    """Return the number of units, which decides on showing a group whose key is not public."""
    if not checked.unlisted:
        return None
    return Statistic(kind=StatisticKind.UNITS, term=checked.unit, max_rows=rows)


def _threshold(
    checked: CheckedQuery, measurements: tuple[Measurement, ...], place: int, groups: int
) -> Threshold:
    delta = checked.authorization.loss.threshold_delta
    if delta is None:
        raise TypeError("the policy check lets no such key through")
    least = threshold(measurements[place].noise, groups=groups, delta=delta)
    return Threshold(index=place, least=least, delta=delta)


def _check_epsilon(checked: CheckedQuery, epsilon: Decimal) -> None:
    if not (epsilon.is_finite() and 0 < epsilon <= LARGEST_EPSILON):
        raise Malformed("loss-invalid", "The epsilon must be above 0 and at most 100.")
    limit = checked.authorization.loss.per_query_epsilon
    if epsilon > limit:
        raise OverBudget(
            "loss-per-question",
            f"An epsilon of {epsilon} is more than one question may cost.",
            allowed=f"Under authorization {checked.authorization.name} it is at most {limit}.",
        )


def _domain(key: Term) -> tuple[Key, ...]:
    if key.type.values is None:
        raise TypeError("the policy check lets no key without public values through")
    return key.type.values


def _count_groups(domains: tuple[tuple[Key, ...], ...]) -> int:
    groups = math.prod(len(domain) for domain in domains)
    if groups > MOST_CELLS:
        raise NotAnswerable(
            "too-many-cells",
            f"The grouping has {groups} cells.",
            allowed=f"Group by fewer or coarser keys; an answer has at most {MOST_CELLS} cells.",
        )
    return groups


def _wanted(recipes: Mapping[Aggregate, Recipe]) -> dict[Statistic, Fraction]:
    """Return each statistic once, with the largest weight that an aggregate gives it."""
    found: dict[Statistic, Fraction] = {}
    for recipe in recipes.values():
        for need in recipe.needs:
            found[need.statistic] = max(need.weight, found.get(need.statistic, Fraction(0)))
    return found


def _noisy(statistic: Statistic, places: Mapping[Statistic, int]) -> Noisy:
    decimals = 0 if statistic.term is None or not statistic.is_sum else statistic.term.type.decimals
    return Noisy(places[statistic], Fraction(1, 10**decimals))


def _require_additive(checked: CheckedQuery, *, has_quantiles: bool) -> None:
    """Totals are sums of the finest groups: one set of measurements, and parts that add up."""
    counts_units = any(one.function is Function.COUNT_UNITS for one in checked.aggregates.values())
    if checked.unlisted and (checked.query.sets or has_quantiles):
        raise NotAnswerable(
            "unlisted-keys",
            "Totals and quantiles are not answered for keys that are not public.",
            allowed="Group by public keys, or ask for counts, sums and averages.",
        )
    if checked.query.sets and (counts_units or has_quantiles):
        raise NotAnswerable(
            "totals-do-not-add-up",
            "Persons and quantiles of a total are not the sum of those of its parts.",
            allowed="Leave ROLLUP, CUBE or GROUPING SETS out, and ask once for each total.",
        )

"""One statistic, or one choice, together with the noise it gets and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sandbox.canonical import Canonical
from sandbox.errors import NotAnswerable
from sandbox.policy.aggregates import TypedAggregate
from sandbox.policy.authorization import Measure
from sandbox.privacy.bound import Sensitivity
from sandbox.privacy.loss import Loss
from sandbox.privacy.mechanism import Mechanism, Noise, gaussian, half_width, laplace
from sandbox.privacy.quantile import Candidates, step
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query.typed import Term

CONFIDENCE = 0.95
"""Of every interval shown."""
VALUE_SHARE = Decimal("0.5")
"""Of a quantile's epsilon: for the value itself; the ends of its interval get a quarter each."""
END_SHARE = Decimal("0.25")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A statistic with noise: one whole number for each group."""

    statistic: Statistic
    sensitivity: Sensitivity
    """Over all groups under add/remove of one unit, in the statistic's own unit."""
    noise: Noise
    epsilon: Decimal
    """Pure epsilon of Laplace noise; of Gaussian noise the epsilon whose epsilon^2 / 2 is its rho."""
    loss: Loss

    def document(self) -> Canonical:
        """Return what the plan's digest says of it."""
        statistic = self.statistic
        return [
            statistic.kind.value,
            statistic.max_rows,
            self.sensitivity.l1,
            self.sensitivity.l2_squared,
            self.noise.mechanism.value,
            self.noise.scale.hex(),
            str(self.epsilon),
            self.loss.picorho,
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """A quantile: one public candidate for each group, with two more for its interval."""

    statistic: Statistic
    """Rows in each bin."""
    term: Term
    fraction: Decimal
    candidates: Candidates
    sensitivity: int
    """How far one unit moves any score, summed over the groups."""
    epsilon: Decimal
    """Pure epsilon of all three choices together."""
    loss: Loss

    @property
    def shares(self) -> tuple[Decimal, Decimal, Decimal]:
        """Pure epsilons of the value, of the lower and of the upper end."""
        return self.epsilon * VALUE_SHARE, self.epsilon * END_SHARE, self.epsilon * END_SHARE

    def document(self) -> Canonical:
        """Return what the plan's digest says of it."""
        return [
            str(self.fraction),
            self.statistic.max_rows,
            self.sensitivity,
            self.candidates.low,
            self.candidates.width,
            self.candidates.count,
            str(self.epsilon),
            self.loss.picorho,
        ]


def measured(statistic: Statistic, reach: Sensitivity, *, epsilon: Decimal, measure: Measure) -> Measurement:
    """Return the measurement with the smallest error at its part of the loss.

    A pure guarantee leaves Laplace noise. In zCDP both cost epsilon^2 / 2, and the one with the
    narrower 95 % interval is taken.

    Raises:
        NotAnswerable: the noise would not fit into 64 bits.
    """
    loss = Loss.of_pure(epsilon)
    try:
        choices = [laplace(l1=reach.l1, epsilon=epsilon)]
        if measure is Measure.ZCDP:
            choices.append(gaussian(l2_squared=reach.l2_squared, loss=loss))
    except OverflowError:
        raise NotAnswerable(
            "sum-too-large",
            "One unit may change a sum of this question by more than can be hidden in 64 bits.",
            allowed="Ask with a larger epsilon; a steward can narrow the bounds or keep fewer rows a unit.",
        ) from None
    noise = min(choices, key=lambda one: half_width(one, CONFIDENCE))
    return Measurement(statistic=statistic, sensitivity=reach, noise=noise, epsilon=epsilon, loss=loss)


def selected(one: TypedAggregate, *, rows: int, groups: int, epsilon: Decimal) -> Selection:
    """Return the selection for a quantile, looking at ``rows`` rows of a unit."""
    (term,) = one.terms
    fraction = Decimal(one.fraction or 0)
    return Selection(
        statistic=Statistic(kind=StatisticKind.VALUES, term=term, where=one.where, max_rows=rows),
        term=term,
        fraction=fraction,
        candidates=Candidates.of(term, groups),
        sensitivity=rows * step(fraction),
        epsilon=epsilon,
        loss=_loss_of_choices(epsilon),
    )


def _loss_of_choices(epsilon: Decimal) -> Loss:
    value, low, high = (Loss.of_pure(epsilon * share) for share in (VALUE_SHARE, END_SHARE, END_SHARE))
    return value + low + high


def mechanism_names(
    measurements: tuple[Measurement, ...], selections: tuple[Selection, ...]
) -> tuple[str, ...]:
    """Return what the log says of an answer's noise: each mechanism once, sorted."""
    used = {str(measurement.noise.mechanism) for measurement in measurements}
    return tuple(sorted(used | ({f"noisy-max-{Mechanism.LAPLACE}"} if selections else set())))

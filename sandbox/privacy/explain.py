"""A plan laid open: what is read, how far one unit reaches, which noise is added, what it costs.

Made of the plan alone, so it costs nothing and tells nothing of the data.
"""

from __future__ import annotations

from typing import Any

from sandbox.privacy.accuracy import expected_errors
from sandbox.privacy.measurement import CONFIDENCE, Measurement, Selection
from sandbox.privacy.mechanism import half_width
from sandbox.privacy.plan import Plan
from sandbox.privacy.scan import Statistic, StatisticKind
from sandbox.query import describe
from sandbox.query.render import statement

_WORDS = {
    StatisticKind.ROWS: "rows",
    StatisticKind.VALUES: "values of",
    StatisticKind.UNITS: "distinct",
    StatisticKind.SUM: "sum of",
}


def explain(plan: Plan) -> dict[str, Any]:
    """Return the plan as a JSON-able document."""
    checked = plan.checked
    return {
        "question": statement(checked.query),
        "reads": describe.relation(plan.source),
        "where": "every row" if checked.where is None else describe.test(checked.where),
        "groups": len(plan.cells) if plan.threshold is None else "those of enough units",
        "threshold": None
        if plan.threshold is None
        else {"units": plan.threshold.least, "delta": str(plan.threshold.delta)},
        "keys": [
            {"key": describe.term(key), "values": len(domain), "interval": describe.interval(key.type)}
            for key, domain in zip(checked.keys, plan.key_domains, strict=False)
        ],
        "measurements": [_measurement(one) for one in plan.measurements],
        "selections": [_selection(one) for one in plan.selections],
        "rows_of_a_unit": sorted(set(plan.bounds.values())),
        "expected_errors": [
            {
                "name": error.name,
                "half_width": None if error.half_width is None else format(error.half_width, "f"),
                "note": error.note,
            }
            for error in expected_errors(plan)
        ],
        "measure": checked.authorization.loss.measure.value,
        "epsilon": str(plan.epsilon),
        "picorho": plan.loss.picorho,
    }


def _measurement(one: Measurement) -> dict[str, Any]:
    statistic = one.statistic
    return {
        **_statistic(statistic),
        "sensitivity_l1": one.sensitivity.l1,
        "sensitivity_l2_squared": one.sensitivity.l2_squared,
        "mechanism": one.noise.mechanism.value,
        "scale": f"{one.noise.scale:.6g}",
        "half_width": half_width(one.noise, CONFIDENCE),
        "epsilon": f"{one.epsilon:.6f}",
        "picorho": one.loss.picorho,
    }


def _selection(one: Selection) -> dict[str, Any]:
    return {
        **_statistic(one.statistic),
        "quantile": str(one.fraction),
        "candidates": one.candidates.count,
        "width": one.candidates.width,
        "sensitivity": one.sensitivity,
        "mechanism": "report-noisy-max",
        "epsilon": f"{one.epsilon:.6f}",
        "picorho": one.loss.picorho,
    }


def _statistic(statistic: Statistic) -> dict[str, Any]:
    of = "" if statistic.term is None else f" {describe.term(statistic.term)}"
    return {
        "measures": _WORDS[statistic.kind] + of,
        "interval": "" if statistic.term is None else describe.interval(statistic.term.type),
        "filter": "" if statistic.where is None else describe.test(statistic.where),
        "rows_of_a_unit": statistic.max_rows,
        "unit": "1"
        if not statistic.is_sum or statistic.term is None
        else f"1e-{statistic.term.type.decimals}",
    }

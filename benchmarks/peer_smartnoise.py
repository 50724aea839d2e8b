"""Asks smartnoise-sql, in its own virtual environment, the questions the sandbox is asked; stands alone.

Reads an order (JSON) on standard input and answers on standard output with the seconds and the values
of every repetition of each question, and the epsilon that the peer itself says one costs where it is
given epsilon 1: it spends the stated epsilon on every column it measures. With ``same_cost`` it is given
the share with which a whole question costs 1. It is run the way its documentation shows: a data frame,
metadata with the private key and the bounds, ``from_df``.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import pandas as pd
import snsql  # type: ignore[import-not-found]  # lives in the peer's own environment


def main() -> None:
    """Carry out the order."""
    warnings.simplefilter("ignore")
    order = json.load(sys.stdin)
    json.dump(_answers(pd.read_csv(order["csv"]), order), sys.stdout)


def _answers(frame: pd.DataFrame, order: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {
        "person_id": {"name": "person_id", "type": "int", "private_id": True},
        "service": {"name": "service", "type": "string"},
        "cost": {"name": "cost", "type": "int", "lower": order["lower"], "upper": order["upper"]},
    }
    if order["max_ids"] is not None:
        table["max_ids"] = order["max_ids"]
    metadata = {"": {"public": {"visits": table}}}
    found: dict[str, Any] = {}
    for name, sql in order["questions"].items():
        reader = _reader(frame, metadata, epsilon=1.0, delta=order["delta"])
        cost = reader.get_privacy_cost(sql)[0]
        if order["same_cost"]:
            reader = _reader(frame, metadata, epsilon=1.0 / cost, delta=order["delta"])
        seconds, values = [], []
        for _ in range(order["repetitions"]):
            start = time.perf_counter()
            rows = reader.execute(sql)
            seconds.append(time.perf_counter() - start)
            values.append({str(row[0]): None if row[1] is None else float(row[1]) for row in rows[1:]})
        found[name] = {"seconds": seconds, "values": values, "cost": cost}
    return found


def _reader(frame: pd.DataFrame, metadata: dict[str, Any], *, epsilon: float, delta: float) -> Any:
    privacy = snsql.Privacy(epsilon=epsilon, delta=delta)
    return snsql.from_df(frame, privacy=privacy, metadata=metadata)


if __name__ == "__main__":
    main()

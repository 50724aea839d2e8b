"""Which copy of a dataset answers questions now.

Guarantees: at most one snapshot of a dataset is active, and only one made under the dataset's
present policy is ever handed out.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, insert, update

from sandbox.audit.group import Transaction
from sandbox.canonical import decode, encode
from sandbox.errors import NotAnswerable, NotFound
from sandbox.policy.authorization import AuthorizationPolicy
from sandbox.policy.dataset import ColumnPolicy, ColumnType, DatasetPolicy, TablePolicy, Use
from sandbox.policy.dummy import Value, dummy_rows
from sandbox.sources.snapshot import Snapshot
from sandbox.store import engine as store
from sandbox.store.tables import snapshot

_ACTIVE = "SELECT document FROM snapshot WHERE dataset = ? AND active"


@lru_cache(maxsize=64)
def _read(document: bytes) -> Snapshot:
    return Snapshot.from_document(decode(document))


def find_active(engine: Engine, dataset: str) -> Snapshot | None:
    """Return the active snapshot of ``dataset``; None before its first registration by this version."""
    with store.reading(engine) as connection:
        row = store.run(connection, _ACTIVE, (dataset,)).fetchone()
    try:
        return None if row is None else _read(row[0])
    except (KeyError, TypeError, ValueError):  # made by a version whose copies this one does not read
        return None


def active(engine: Engine, dataset: str, *, shape: str) -> Snapshot:
    """Return the snapshot that may answer questions of ``dataset``.

    Args:
        engine: of the state database.
        dataset: its name.
        shape: what its copy must have been made under.

    Raises:
        NotAnswerable: none is registered, or the policy has changed since.
    """
    found = find_active(engine, dataset)
    if found is None:
        raise NotAnswerable(
            "dataset-not-registered",
            f"Dataset {dataset} has not been registered yet.",
            allowed=f"A data steward registers it with `sandbox register {dataset}`.",
        )
    if found.shape != shape:
        raise NotAnswerable(
            "dataset-policy-changed",
            f"The policy of dataset {dataset} has changed since it was registered.",
            allowed=f"A data steward registers it again with `sandbox register {dataset}`.",
        )
    return found


def activate(transaction: Transaction, new: Snapshot) -> None:
    """Let ``new`` answer from now on, in the transaction that also logs it."""
    connection = transaction.connection
    connection.execute(update(snapshot).where(snapshot.c.dataset == new.dataset).values(active=False))
    changed = connection.execute(
        update(snapshot).where(snapshot.c.digest == new.digest).values(active=True)
    ).rowcount
    if changed == 0:
        connection.execute(
            insert(snapshot).values(
                digest=new.digest,
                dataset=new.dataset,
                active=True,
                document=encode(new.to_document()),
                registered_at=new.registered_at,
            )
        )


def authorization_document(authorization: AuthorizationPolicy, dataset: DatasetPolicy) -> dict[str, Any]:
    """Describe what ``authorization`` opens of ``dataset``: metadata only, JSON-able."""
    columns = [
        _column_document(table, name, dataset.tables[table])
        for table, names in authorization.tables.items()
        for name in _shown_columns(dataset.tables[table], names)
    ]
    return {
        "authorization": authorization.name,
        "purpose": authorization.purpose,
        "dataset": dataset.name,
        "title": dataset.title,
        "owner": dataset.owner,
        "grade": dataset.grade,
        "start": authorization.term.start.isoformat(),
        "end": authorization.term.end.isoformat(),
        "per_query_epsilon": str(authorization.loss.per_query_epsilon),
        "reviewed_answers": authorization.reviewed_answers,
        "columns": columns,
    }


def dummy_document(
    authorization: AuthorizationPolicy, dataset: DatasetPolicy, table: str, *, rows: int, seed: int
) -> dict[str, Any]:
    """Return made-up rows of the columns that ``authorization`` opens of ``table``, JSON-able.

    Made of the policy alone; decimals and dates are texts.

    Raises:
        NotFound: the authorization opens no such table.
    """
    if table not in authorization.tables:
        raise NotFound(
            "table-out-of-scope",
            "This table is not opened by the authorization.",
            allowed="It opens: " + ", ".join(sorted(authorization.tables)) + ".",
        )
    policy = dataset.tables[table]
    names = _shown_columns(policy, authorization.tables[table])
    made = dummy_rows(dataset, table, rows=rows, seed=seed)
    return {
        "authorization": authorization.name,
        "table": table,
        "made_up": True,
        "columns": [{"name": name, "type": _type_of(policy, name)} for name in names],
        "rows": [[_shown(row[name]) for name in names] for row in made],
    }


def _shown_columns(table: TablePolicy, opened: tuple[str, ...]) -> tuple[str, ...]:
    return opened if table.public else (table.unit_column, *opened)


def _type_of(table: TablePolicy, name: str) -> str:
    return (table.columns[name].type or ColumnType.TEXT).value


def _shown(value: Value) -> int | str | bool | None:
    return str(value) if isinstance(value, Decimal | date) else value


def _column_document(table: str, name: str, policy: TablePolicy) -> dict[str, Any]:
    column = policy.columns[name]
    return {
        "table": table,
        "column": name,
        "use": column.use.value,
        "type": None if column.type is None else column.type.value,
        "domain": list(column.domain),
        "bounds": None if column.bounds is None else [str(bound) for bound in column.bounds],
        "functions": list(column.functions),
        "extremes": None if column.extremes is None else [str(end) for end in column.extremes],
        "period": None if column.period is None else [day.isoformat() for day in column.period],
        "may_group": _may_group(column),
        "description": column.description,
    }


def _may_group(column: ColumnPolicy) -> bool:
    public = column.use is Use.GROUP_KEY or column.type is ColumnType.BOOLEAN or column.period is not None
    return public or column.may_group

"""``sandbox dummy``: a file of made-up rows with the schema of a dataset's table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import click
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # as above

from sandbox.errors import NotAnswerable
from sandbox.governance.registration import require_dataset
from sandbox.policy.dataset import ColumnPolicy, ColumnType, DatasetPolicy, TablePolicy
from sandbox.policy.dummy import Value, dummy_rows
from sandbox.policy.load import load
from sandbox.settings import Settings

MOST_ROWS = 10_000_000
"""Rows of one file; all are held in memory."""


@click.command()
@click.argument("dataset")
@click.option("--table", metavar="TABLE", help="Which table; may be left out where the dataset has one.")
@click.option("--rows", type=click.IntRange(0, MOST_ROWS), default=1000, show_default=True)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other rows."
)
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write; the ending .csv or .parquet says as what.",
)
def dummy(dataset: str, table: str | None, rows: int, seed: int, output: Path) -> None:
    """Write made-up rows of a table of DATASET, from its policy alone.

    They have its columns, types, domains and bounds and say nothing about anyone; no data is read, so
    they cost nothing. Hidden columns are empty.
    """
    policy = require_dataset(load(Settings.from_environment().policies), dataset)
    name = table or _only_table(policy)
    made = dummy_rows(policy, name, rows=rows, seed=seed)
    write_rows(output, policy.tables[name], made)
    click.echo(f"{output}: {len(made)} made-up rows of {name}")


def _only_table(dataset: DatasetPolicy) -> str:
    if len(dataset.tables) > 1:
        raise NotAnswerable(
            "table-unnamed",
            f"Dataset {dataset.name} has several tables.",
            allowed="Choose one with --table: " + ", ".join(sorted(dataset.tables)) + ".",
        )
    return next(iter(dataset.tables))


def write_rows(path: Path, table: TablePolicy, rows: Sequence[dict[str, Value]]) -> None:
    """Write rows as the ending of ``path`` says.

    Raises:
        NotAnswerable: it ends in neither .csv nor .parquet, or cannot be written.
    """
    try:
        match path.suffix:
            case ".csv":
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, fieldnames=list(table.columns))
                    writer.writeheader()
                    writer.writerows(rows)
            case ".parquet":
                schema = pa.schema({name: _arrow(column) for name, column in table.columns.items()})
                pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
            case _:
                raise NotAnswerable(
                    "file-ending",
                    "The file's ending does not say its form.",
                    allowed="End it in .csv or .parquet.",
                )
    except OSError:
        raise NotAnswerable(
            "file-not-written",
            "The file cannot be written.",
            allowed="Name a file in a directory you may write to.",
        ) from None


def _arrow(column: ColumnPolicy) -> pa.DataType:
    match column.type:
        case ColumnType.INTEGER:
            return pa.int64()
        case ColumnType.DECIMAL:
            return pa.decimal128(38, column.decimals)
        case ColumnType.DATE:
            return pa.date32()
        case ColumnType.BOOLEAN:
            return pa.bool_()
        case _:
            return pa.string()


commands: tuple[click.Command, ...] = (dummy,)

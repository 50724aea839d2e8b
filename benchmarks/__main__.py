"""Command line: ``python -m benchmarks``."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from benchmarks import flood, growth, log, notebooks, peer, postgres, screening, search, small, speed
from benchmarks.bench import FULL, QUICK, TINY, Bench
from benchmarks.harness import Result, save, say, table

MEASUREMENTS: Final[dict[str, Callable[[Bench], Iterator[Result]]]] = {
    "small": small.measure,
    "speed": speed.measure,
    "growth": growth.measure,
    "postgres": postgres.measure,
    "log": log.measure,
    "search": search.measure,
    "flood": flood.measure,
    "screening": screening.measure,
    "notebooks": notebooks.measure,
    "peer": peer.measure,
}
SIZES: Final = {"full": FULL, "quick": QUICK, "tiny": TINY}
RESULTS: Final = Path(__file__).parent / "results" / "latest.json"
DIRECTORY_MODE: Final = 0o711
"""Parts that run under a uid of their own must reach their directories."""


@click.command()
@click.option(
    "--full", "size", flag_value="full", default=True, help="What the goals speak of: the usual form."
)
@click.option(
    "--quick",
    "size",
    flag_value="quick",
    help="Smaller tables, two minutes; ratios against the plain query come out larger.",
)
@click.option(
    "--tiny", "size", flag_value="tiny", help="Shows that everything runs; its figures mean nothing."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(MEASUREMENTS)),
    help="Measure only this; may be repeated.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory where generated data and the peer's environment are kept, and found the next time.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS,
    help="Where the figures are written as JSON; by default benchmarks/results/latest.json.",
)
def main(*, size: str, only: tuple[str, ...], keep: Path | None, output: Path) -> None:
    """Measure the query engine and show every figure beside its goal, reached or not.

    Figures are ratios or medians of one run, with both sides asked in turns. They hold for this
    machine and for what else it does meanwhile. Missed goals do not make the command fail;
    a measurement that breaks does. The full form takes a quarter of an hour and 6 GiB of disk.

    \b
    small     overhead of a small question and its parts, a repeat, 10,000 noisy cells
    speed     a private answer against the plain DuckDB query
    growth    registration: time, memory, growth with the rows
    postgres  a private answer against the plain PostgreSQL query
    log       records of the log against appending to a file and flushing it
    flood     another person's requests while one opens thousands of connections
    screening submitted files of each kind, and bombs
    notebooks start of a notebook beside docker run and a plain DockerSpawner, idle memory, image
    peer      time and error beside smartnoise-sql, installed for it from PyPI
    """  # noqa: D301  # click's mark for lines that stay as they are
    place = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108  # mkdtemp below makes the name
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        keep.chmod(DIRECTORY_MODE)
    with tempfile.TemporaryDirectory(prefix="sandbox-benchmarks-", dir=keep or place) as name:
        work = Path(name).resolve()
        work.chmod(DIRECTORY_MODE)
        bench = Bench(sizes=SIZES[size], data=work if keep is None else keep.resolve(), work=work)
        results, broken = _measured(bench, only or tuple(MEASUREMENTS))
    save(results, output)
    click.echo(table(results))
    say(f"written to {output}")
    sys.exit(1 if broken else 0)


def _measured(bench: Bench, names: tuple[str, ...]) -> tuple[list[Result], list[str]]:
    results: list[Result] = []
    broken: list[str] = []
    for name in names:
        say(f"{name}: load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        try:
            for result in MEASUREMENTS[name](bench):
                results.append(result)
                say(f"  {result.name}: {result.shown}")
        except Exception as fault:  # noqa: BLE001  # whatever broke, the other figures are shown
            traceback.print_exc()
            results.append(Result(name=name, value=None, unit="", notes=(f"Broke: {type(fault).__name__}.",)))
            broken.append(name)
    return results, broken


if __name__ == "__main__":
    main()

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest
from questions import SEED, VISITS, dataset_of, load, write_rows

from sandbox.canonical import encode
from sandbox.errors import NotAnswerable
from sandbox.policy.dataset import DatasetPolicy
from sandbox.privacy.loss import Loss
from sandbox.sources.loading.duck import DuckFiles
from sandbox.sources.register import FAILED_EXIT, Places, look, planned_loss, register, unreadable
from sandbox.sources.snapshot import Snapshot, shape_of

CSV = "person_id,district,year,cost,change,day,note\n"
DATASET = dataset_of(VISITS, source="visits.csv", max_rows=2)


def load_csv(directory: Path, rows: str, *, dataset: DatasetPolicy = DATASET, **given: Any) -> Snapshot:
    raw = directory / "raw"
    raw.mkdir(exist_ok=True)
    (raw / "visits.csv").write_text(CSV + rows)
    return load(dataset, directory, **given)


def copied(snapshot: Snapshot, columns: str = "*") -> list[Any]:
    with duckdb.connect(snapshot.location, read_only=True) as connection:
        return connection.execute(f"SELECT {columns} FROM visits ORDER BY ALL").fetchall()  # noqa: S608 - own text


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("12.34", 123),
        ("12.35", 124),
        ("99.96", 1000),
        ("-3", 0),
        ("1e9", 1000),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("", None),
        ("x12", None),
        ("1e999", None),
    ],
)
def test_a_measure_is_kept_as_a_whole_number_within_its_bounds(
    tmp_path: Path, written: str, kept: int | None
) -> None:
    assert copied(load_csv(tmp_path, f"a,Bei,1,{written},0,2025-01-01,n\n"), "cost") == [(kept,)]


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Bei,1", ("Bei", 1)), ("bei,1.0", (None, 1)), ("Rome,3", (None, None)), (",1.5", (None, None))],
)
def test_a_group_outside_its_public_domain_is_missing(tmp_path: Path, written: str, kept: tuple[Any]) -> None:
    assert copied(load_csv(tmp_path, f"a,{written},1,0,2025-01-01,n\n"), "district, year") == [kept]


def test_rows_of_nobody_are_dropped_and_the_rest_is_bounded_by_unit(tmp_path: Path) -> None:
    rows = ",Bei,1,1,0,2025-01-01,n\n" * 3 + "".join(f"a,Bei,1,{n},0,2025-01-01,n\n" for n in range(9))
    kept = copied(load_csv(tmp_path, rows + "b,Bei,1,1,0,2025-01-01,n\n"), "person_id, _rn")
    assert kept == [("a", 1), ("a", 2), ("b", 1)]


def test_hidden_columns_are_not_in_the_copy(tmp_path: Path) -> None:
    snapshot = load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,a secret remark\n")
    with duckdb.connect(snapshot.location, read_only=True) as connection:
        names = [row[0] for row in connection.execute("DESCRIBE visits").fetchall()]
    assert names == ["person_id", "district", "year", "cost", "change", "day", "_rn"]
    assert b"a secret remark" not in Path(snapshot.location).read_bytes()


def test_the_seed_decides_which_rows_are_kept_and_is_not_left_behind(tmp_path: Path) -> None:
    rows = "".join(f"a,Bei,1,{n},0,2025-01-01,n\n" for n in range(50))
    snapshot = load_csv(tmp_path, rows)
    content = Path(snapshot.location).read_bytes()
    assert SEED.hex().encode() not in content
    assert SEED not in content
    before = copied(snapshot)
    other = register(
        DATASET,
        places=Places(raw=tmp_path / "raw", target=tmp_path / "bounded"),
        seed=b"another secret of 32 bytes......",
        policy_digest="p",
    )
    assert other.digest != snapshot.digest
    assert len(copied(other)) == len(before)
    assert copied(other) != before


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.uint64(), pa.float64(), pa.string()])
def test_units_of_any_type_stay_apart(tmp_path: Path, kind: pa.DataType) -> None:
    schema = pa.schema({"person_id": kind, "cost": pa.int32()})
    ids = ["1", "2", "3"] if kind == pa.string() else [1, 2, 3]
    rows = [{"person_id": unit, "cost": 5} for unit in [*ids, *ids, *ids, None]]
    write_rows(tmp_path / "raw" / "visits.parquet", rows, schema)
    dataset = dataset_of({name: VISITS[name] for name in ("person_id", "cost")}, max_rows=2)
    assert len(copied(load(dataset, tmp_path))) == 6


def test_the_copy_is_readable_by_its_owner_and_the_given_group_only(tmp_path: Path) -> None:
    snapshot = load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    assert stat.S_IMODE(Path(snapshot.location).stat().st_mode) == 0o600
    Path(snapshot.location).unlink()
    places = Places(raw=tmp_path / "raw", target=tmp_path / "bounded", reader_gid=os.getgid())
    shared = register(DATASET, places=places, seed=SEED, policy_digest="p")
    assert stat.S_IMODE(Path(shared.location).stat().st_mode) == 0o640
    assert [path.name for path in (tmp_path / "bounded").iterdir()] == [Path(shared.location).name]


def test_registering_the_same_again_keeps_copy_and_profile(tmp_path: Path) -> None:
    rows = "a,Bei,1,1,0,2025-01-01,n\n"
    first = load_csv(tmp_path, rows)
    written = Path(first.location).stat().st_mtime_ns
    assert load(DATASET, tmp_path, known=first) == first
    assert Path(first.location).stat().st_mtime_ns == written
    Path(first.location).unlink()
    assert load(DATASET, tmp_path, known=first) == first
    assert copied(first, "person_id") == [("a",)]


def test_another_source_or_policy_is_another_digest(tmp_path: Path) -> None:
    first = load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    wider = dataset_of(VISITS, source="visits.csv", max_rows=3)
    other_policy = look(wider, places=Places(raw=tmp_path / "raw", target=tmp_path), seed=SEED).digest
    other_rows = load_csv(tmp_path, "b,Bei,1,1,0,2025-01-01,n\n").digest
    assert len({first.digest, other_policy, other_rows}) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1 no parquet at all",
        b"",
        b"person_id,cost\n1,2\n",
        CSV.encode() + b'Anna Secret,"Bei\n',
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_cannot_be_read_gives_one_sentence_and_leaves_the_old_copy(
    tmp_path: Path, content: bytes, ending: str
) -> None:
    old = load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    before = Path(old.location).read_bytes()
    (tmp_path / "raw" / f"visits.{ending}").write_bytes(content)
    with pytest.raises(NotAnswerable) as refusal:
        load(dataset_of(VISITS, source=f"visits.{ending}", max_rows=2), tmp_path)
    assert str(refusal.value) == str(unreadable())
    assert refusal.value.__cause__ is None
    assert [path.read_bytes() for path in (tmp_path / "bounded").iterdir()] == [before]


def test_a_source_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = DuckFiles._build

    def build_and_touch(*args: Any) -> Any:
        counts = build(*args)
        (tmp_path / "raw" / "visits.csv").write_text(CSV)
        return counts

    monkeypatch.setattr(DuckFiles, "_build", build_and_touch)
    with pytest.raises(NotAnswerable):
        load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    assert list((tmp_path / "bounded").iterdir()) == []


def test_a_seed_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="short"):
        register(DATASET, places=Places(raw=tmp_path, target=tmp_path), seed=b"short", policy_digest="p")


def test_the_planned_loss_is_that_of_one_histogram_a_table() -> None:
    tables = {**DATASET.tables, "more": DATASET.tables["visits"]}
    assert planned_loss(DATASET) == Loss.of_pure(Decimal("0.5"))
    assert planned_loss(DATASET.model_copy(update={"tables": tables})) == Loss(
        2 * Loss.of_pure(Decimal("0.5")).picorho
    )


def test_the_profile_is_near_the_truth_and_no_raw_count_is_in_the_document(tmp_path: Path) -> None:
    rows = "".join(f"p{n},Bei,1,1,0,2025-01-01,n\n" * (3 if n % 4 == 0 else 1) for n in range(4000))
    snapshot = load_csv(tmp_path, rows)
    profile = snapshot.profile["visits"]
    assert abs(profile.units - 4000) < 100
    assert abs(profile.units_over - 1000) < 100
    assert set(snapshot.to_document()) == {
        "digest", "dataset", "engine", "location", "policy_digest", "shape", "profile", "registered_at"
    }  # fmt: skip
    assert Snapshot.from_document(json.loads(encode(snapshot.to_document()))) == snapshot


def registrar(order: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox.sources.register"],
        input=encode(order),
        capture_output=True,
        check=False,
        timeout=60,
    )


def order_of(directory: Path, dataset: DatasetPolicy) -> dict[str, Any]:
    seed = directory / "seed"
    seed.write_bytes(SEED)
    return {
        "dataset": dataset.model_dump(mode="json", exclude_unset=True),
        "places": Places(raw=directory / "raw", target=directory / "bounded").to_document(),
        "seed": str(seed),
        "policy_digest": shape_of(dataset),
    }


def test_the_registrar_answers_another_process_with_the_snapshot(tmp_path: Path) -> None:
    here = load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    order = order_of(tmp_path, DATASET)
    looked = registrar(order | {"only_look": True})
    assert json.loads(looked.stdout) == {"digest": here.digest, "stands": True}
    assert json.loads(registrar(order | {"known": here.to_document()}).stdout) == here.to_document()


def test_the_registrar_fails_with_one_sentence_whatever_is_wrong(tmp_path: Path) -> None:
    load_csv(tmp_path, "a,Bei,1,1,0,2025-01-01,n\n")
    (tmp_path / "raw" / "visits.csv").write_text("Anna Secret\n")
    order = order_of(tmp_path, DATASET)
    for wrong in (order, {}, order | {"seed": str(tmp_path / "none")}):
        done = registrar(wrong)
        assert (done.returncode, done.stdout) == (FAILED_EXIT, b"")
        assert done.stderr.decode().strip() == str(unreadable())

"""The exported folder: verifies alone, and never after any byte of it was changed."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.audit import layout, merkle, tiles, verify
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.audit.verify import VerificationFailed
from sandbox.errors import Refusal
from sandbox.settings import Settings
from sandbox.store.engine import open_state

SEED = b"\x21" * 32


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_of(folder)}


def grow(log: Log, count: int) -> None:
    with log.writing() as tx:
        for number in range(count):
            tx.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"s{number}"))


def write_folder(folder: Path, leaves: list[bytes], key: SigningKey, origin: str = "log") -> None:
    """Write an export by the specification alone, without a database: a second implementation."""
    tree = merkle.Frontier()
    hashes: dict[int, list[bytes]] = {}
    for leaf in leaves:
        for level, _, value in tree.push(leaf):
            hashes.setdefault(level, []).append(value)
    files = {
        layout.bundle_path(n, width): b"".join(
            len(leaf).to_bytes(2) + leaf for leaf in leaves[n * 256 : n * 256 + width]
        )
        for n, width in layout.portions(len(leaves))
    }
    for level, count in layout.levels(len(leaves)):
        for n, width in layout.portions(count):
            row = hashes[level * 8][n * 256 : n * 256 + width]
            files[layout.tile_path(level, n, width)] = b"".join(row)
    head = Checkpoint(origin=origin, size=len(leaves), root=tree.root())
    files["checkpoint"], files["log.pub"] = head.sign(key), f"{key.public.note_text(origin)}\n".encode()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    engine = open_state(Settings(home=tmp_path / "home"))
    yield Log(engine, signer=KeySigner(SigningKey.from_seed(SEED)), private_key=bytes(32))
    engine.dispose()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("exported")
    engine = open_state(Settings(home=home / "home"))
    log = Log(engine, signer=KeySigner(SigningKey.from_seed(SEED)), private_key=bytes(32))
    grow(log, 260)
    tiles.export(log, home / "folder")
    engine.dispose()
    return home / "folder"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.fixture
def refused(folder: Path) -> Callable[[], str]:
    """Verify with and without the trusted key; return the file that both name as wrong."""
    key = SigningKey.from_seed(SEED).public.note_text("public-data-sandbox/log")

    def check() -> str:
        with pytest.raises(VerificationFailed):
            verify.verify(folder, key)
        with pytest.raises(VerificationFailed) as failed:
            verify.verify(folder)
        return failed.value.file

    return check


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 513])
def test_an_export_verifies_and_says_what_the_log_says(log: Log, tmp_path: Path, size: int) -> None:
    grow(log, size)
    assert tiles.export(log, tmp_path / "folder") == size
    found = verify.verify(tmp_path / "folder", log.status().key)
    assert (found.size, found.root) == (size, log.status().root)
    assert found.remark == ""


def test_a_key_taken_from_the_folder_is_said_to_be(folder: Path) -> None:
    found = verify.verify(folder)
    assert found.key_from_folder
    assert found.fingerprint in found.remark


def test_exporting_again_changes_no_file(log: Log, tmp_path: Path) -> None:
    grow(log, 300)
    tiles.export(log, tmp_path / "folder")
    before = {path: path.stat().st_mtime_ns for path in files_of(tmp_path / "folder")}
    tiles.export(log, tmp_path / "folder")
    assert {path: path.stat().st_mtime_ns for path in files_of(tmp_path / "folder")} == before


def test_a_grown_log_exports_into_the_same_folder_as_into_a_new_one(log: Log, tmp_path: Path) -> None:
    for count in (100, 155, 1, 300):
        grow(log, count)
        tiles.export(log, tmp_path / "folder")
        verify.verify(tmp_path / "folder")
    tiles.export(log, tmp_path / "new")
    assert contents_of(tmp_path / "folder") == contents_of(tmp_path / "new")


def test_private_text_is_in_no_exported_file(log: Log, tmp_path: Path) -> None:
    log.append(Event(kind=Kind.LOGIN, actor="ana", subject="ana"), private="Jane Doe")
    tiles.export(log, tmp_path / "folder")
    assert all(b"Jane Doe" not in data for data in contents_of(tmp_path / "folder").values())


def test_an_empty_log_and_a_folder_of_something_else_are_refused(log: Log, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no entry yet"):
        tiles.export(log, tmp_path / "folder")
    grow(log, 1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    with pytest.raises(Refusal, match="something else"):
        tiles.export(log, tmp_path / "folder")


def test_the_largest_leaf_and_three_levels_of_tiles_verify(tmp_path: Path) -> None:
    leaves = [b"x" * 65_535, b"", *(number.to_bytes(4) for number in range(65_600))]
    write_folder(tmp_path, leaves, SigningKey.from_seed(SEED))
    assert verify.verify(tmp_path).size == 65_602
    (tmp_path / "tile/1/000").write_bytes(bytes(256 * 32))
    with pytest.raises(VerificationFailed, match="tile/1/000"):
        verify.verify(tmp_path)


def test_no_export_with_a_changed_byte_is_accepted(folder: Path, refused: Callable[[], str]) -> None:
    chance = random.Random(20_260_101)  # noqa: S311  # a repeatable choice of mutations, no secret
    files = files_of(folder)
    for _ in range(600):
        path = chance.choice(files)
        data = path.read_bytes()
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        path.write_bytes(changed)
        assert refused()
        path.write_bytes(data)
    verify.verify(folder)


def test_no_cut_lengthened_or_missing_file_is_accepted(folder: Path, refused: Callable[[], str]) -> None:
    for path in files_of(folder):
        data = path.read_bytes()
        for changed in (data[:-1], data[1:], data + b"\n", data + data, b"", data[:-32]):
            path.write_bytes(changed)
            assert refused()
        path.unlink()
        assert refused() == path.relative_to(folder).as_posix()
        path.write_bytes(data)
    verify.verify(folder)


def test_a_file_that_does_not_belong_is_named(folder: Path, refused: Callable[[], str]) -> None:
    (folder / "tile/0/007").write_bytes(b"")
    assert refused() == "tile/0/007"


def test_entries_in_another_order_are_refused(folder: Path, refused: Callable[[], str]) -> None:
    bundle = folder / "tile/entries/001.p/4"
    data = bundle.read_bytes()
    length = 2 + int.from_bytes(data[:2])
    bundle.write_bytes(data[length : 2 * length] + data[:length] + data[2 * length :])
    assert refused() == "tile/0/001.p/4"


def test_a_whole_forged_log_is_caught_by_the_trusted_key_and_shown_by_its_fingerprint(
    folder: Path, tmp_path: Path
) -> None:
    forger = SigningKey.from_seed(bytes(32))
    write_folder(tmp_path / "forged", [b"{}"] * 260, forger, "public-data-sandbox/log")
    trusted = (folder / "log.pub").read_text()
    with pytest.raises(VerificationFailed, match=r"log\.pub"):
        verify.verify(tmp_path / "forged", trusted)
    assert verify.verify(tmp_path / "forged").fingerprint != verify.verify(folder).fingerprint
    shutil.copy(folder / "log.pub", tmp_path / "forged" / "log.pub")
    with pytest.raises(VerificationFailed, match="checkpoint"):
        verify.verify(tmp_path / "forged")


def test_verifying_needs_no_database(folder: Path) -> None:
    program = (
        "import sys; sys.modules['sqlalchemy'] = sys.modules['alembic'] = None; from pathlib import Path; "
        "from sandbox.audit.verify import verify; print(verify(Path(sys.argv[1])).size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "260\n"

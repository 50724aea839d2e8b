"""Go's own note and tlog packages accept what the log hands out, and nothing that was changed in it."""

from __future__ import annotations

import base64
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from outside import Outside

from sandbox.audit import merkle, reading, tiles
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.log import Log
from sandbox.audit.signer import KeySigner
from sandbox.settings import Settings
from sandbox.store.engine import open_state


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A log, an older and a newer export of it, and proofs that were handed out."""

    key: str
    older: Path
    newer: Path
    tree: Path
    proofs: tuple[tuple[Path, Path], ...]


def grow(log: Log, count: int) -> None:
    with log.writing() as tx:
        for number in range(count):
            tx.append(Event(kind=Kind.LOGIN, actor="ana", subject=f"s{number}"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    place = tmp_path_factory.mktemp("outside-log")
    engine = open_state(Settings(home=place))
    log = Log(engine, signer=KeySigner(SigningKey.from_seed(b"\x21" * 32)), private_key=bytes(32))
    grow(log, 100)
    tiles.export(log, place / "older")
    grow(log, 160)
    tiles.export(log, place / "newer")
    with log.reading() as connection:
        path = merkle.consistency_path(100, 260, reading.node_of(connection))
    (place / "tree").write_text("".join(base64.b64encode(item).decode() + "\n" for item in path))
    proofs = []
    for seq in (0, 99, 255, 256, 259):
        (place / f"{seq}.tlog-proof").write_bytes(log.proof(seq))
        (place / f"{seq}.leaf").write_bytes(log.leaf(seq))
        proofs.append((place / f"{seq}.tlog-proof", place / f"{seq}.leaf"))
    key = log.key.note_text(log.origin)
    yield Exported(
        key=key, older=place / "older", newer=place / "newer", tree=place / "tree", proofs=tuple(proofs)
    )
    engine.dispose()


def mutations(data: bytes, count: int, chance: random.Random) -> Iterator[bytes]:
    """Return ``data`` with one byte changed, ``count`` times, then cut and lengthened."""
    for _ in range(count):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        yield bytes(changed)
    yield from (data[:-1], data[1:], data + data[-1:], b"")


def test_every_entry_tile_and_checkpoint_is_accepted(outside: Outside, exported: Exported) -> None:
    for folder, size in ((exported.older, 100), (exported.newer, 260)):
        count, root = outside.run("folder", folder, exported.key).split()
        assert int(count) == size
        assert root.encode() in (folder / "checkpoint").read_bytes()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513])
def test_logs_of_the_sizes_of_tiles_are_accepted(outside: Outside, tmp_path: Path, size: int) -> None:
    engine = open_state(Settings(home=tmp_path))
    log = Log(engine, signer=KeySigner(SigningKey.from_seed(b"\x22" * 32)), private_key=bytes(32))
    grow(log, size)
    tiles.export(log, tmp_path / "folder")
    assert outside.run("folder", tmp_path / "folder", log.status().key).split()[0] == str(size)
    engine.dispose()


def test_no_changed_byte_of_an_export_is_accepted(
    outside: Outside, exported: Exported, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(exported.newer, tmp_path / "copy"))
    chance, refused = random.Random(20_260_102), 0  # noqa: S311  # a repeatable choice, no secret
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for changed in mutations(data, 45, chance):
            path.write_bytes(changed)
            assert outside.refuses("folder", folder, exported.key), path
            refused += 1
        path.write_bytes(data)
    assert refused >= 300
    assert not outside.refuses("folder", folder, exported.key)


def test_another_key_accepts_nothing(outside: Outside, exported: Exported) -> None:
    other = SigningKey.from_seed(bytes(32)).public.note_text("public-data-sandbox/log")
    proof, leaf = exported.proofs[0]
    assert outside.refuses("folder", exported.newer, other)
    assert outside.refuses("proof", other, proof, leaf)


def test_a_grown_log_is_shown_to_begin_with_the_older_one(outside: Outside, exported: Exported) -> None:
    heads = [folder / "checkpoint" for folder in (exported.older, exported.newer)]
    outside.run("grown", exported.newer, exported.key, heads[0])
    outside.run("tree", exported.key, *heads, exported.tree)


def test_no_changed_byte_of_a_consistency_proof_or_its_checkpoints_is_accepted(
    outside: Outside, exported: Exported, tmp_path: Path
) -> None:
    files = [exported.older / "checkpoint", exported.newer / "checkpoint", exported.tree]
    copies = [Path(shutil.copy(file, tmp_path / str(number))) for number, file in enumerate(files)]
    chance = random.Random(20_260_103)  # noqa: S311  # a repeatable choice, no secret
    for copy in copies:
        data = copy.read_bytes()
        for changed in mutations(data, 40, chance):
            if copy == copies[2] and changed == data[:-1]:
                continue  # Go's reader asks for no last newline
            copy.write_bytes(changed)
            assert outside.refuses("tree", exported.key, *copies), changed
        copy.write_bytes(data)


def test_a_fork_is_not_consistent(outside: Outside, exported: Exported, tmp_path: Path) -> None:
    engine = open_state(Settings(home=tmp_path))
    log = Log(engine, signer=KeySigner(SigningKey.from_seed(b"\x21" * 32)), private_key=bytes(32))
    log.append(Event(kind=Kind.LOGIN, actor="eve", subject="another history"))
    grow(log, 259)
    tiles.export(log, tmp_path / "forked")
    assert not outside.refuses("folder", tmp_path / "forked", exported.key)
    assert outside.refuses("grown", tmp_path / "forked", exported.key, exported.older / "checkpoint")
    engine.dispose()


def test_proofs_handed_out_are_accepted_and_none_with_a_changed_byte(
    outside: Outside, exported: Exported, tmp_path: Path
) -> None:
    chance = random.Random(20_260_104)  # noqa: S311  # a repeatable choice, no secret
    for proof, leaf in exported.proofs:
        assert not outside.refuses("proof", exported.key, proof, leaf)
        for original in (proof, leaf):
            for changed in mutations(original.read_bytes(), 20, chance):
                (tmp_path / "changed").write_bytes(changed)
                now = [tmp_path / "changed" if one == original else one for one in (proof, leaf)]
                assert outside.refuses("proof", exported.key, *now), changed


def test_both_make_the_same_consistency_proofs(outside: Outside) -> None:
    tree, nodes = merkle.Frontier(), {}
    for number in range(130):
        nodes.update({(level, n): value for level, n, value in tree.push(number.to_bytes(4))})
    lines = outside.run("prove", "130").splitlines()
    assert len(lines) == 130 * 131 // 2
    for line in lines:
        old, new, *hashes = line.split()
        path = merkle.consistency_path(int(old), int(new), lambda level, n: nodes[level, n])
        assert ",".join(base64.b64encode(item).decode() for item in path) == "".join(hashes)

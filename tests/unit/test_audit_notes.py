"""Checkpoints, proofs, receipts, events and the layout of an export: one value, one spelling."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import canonical
from sandbox.audit import checkpoint, layout, receipt
from sandbox.audit import proof as tlog_proof
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.event import LEAF_LIMIT, Event, Kind
from sandbox.audit.keys import SigningKey
from sandbox.audit.proof import Proof
from sandbox.audit.receipt import Receipt
from sandbox.errors import Malformed, Refusal, TooLarge

KEY = SigningKey.from_seed(b"\x07" * 32)
HEAD = Checkpoint(origin="example.org/log", size=3, root=bytes(range(32)))
NOTE = HEAD.sign(KEY)
RECEIPT = Receipt(
    answer="q-1",
    author="ana",
    authorization="visits-2026",
    dataset="health_visits",
    snapshot="sha256:00",
    question="sha256:01",
    epsilon="0.5",
    picorho=125_000_000_000,
    csv_sha256="sha256:02",
    json_sha256="sha256:03",
    seq=4,
    issued_at="2026-01-01T00:00:00.000000+00:00",
)


def read_note(note: bytes) -> Checkpoint:
    return checkpoint.read(note, origin=HEAD.origin, key=KEY.public)


def test_a_checkpoint_is_read_back() -> None:
    assert read_note(NOTE) == HEAD


def test_a_checkpoint_looks_as_the_specification_says() -> None:
    lines = NOTE.decode().split("\n")
    assert lines[:2] == ["example.org/log", "3"]
    assert lines[3] == ""
    assert lines[4].startswith("— example.org/log ")
    assert base64.b64decode(lines[4].split(" ")[2])[:4] == KEY.public.note_id("example.org/log")


def test_signatures_of_witnesses_are_passed_over() -> None:
    witness = SigningKey.from_seed(b"\x08" * 32)
    line = base64.b64encode(witness.public.note_id("witness") + bytes(64)).decode()
    assert read_note(NOTE + f"— witness {line}\n".encode()) == HEAD


@given(place=st.integers(0, len(NOTE) - 1), flip=st.integers(1, 255))
def test_no_changed_byte_of_a_checkpoint_is_accepted(place: int, flip: int) -> None:
    changed = bytearray(NOTE)
    changed[place] ^= flip
    with pytest.raises(Refusal):
        read_note(bytes(changed))


@pytest.mark.parametrize("size", ["03", "+3", " 3", "3_0", "-3", "", "٣"])
def test_a_size_has_one_spelling_even_if_signed(size: str) -> None:
    text = f"{HEAD.origin}\n{size}\n{base64.b64encode(HEAD.root).decode()}\n"
    signature = base64.b64encode(KEY.public.note_id(HEAD.origin) + KEY.sign(text.encode())).decode()
    with pytest.raises(Refusal, match="tree head"):
        read_note(f"{text}\n— {HEAD.origin} {signature}\n".encode())


def test_a_checkpoint_of_another_log_or_key_is_refused() -> None:
    with pytest.raises(Refusal, match="another log"):
        checkpoint.read(NOTE, origin="example.org/other", key=KEY.public)
    with pytest.raises(Refusal, match="not signed by this key"):
        checkpoint.read(NOTE, origin=HEAD.origin, key=SigningKey.from_seed(bytes(32)).public)


@pytest.mark.parametrize("note", [b"", b"\n\n", b"\xff", b"a\n1\n\n", NOTE[:-1], NOTE * 2, b"x" * 200_000])
def test_what_is_no_checkpoint_is_refused(note: bytes) -> None:
    with pytest.raises(Refusal, match="not accepted"):
        read_note(note)


@given(st.integers(0, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=64))
def test_a_proof_is_read_back(index: int, path: list[bytes]) -> None:
    proof = Proof(index=index, path=tuple(path), note=NOTE)
    assert tlog_proof.parse(proof.text()) == proof


@pytest.mark.parametrize("index", ["01", "+1", " 1", "1_0", "x"])
def test_an_index_has_one_spelling(index: str) -> None:
    with pytest.raises(ValueError, match="not a tlog-proof"):
        tlog_proof.parse(f"{tlog_proof.HEADER}\nindex {index}\n\n".encode() + NOTE)


def test_a_receipt_is_read_back() -> None:
    assert receipt.read(RECEIPT.issue(KEY), KEY.public) == RECEIPT


def test_a_receipt_of_another_key_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        receipt.read(RECEIPT.issue(SigningKey.from_seed(bytes(32))), KEY.public)
    assert refused.value.code == "receipt-invalid"


@given(data=st.data())
def test_no_changed_character_of_a_receipt_is_accepted(data: st.DataObject) -> None:
    word = RECEIPT.issue(KEY)
    place = data.draw(st.integers(0, len(word) - 1))
    other = data.draw(st.characters().filter(lambda character: character != word[place]))
    with pytest.raises(Refusal, match="not issued"):
        receipt.read(word[:place] + other + word[place + 1 :], KEY.public)


@pytest.mark.parametrize("text", ["", ".", "..", "pds1..", "a.b.c.d", "pds1.e30.e30", "x" * 100_000])
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="not issued"):
        receipt.read(text, KEY.public)


def test_a_signed_value_that_is_no_receipt_is_refused() -> None:
    claims = canonical.encode({"answer": "q-1"})
    words = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (claims, KEY.sign(claims)))
    with pytest.raises(Refusal, match="not issued"):
        receipt.read("pds1." + ".".join(words), KEY.public)


def test_a_leaf_is_canonical_and_in_utc() -> None:
    event = Event(kind=Kind.LOGIN, actor="ana", subject="ana", body={"b": 1, "a": "x"})
    at = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    document = canonical.decode(event.leaf(at))
    assert document["at"] == "2026-01-01T00:00:00.000000+00:00"
    assert event.leaf(at) == event.leaf(at.astimezone(UTC))


def test_a_leaf_is_no_longer_than_an_export_can_say() -> None:
    event = Event(kind=Kind.LOGIN, actor="ana", subject="ana")
    room = LEAF_LIMIT - len(replace(event, body={"text": ""}).leaf(datetime.now(UTC)))
    assert len(replace(event, body={"text": "x" * room}).leaf(datetime.now(UTC))) == LEAF_LIMIT
    with pytest.raises(TooLarge, match="too large"):
        replace(event, body={"text": "x" * (room + 1)}).leaf(datetime.now(UTC))


@pytest.mark.parametrize(
    "change", [{"actor": ""}, {"subject": ""}, {"authorization": "x" * 256}, {"related": ("x" * 256,)}]
)
def test_an_event_without_or_with_endless_names_is_refused(change: dict[str, object]) -> None:
    fields: dict[str, object] = {"kind": Kind.LOGIN, "actor": "ana", "subject": "ana", **change}
    with pytest.raises(Malformed, match="missing or too long"):
        Event(**fields)  # type: ignore[arg-type]  # the table above varies the fields


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Malformed, match="not valid Unicode"):
        Event(kind=Kind.LOGIN, actor="ana", subject="\ud800").leaf(datetime.now(UTC))


def test_an_export_of_70000_entries_is_laid_out_as_the_specification_says() -> None:
    paths = list(layout.all_paths(70_000))
    assert len([path for path in paths if path.startswith("tile/0/") and ".p" not in path]) == 273
    assert {path for path in paths if ".p/" in path and "entries" not in path} == {
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    assert layout.tile_path(0, 1_234_067, 256) == "tile/0/x001/x234/067"
    assert list(layout.all_paths(256)) == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]

"""Cosignatures and the requests for them: one value, one spelling, and only the witness's own key."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.audit import checkpoint
from sandbox.audit.checkpoint import Checkpoint
from sandbox.audit.cosignature import Cosigner, cosign
from sandbox.audit.keys import SigningKey
from sandbox.errors import Refusal
from sandbox.witness.request import PATH_LIMIT, Request, parse

LOG, KEY = SigningKey.from_seed(b"\x07" * 32), SigningKey.from_seed(b"\x08" * 32)
WITNESS = Cosigner(name="witness.example/w1", key=KEY.public)
HEAD = Checkpoint(origin="example.org/log", size=3, root=bytes(range(32)))
NOTE = HEAD.sign(LOG)
LINE = cosign(HEAD.text(), name=WITNESS.name, signer=KEY, time=1_679_315_147).text().encode()
COSIGNED = NOTE + LINE


def test_a_cosignature_is_made_as_the_specification_says() -> None:
    dash, name, value = LINE.decode().split()
    decoded = base64.b64decode(value)
    key_id = hashlib.sha256(b"witness.example/w1\n\x04" + KEY.public.raw).digest()[:4]
    assert (dash, name, decoded[:4]) == ("—", "witness.example/w1", key_id)
    assert int.from_bytes(decoded[4:12]) == 1_679_315_147
    KEY.public.verify(b"cosignature/v1\ntime 1679315147\n" + HEAD.text().encode(), decoded[12:])


def test_a_cosigned_checkpoint_is_read_by_both_keys() -> None:
    assert checkpoint.read(COSIGNED, origin=HEAD.origin, key=LOG.public) == HEAD
    found = WITNESS.find(COSIGNED)
    assert found is not None
    assert (found.time, found.at) == (1_679_315_147, "2023-03-20T12:25:47+00:00")
    assert checkpoint.only(COSIGNED, origin=HEAD.origin, key=LOG.public) == NOTE


def test_the_newest_of_several_cosignatures_counts() -> None:
    later = cosign(HEAD.text(), name=WITNESS.name, signer=KEY, time=1_700_000_000).text().encode()
    for note in (COSIGNED + later, NOTE + later + LINE):
        found = WITNESS.find(note)
        assert found is not None
        assert found.time == 1_700_000_000


@given(place=st.integers(0, len(COSIGNED) - 1), flip=st.integers(1, 255))
def test_no_changed_byte_of_a_cosigned_checkpoint_is_accepted_by_who_asks_for_both(
    place: int, flip: int
) -> None:
    changed = bytearray(COSIGNED)
    changed[place] ^= flip
    assert not holds(bytes(changed))
    assert holds(COSIGNED)


def holds(note: bytes) -> bool:
    try:
        checkpoint.read(note, origin=HEAD.origin, key=LOG.public)
        return WITNESS.find(note) is not None
    except Refusal:
        return False


def test_a_log_s_key_is_no_witness_s_and_the_other_way_round() -> None:
    assert Cosigner.read(WITNESS.text) == WITNESS
    with pytest.raises(Refusal):
        Cosigner.read(KEY.public.note_text(WITNESS.name))
    as_log = Checkpoint(origin=WITNESS.name, size=3, root=bytes(32)).sign(KEY)
    assert WITNESS.find(as_log) is None


def test_another_witness_said_nothing() -> None:
    other = Cosigner(name=WITNESS.name, key=SigningKey.from_seed(bytes(32)).public)
    assert other.find(COSIGNED) is None
    assert Cosigner(name="witness.example/w2", key=KEY.public).find(COSIGNED) is None


@given(st.integers(0, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=PATH_LIMIT))
def test_a_request_is_read_back(old: int, path: list[bytes]) -> None:
    request = Request(old=old, path=tuple(path), note=NOTE)
    assert parse(request.body()) == request


def test_a_request_looks_as_the_specification_says() -> None:
    body = Request(old=2, path=(bytes(32),), note=NOTE).body()
    assert body == b"old 2\n" + base64.b64encode(bytes(32)) + b"\n\n" + NOTE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old\n\n" + NOTE,
        b"old 01\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old +1\n\n" + NOTE,
        b"new 1\n\n" + NOTE,
        b"old 1\nAA\n\n" + NOTE,
        b"old \xd9\xa3\n\n" + NOTE,
        b"old 1\r\n\n" + NOTE,
        Request(old=1, path=(bytes(32),) * (PATH_LIMIT + 1), note=NOTE).body(),
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whichever part is wrong
        parse(body)

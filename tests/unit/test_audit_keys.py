"""Key files, signatures, verifier keys and sealed texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.audit.keys import SigningKey, VerifyKey, create_secret, load_secret, read_note_key, seal, unseal
from sandbox.errors import Refusal, StartupRefusal

RFC_8032_TEST_2_SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
RFC_8032_TEST_2_PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
RFC_8032_TEST_2_SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_signatures_are_those_of_the_standard() -> None:
    key = SigningKey.from_seed(RFC_8032_TEST_2_SEED)
    assert key.public.raw.hex() == RFC_8032_TEST_2_PUBLIC
    assert key.sign(b"\x72").hex() == RFC_8032_TEST_2_SIGNATURE


def test_a_signature_holds_for_its_key_and_message_only() -> None:
    key, other = SigningKey.from_seed(bytes(32)), SigningKey.from_seed(b"\x01" * 32)
    key.public.verify(b"message", key.sign(b"message"))
    for public, message in ((key.public, b"another"), (other.public, b"message")):
        with pytest.raises(Refusal, match="not made by this key"):
            public.verify(message, key.sign(b"message"))


def test_a_key_file_is_read_back_and_private_to_its_owner(tmp_path: Path) -> None:
    key = SigningKey.create(tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "log").public == key.public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_key_that_others_may_touch_stops_the_start(tmp_path: Path, mode: int) -> None:
    create_secret(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(StartupRefusal, match="must be 0600"):
        load_secret(tmp_path / "key")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_stops_the_start(tmp_path: Path, length: int) -> None:
    (tmp_path / "key").write_bytes(bytes(length))
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(StartupRefusal, match="exactly 32 bytes"):
        load_secret(tmp_path / "key")


def test_a_missing_key_or_a_pipe_in_its_place_stops_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("missing", "pipe"):
        with pytest.raises(StartupRefusal):
            load_secret(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everybody's keys")
def test_a_key_of_somebody_else_stops_the_start() -> None:
    with pytest.raises(StartupRefusal):
        load_secret(Path("/etc/hostname"))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    before = create_secret(tmp_path / "key")
    with pytest.raises(StartupRefusal, match="cannot be made"):
        create_secret(tmp_path / "key")
    assert load_secret(tmp_path / "key") == before


def test_no_secret_shows_when_printed() -> None:
    seed = b"\x5a" * 32
    assert seed.hex() not in repr(SigningKey.from_seed(seed))
    assert repr(seed)[2:-1] not in repr(SigningKey.from_seed(seed))


def test_a_verifier_key_is_read_back() -> None:
    key = SigningKey.from_seed(bytes(32)).public
    assert read_note_key(key.note_text("example.org/log")) == ("example.org/log", key)


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+", "name+00000000+AA==", "a b+00000000+AA==", "+d39d9b8c+AA==", "ä+ü+ö"],
)
def test_what_is_not_a_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        read_note_key(text)


def test_a_verifier_key_has_one_spelling() -> None:
    text = SigningKey.from_seed(bytes(32)).public.note_text("log.example")
    name, number, rest = text.split("+", 2)
    for other in (f"{name}+{number.upper()}+{rest}", f"{text}\n", f"{text}=", f"{name}x+{number}+{rest}"):
        with pytest.raises(Refusal):
            read_note_key(other)


def test_a_public_key_that_is_no_point_is_refused() -> None:
    with pytest.raises(Refusal, match="not a point"):
        VerifyKey(bytes.fromhex("02" + "00" * 31))


def test_a_sealed_text_opens_with_its_key_and_context_only() -> None:
    nonce, sealed = seal(bytes(32), b"secret", context=b"7")
    assert unseal(bytes(32), nonce, sealed, context=b"7") == b"secret"
    assert b"secret" not in sealed
    tampered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, data, context in (
        (b"\x01" * 32, sealed, b"7"),
        (bytes(32), sealed, b"8"),
        (bytes(32), tampered, b"7"),
        (bytes(32), b"", b"7"),
    ):
        with pytest.raises(Refusal, match="does not open"):
            unseal(key, nonce, data, context=context)

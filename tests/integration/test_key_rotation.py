"""The log's key can be replaced, and whoever trusts the old one can tell that the log goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.audit import checkpoint, tiles, verify
from sandbox.audit.event import Event, Kind
from sandbox.audit.keys import SigningKey, VerifyKey
from sandbox.errors import Conflict, Refusal
from sandbox.governance import rotation
from sandbox.governance.installation import Books, install, open_books
from sandbox.settings import Settings

SAID = Event(kind=Kind.AUDIT_READ, actor="ana", subject="s")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    install(settings)
    with opened(settings) as books:
        for _ in range(3):
            books.log.append(SAID)
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[Books]:
    books = open_books(settings)
    try:
        yield books
    finally:
        books.close()


def key_of(settings: Settings) -> VerifyKey:
    with opened(settings) as books:
        return books.log.key


def test_both_keys_signed_the_checkpoint_of_that_moment_and_only_the_new_one_later_ones(
    settings: Settings, tmp_path: Path
) -> None:
    old = key_of(settings)
    done = rotation.rotate(settings, actor="root")
    new = key_of(settings)
    assert new != old
    note = done.note.read_bytes()
    for key in (old, new):
        assert checkpoint.read(note, origin=checkpoint.DEFAULT_ORIGIN, key=key).size == done.size == 4
    with opened(settings) as books:
        assert books.log.append(SAID) == 4
        assert books.log.check_start().size == 5
        later = books.log.status().checkpoint
        tiles.export(books.log, tmp_path / "export")
        assert books.log.entry(3).event["body"] == {"old": old.fingerprint, "new": new.fingerprint}
    with pytest.raises(Refusal):
        checkpoint.read(later, origin=checkpoint.DEFAULT_ORIGIN, key=old)
    assert verify.verify(tmp_path / "export", done.key).size == 5


def test_the_old_key_is_kept_under_the_size_that_it_signed_last(settings: Settings) -> None:
    old = key_of(settings)
    rotation.rotate(settings, actor="root")
    kept = settings.signer_key.with_name("checkpoint.key.4")
    assert SigningKey.load(kept).public == old
    assert (settings.home / "log.pub.4").read_text() == f"{old.note_text(checkpoint.DEFAULT_ORIGIN)}\n"
    assert not settings.signer_key.with_name("checkpoint.key.next").exists()


@pytest.mark.parametrize("stopped_at", ["_signed_by_both", "_put_into_state", "_swap"])
def test_a_rotation_that_was_cut_off_leaves_a_log_that_starts_and_can_be_repeated(
    settings: Settings, stopped_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = key_of(settings)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(rotation, stopped_at, stop)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(settings, actor="root")
    assert key_of(settings) == old
    done = rotation.rotate(settings, actor="root")
    assert key_of(settings) != old
    assert done.size == 5
    with opened(settings) as books:
        assert books.log.append(SAID) == 5


def test_it_is_refused_while_the_signer_runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "answers", lambda _path: True)
    with pytest.raises(Conflict, match="Stop the sandbox"):
        rotation.rotate(settings, actor="root")

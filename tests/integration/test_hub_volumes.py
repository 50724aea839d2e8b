"""A home ends at its limit, keeps what was in it, and leaves no mount behind."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SMALL_POLICIES

from sandbox.errors import StartupRefusal
from sandbox.hub import volumes
from sandbox.policy.load import load_notebooks
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.settings import Settings

POLICY = load_notebooks(SMALL_POLICIES)
UID = 301_234
MIB = 1024**2


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a home")
    settings = Settings(home=tmp_path)
    yield settings
    volumes.close_homes(settings)


def open_home(settings: Settings, **changed: int) -> Path:
    policy = NotebooksPolicy.model_validate({**POLICY.model_dump(), **changed})
    return volumes.open_home(settings, "ana", policy, uid=UID)


def write(place: Path, size: int) -> int:
    """Write as much of ``size`` bytes as there is room for; return how much that was."""
    written = 0
    with place.open("wb", buffering=0) as file:
        try:
            while written < size:
                written += file.write(b"x" * MIB)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  # any other would be a fault
    return written


def make_files(place: Path, count: int) -> int:
    """Make as many of ``count`` empty files as there is room for; return how many that was."""
    for made in range(count):
        try:
            (place / str(made)).touch()
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  # any other would be a fault
            return made
    return count


def test_a_home_ends_at_its_limit_in_bytes_and_in_files(settings: Settings) -> None:
    home = open_home(settings)
    assert 0.8 * POLICY.home_mib * MIB < write(home / "large", 10 * 1024 * MIB) <= POLICY.home_mib * MIB
    (home / "large").unlink()
    assert 0.9 * POLICY.home_files < make_files(home, 100_000) <= 1.1 * POLICY.home_files


def test_it_belongs_to_its_person_and_holds_no_program_with_rights(settings: Settings) -> None:
    home = open_home(settings)
    assert list(home.iterdir()) == []
    assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (UID, 0o700)
    options = next(
        line.split()[3] for line in Path("/proc/mounts").read_text().splitlines() if f"{home} " in line
    )
    assert {"nosuid", "nodev"} <= set(options.split(","))
    assert (settings.home / "volumes").stat().st_mode & 0o077 == 0


def test_files_are_there_again_after_it_was_closed(settings: Settings) -> None:
    (open_home(settings) / "kept.txt").write_text("kept")
    volumes.close_home(settings, "ana")
    assert not os.path.ismount(settings.home / "notebooks" / "ana")
    assert (open_home(settings) / "kept.txt").read_text() == "kept"
    assert open_home(settings) == open_home(settings)


def test_what_was_kept_before_there_was_a_limit_is_kept(settings: Settings) -> None:
    plain = open_home(settings, home_mib=0)
    assert not os.path.ismount(plain)
    (plain / "folder").mkdir()
    (plain / "folder" / "old.txt").write_text("old")
    os.chown(plain / "folder" / "old.txt", UID, UID)
    limited = open_home(settings)
    assert os.path.ismount(limited)
    assert (limited / "folder" / "old.txt").read_text() == "old"
    assert (limited / "folder" / "old.txt").stat().st_uid == UID
    volumes.close_home(settings, "ana")
    assert list(plain.iterdir()) == []


def test_a_raised_limit_is_raised_and_a_lowered_one_takes_nothing_away(settings: Settings) -> None:
    write(open_home(settings) / "large", 50 * MIB)
    volumes.close_home(settings, "ana")
    home = open_home(settings, home_mib=3 * POLICY.home_mib)
    assert write(home / "more", 100 * MIB) == 100 * MIB
    volumes.close_home(settings, "ana")
    assert (open_home(settings) / "more").stat().st_size == 100 * MIB


def test_a_volume_that_was_left_half_made_is_made_anew(settings: Settings) -> None:
    plain = open_home(settings, home_mib=0)
    (plain / "mine.txt").write_text("mine")
    (settings.home / "volumes").mkdir(mode=0o700)
    (settings.home / "volumes" / "ana.new").write_bytes(b"half")
    assert (open_home(settings) / "mine.txt").read_text() == "mine"


def test_what_is_no_file_system_is_not_mounted_and_the_sentence_says_what_to_do(settings: Settings) -> None:
    (settings.home / "volumes").mkdir(mode=0o700)
    (settings.home / "volumes" / "ana.ext4").write_bytes(b"x" * POLICY.home_mib * MIB)
    with pytest.raises(StartupRefusal, match="home_mib = 0"):
        open_home(settings)


def test_removed_nothing_of_it_is_left(settings: Settings) -> None:
    (open_home(settings) / "secret.txt").write_text("secret")
    assert volumes.remove_home(settings, "ana") is True
    assert list((settings.home / "volumes").iterdir()) == list((settings.home / "notebooks").iterdir()) == []
    assert volumes.remove_home(settings, "ana") is False


def test_nothing_stays_mounted_when_all_are_closed(settings: Settings) -> None:
    open_home(settings)
    volumes.close_homes(settings)
    mounted = subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
    assert str(settings.home) not in mounted

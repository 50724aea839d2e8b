"""Sinks and retention as policies: read strictly, every mistake told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.policy.load import PolicyMistakes, load_keeping

SHIPPED = Path(__file__).parents[2] / "policies"
WHOLE = """
[sinks.collector]
kind = "syslog"
required = true
transport = "tcp"
address = "[::1]:601"

[sinks.team]
kind = "ocsf"
required = false
path = "/var/log/sandbox/ocsf.jsonl"
mode = "0640"
"""

OTHER = """
[sinks.other]
kind = "file"
required = true
path = "/var/log/sandbox/ocsf.jsonl"
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "sinks.toml").write_text(WHOLE)
    (tmp_path / "retention.toml").write_text("private_days = 1095\n")
    return tmp_path


def mistake_in(directory: Path) -> str:
    with pytest.raises(PolicyMistakes) as caught:
        load_keeping(directory)
    assert len(caught.value.mistakes) == 1, caught.value
    return str(caught.value.mistakes[0])


def test_the_shipped_files_name_no_sink_and_keep_three_years() -> None:
    keeping = load_keeping(SHIPPED)
    assert keeping.specs == ()
    assert keeping.retention.private_days == 1095


def test_sinks_are_read_whole(directory: Path) -> None:
    collector, team = load_keeping(directory).specs
    assert (collector.name, collector.kind, collector.required) == ("collector", "syslog", True)
    assert (collector.transport, collector.address) == ("tcp", "[::1]:601")
    assert (team.path, team.mode, team.required) == (Path("/var/log/sandbox/ocsf.jsonl"), 0o640, False)


@pytest.mark.parametrize("name", ["sinks.toml", "retention.toml"])
def test_a_file_that_was_removed_turns_nothing_off(directory: Path, name: str) -> None:
    (directory / name).unlink()
    assert "missing" in mistake_in(directory)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kind = "ocsf"', 'kind = "ocsv"', "'file', 'ocsf' or 'syslog'"),
        ("required = true\n", "", "This key is missing"),
        ("required = true", "require = true\nrequired = true", "Did you mean 'required'"),
        ('transport = "tcp"', 'transport = "udp"', "cannot be required"),
        ('transport = "tcp"', "", "needs this key"),
        ('transport = "tcp"', 'transport = "unix"', "whole path of the socket"),
        ('"[::1]:601"', '"collector"', "host and port"),
        ('"[::1]:601"', '"[::1]:65536"', "host and port"),
        ('address = "[::1]:601"', 'address = "[::1]:601"\npath = "/x"', "has no path"),
        ('path = "/var/log/sandbox/ocsf.jsonl"', "", "needs this key"),
        ('"/var/log/sandbox/ocsf.jsonl"', '"ocsf.jsonl"', "beginning with /"),
        ('mode = "0640"', 'mode = "0644"', "'0600' or '0640'"),
        ("[sinks.team]", "[sinks.Team]", "not a name"),
        (
            "[sinks.team]",
            OTHER + "[sinks.team]",
            "writes this file already",
        ),
    ],
)
def test_each_mistake_in_a_sink_is_told(directory: Path, old: str, new: str, told: str) -> None:
    assert old in WHOLE
    (directory / "sinks.toml").write_text(WHOLE.replace(old, new))
    assert told in mistake_in(directory)


@pytest.mark.parametrize("days", ["1094", '"1095"', "0", "1e4"])
def test_sealed_texts_are_kept_three_years_at_least(directory: Path, days: str) -> None:
    (directory / "retention.toml").write_text(f"private_days = {days}\n")
    assert "private_days" in mistake_in(directory)

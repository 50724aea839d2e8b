"""What the documents name exists, and what must be named is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sandbox.cli import cli
from sandbox.policy.roles import ROLE_SCOPES
from sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
NAMED = re.compile(r"`((?:sandbox|tests|docs|policies|images)/[A-Za-z0-9_./*-]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
FOR_STEWARDS = {"home", "policies", "raw"}
FOR_ADMINISTRATORS = FOR_STEWARDS | {
    "isolation",
    "hub_host",
    "hub_port",
    "console_host",
    "console_port",
    "query_deadline",
    "latency_buckets",
    "repeat_bucket",
}


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


@pytest.mark.parametrize("document", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_every_file_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    for name in (name for name in NAMED.findall(text) if "NAME" not in name):
        assert list(ROOT.glob(name)), f"{document.name} names {name}"
    for link in LINK.findall(text):
        assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_every_sentence_of_the_promise_names_a_test() -> None:
    promised = (ROOT / "docs" / "privacy-promise.md").read_text().split("## What is not promised")[0]
    sentences = re.split(r"^\d+\. ", promised, flags=re.MULTILINE)[1:]
    assert len(sentences) == 11
    assert all("`tests/" in sentence for sentence in sentences)


def test_the_administrators_page_lists_every_setting_they_choose() -> None:
    page = (ROOT / "docs" / "how-to" / "administrator.md").read_text()
    known = {field.name for field in fields(Settings)}
    assert known >= FOR_ADMINISTRATORS
    for name in FOR_ADMINISTRATORS:
        assert f"SANDBOX_{name.upper()}" in page


def test_the_help_of_accounts_lists_every_role() -> None:
    command = cli.get_command(None, "user")  # type: ignore[arg-type]  # no context is looked at
    assert command is not None
    assert all(role in str(command.help) for role in ROLE_SCOPES)

"""What the documents name exists, and what must be named is."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.cli import cli
from sandbox.errors import Refusal
from sandbox.policy.check import check
from sandbox.policy.load import load
from sandbox.policy.roles import ROLE_SCOPES, Actor, Channel, Scope
from sandbox.privacy.plan import Plan, make_plan
from sandbox.query.sql import parse
from sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
NAMED = re.compile(r"`((?:sandbox|tests|docs|policies|images)/[A-Za-z0-9_./*-]+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
EXAMPLE = re.compile(r"^\|.*?`((?:SELECT|WITH) [^`]+ FROM [^`]+)` \|", re.MULTILINE)
LANGUAGE, REFUSALS = (ROOT / "docs" / "sql.md").read_text().split("## What is refused")
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


def planned(sql: str) -> Plan:
    policies = load(ROOT / "policies")
    ana = Actor(
        name="ana",
        groups=frozenset({"visits-study"}),
        scopes=frozenset({Scope.QUERY}),
        channel=Channel.NOTEBOOK,
    )
    now = datetime(2026, 6, 1, tzinfo=UTC)
    checked = check(parse(sql), policies=policies, authorization="visits-study", actor=ana, now=now)
    return make_plan(checked, epsilon=Decimal(1))


@pytest.mark.parametrize("sql", EXAMPLE.findall(LANGUAGE))
def test_what_the_page_on_the_language_shows_may_be_asked(sql: str) -> None:
    assert planned(sql).measurements or planned(sql).selections


@pytest.mark.parametrize("sql", EXAMPLE.findall(REFUSALS))
def test_what_the_page_on_the_language_calls_refused_is_refused(sql: str) -> None:
    with pytest.raises(Refusal):
        planned(sql)


def test_the_page_on_the_language_has_examples_of_both() -> None:
    assert len(EXAMPLE.findall(LANGUAGE)) >= 35
    assert len(EXAMPLE.findall(REFUSALS)) >= 20


def test_every_sentence_of_the_promise_names_a_test() -> None:
    promised = (ROOT / "docs" / "privacy-promise.md").read_text().split("## What is not promised")[0]
    sentences = re.split(r"^\d+\. ", promised, flags=re.MULTILINE)[1:]
    assert len(sentences) == 23
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

"""A directory of policies loads whole, or every mistake in it is reported at once."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sandbox.policy.agree import Mistake
from sandbox.policy.authorization import AuthorizationPolicy, LossLimits, Mode, Term, WindowLimits
from sandbox.policy.dataset import ColumnPolicy, ColumnType, DatasetPolicy, TablePolicy
from sandbox.policy.grades import GradePolicy, PopulationPolicy, ReviewPolicy, Risk
from sandbox.policy.load import PolicyMistakes, load
from sandbox.policy.notifications import MailPolicy, NotificationsPolicy, WebhookPolicy
from sandbox.policy.values import fixed_point, read_decimal, spell

SHIPPED = Path(__file__).parents[2] / "policies"
DATASET = "datasets/health_visits.toml"
STUDY = "authorizations/visits-study.toml"
PROFILE = "profiles/sdap-default.toml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the policies that are shipped, to be spoiled."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "policies"))


def _change(directory: Path, file: str, *changes: tuple[str, str]) -> None:
    path = directory / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def _mistakes(directory: Path) -> tuple[Mistake, ...]:
    with pytest.raises(PolicyMistakes) as caught:
        load(directory)
    return caught.value.mistakes


def test_the_shipped_policies_load() -> None:
    policies = load(SHIPPED)
    visits = policies.datasets["health_visits"].tables["visits"]
    study = policies.authorizations["visits-study"]
    assert visits.unit_column == "person_id"
    assert visits.columns["cost"].type is ColumnType.DECIMAL
    assert visits.columns["district"].type is ColumnType.TEXT
    assert visits.columns["person_id"].type is None
    assert study.term.end == datetime(2028, 1, 1, tzinfo=UTC)
    assert policies.populations["residents"].lifetime_delta == Decimal("0.000001")
    assert policies.review == ReviewPolicy(profile="sdap-default")


def test_the_grade_may_ask_for_more_reviewers_than_the_risk_unless_all_is_green() -> None:
    policies = load(SHIPPED)
    study = policies.authorizations["visits-study"]
    one = policies.review.model_copy(update={"quorum": {"green": 1, "amber": 1, "red": 3}})
    lenient = replace(policies, review=one)
    assert [lenient.approvals_needed(study, risk=risk) for risk in get_args(Risk)] == [1, 2, 3]


def test_a_whole_body_of_data_needs_one_more_reviewer() -> None:
    policies = load(SHIPPED)
    study = policies.authorizations["visits-study"]
    whole = study.model_copy(update={"mode": Mode.WHOLE})
    assert (
        policies.approvals_needed(whole, risk="amber") == policies.approvals_needed(study, risk="amber") + 1
    )


def test_the_digest_ignores_layout_and_spelling_of_numbers(directory: Path) -> None:
    _change(directory, STUDY, ('"8"', '"8.0"'), ("[loss]", "\n# limits\n[loss]"))
    _change(directory, PROFILE, ("min_cell = 10\nround_to = 5", "round_to = 5\nmin_cell = 10"))
    assert load(directory).digest == load(SHIPPED).digest


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (STUDY, '"8"', '"7.9"'),
        (STUDY, '"sex", ', ""),
        (DATASET, '"2000"', '"2001"'),
        (PROFILE, "min_cell = 10", "min_cell = 11"),
        ("review.toml", 'sdap-default"', 'strict"'),
        ("populations.toml", '"20"', '"21"'),
        ("grades.toml", "min_group = 5", "min_group = 6"),
    ],
)
def test_the_digest_changes_with_any_rule(directory: Path, file: str, old: str, new: str) -> None:
    _change(directory, file, (old, new))
    assert load(directory).digest != load(SHIPPED).digest


def test_all_mistakes_of_all_files_are_reported_at_once(directory: Path) -> None:
    _change(directory, DATASET, ("title =", "titel ="), ('grade = "general-3"', 'grade = "general-9"'))
    _change(directory, STUDY, ('responsible = "Head', 'responsable = "Head'), ('"1e-6"', "1e-6"))
    _change(directory, PROFILE, ("max_rows = 5000", 'max_rows = "5000"'))
    _change(directory, "populations.toml", ('"20"', '"-1"'))
    (directory / "grades.toml").write_text("[grades", encoding="utf-8")
    found = {(mistake.file, mistake.key) for mistake in _mistakes(directory)}
    assert found >= {
        (DATASET, "titel"),
        (DATASET, "title"),
        (STUDY, "responsable"),
        (STUDY, "responsible"),
        (STUDY, "loss.total_delta"),
        (PROFILE, "max_rows"),
        ("populations.toml", "populations.residents.lifetime_epsilon"),
        ("grades.toml", ""),
    }


CASES = [
    (DATASET, 'openness = "sandbox_only"', 'openness = "not_open"', "openness", "cannot be mounted"),
    (DATASET, '"general-3"', '"secret"', "grade", "without exception"),
    (DATASET, "name =", "reviewed = true\nname =", "reviewed", "differentially private answers only"),
    (STUDY, "name =", "reviewed_answers = 3\nname =", "reviewed_answers", "gives no reviewed answers"),
    (DATASET, '"general-3"', '"general3"', "grade", "did you mean general-"),
    (DATASET, '"residents"', '"resident"', "population", "did you mean residents?"),
    (DATASET, 'name = "health_visits"', 'name = "visits"', "name", 'write name = "health_visits"'),
    (DATASET, '"0.1"', "0.1", "profile_epsilon", 'in quotes, as in "0.1"'),
    (DATASET, '"0.1"', '"NaN"', "profile_epsilon", "plain decimal"),
    (DATASET, '"0.1"', '"1e-1"', "profile_epsilon", "no exponent"),
    (DATASET, '"0.1"', '"0"', "profile_epsilon", "greater than 0"),
    (DATASET, '"0.1"', '"21"', "profile_epsilon", "lifetime budget of 20"),
    (DATASET, '"visits.parquet"', '"../visits.parquet"', "tables.visits.source", "one file"),
    (DATASET, '"visits.parquet"', '"visits.db"', "tables.visits.source", ".parquet or .csv"),
    (
        DATASET,
        "max_rows_per_unit = 20",
        "max_rows_per_unit = 0",
        "tables.visits.max_rows_per_unit",
        "at least 1",
    ),
    (DATASET, 'use = "unit_id"', 'use = "hidden"', "tables.visits.columns", "whose row it is"),
    (DATASET, 'use = "hidden"', 'use = "unit_id"', "tables.visits.columns", "keep one"),
    (DATASET, 'use = "hidden"', 'use = "secret"', "tables.visits.columns.note.use", "'hidden'"),
    (DATASET, 'type = "date"', "", "tables.visits.columns.visit_date.type", "must state its type"),
    (DATASET, 'type = "date"', 'type = "decimal"', "tables.visits.columns.visit_date.type", "measure"),
    (DATASET, '["female", "male"]', '["female", 1]', "tables.visits.columns.sex.domain", "not both"),
    (DATASET, '["female", "male"]', '["male", "male"]', "tables.visits.columns.sex.domain", "twice"),
    (DATASET, '["female", "male"]', "[]", "tables.visits.columns.sex.domain", "must state its domain"),
    (DATASET, '["0", "2000"]', '["2000", "0"]', "tables.visits.columns.cost.bounds", "less than"),
    (DATASET, '["0", "2000"]', '["0", "2000.001"]', "tables.visits.columns.cost.bounds", "decimals"),
    (DATASET, '["0", "2000"]', "[0, inf]", "tables.visits.columns.cost.bounds.1", "quotes"),
    (DATASET, '["0", "2000"]', '["0", "999999999999999"]', "tables.visits.columns.cost.bounds", "64 bits"),
    (DATASET, "decimals = 2", "decimals = 7", "tables.visits.columns.cost.decimals", "at most 6"),
    (
        DATASET,
        '"quantile"]',
        '"median"]',
        "tables.visits.columns.cost.functions.4",
        "'covariance' or 'quantile'",
    ),
    (DATASET, '"quantile"]', '"sum"]', "tables.visits.columns.cost.functions", "twice"),
    (DATASET, '["0.01", "0.99"]', '["0.99", "0.01"]', "tables.visits.columns.cost.extremes", "quantiles"),
    (DATASET, "[2024-01-01, 2025", "[2026-01-01, 2025", "tables.visits.columns.visit_date.period", "ends"),
    (DATASET, "columns.sex]", "columns.all]", "tables.visits.columns.all", "rename"),
    (DATASET, "columns.sex]", 'columns."S x"]', "tables.visits.columns.S x", "small letter"),
    (STUDY, '"health_visits"', '"health_visit"', "dataset", "did you mean health_visits?"),
    (STUDY, "visits = [", "visit = [", "tables.visit", "did you mean visits?"),
    (STUDY, '"cost"]', '"costs"]', "tables.visits", "did you mean cost?"),
    (STUDY, '"cost"]', '"note"]', "tables.visits", "hidden"),
    (STUDY, '"cost"]', '"person_id"]', "tables.visits", "may always be counted"),
    (STUDY, '"cost"]', '"cost", "cost"]', "tables.visits", "twice"),
    (STUDY, 'per_query_epsilon = "1"', 'per_query_epsilon = "1.5"', "loss.per_query_epsilon", "general-3"),
    (STUDY, 'per_query_epsilon = "1"', 'per_query_epsilon = "9"', "loss.per_query_epsilon", "all together"),
    (
        STUDY,
        'total_epsilon = "8"',
        'total_epsilon = "16.1"',
        "loss.total_epsilon",
        "8 a year; write at most 16",
    ),
    (STUDY, 'total_epsilon = "8"', 'total_epsilon = "101"', "loss.total_epsilon", "100"),
    (STUDY, '"1e-6"', '"0.002"', "loss.total_delta", "0.001"),
    (STUDY, "2028-01-01", "2026-01-01", "term.end", "ends before it begins"),
    (STUDY, "2028-01-01", "2031-01-02", "term.end", "at most 5 years"),
    (STUDY, "2028-01-01", "2028-01-01T00:00:00", "term.end", "time zone"),
    (STUDY, "2028-01-01", '"2028-01-01"', "term.end", "without quotes"),
    (STUDY, 'mode = "scenario"', 'mode = "all"', "mode", "'scenario'"),
    ("grades.toml", "[grades.general-1]", "[extra]\n[grades.general-1]", "extra", "[grades.NAME]"),
    ("grades.toml", "[grades.core]", '[grades.core]\nname = "x"', "grades.core.name", "leave this key out"),
    ("review.toml", "green = 1", "", "quorum.green", "how many"),
    (PROFILE, "min_cell = 10", "min_cell = true", "min_cell", "whole number"),
    (PROFILE, "min_cell = 10", "min_cell = 10\nmax_downloads = 9", "max_downloads", "limits of checks"),
    ("review.toml", 'sdap-default"', 'sdap-defalt"', "profile", "known are bundesbank"),
    ("review.toml", "package_days", "min_cell = 3\npackage_days", "min_cell", "leave it out here"),
]


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_named_with_its_file_its_key_and_what_to_write(
    directory: Path, case: tuple[str, str, str, str, str]
) -> None:
    file, old, new, key, words = case
    _change(directory, file, (old, new))
    sentences = [it.sentence for it in _mistakes(directory) if (it.file, it.key) == (file, key)]
    assert any(words in sentence for sentence in sentences), _mistakes(directory)


@pytest.mark.parametrize("part", ["conditions", "mode", "exit", "responsible", "purpose"])
def test_an_authorization_lacks_none_of_its_parts(directory: Path, part: str) -> None:
    text = (directory / STUDY).read_text(encoding="utf-8")
    (directory / STUDY).write_text(re.sub(rf"(?m)^{part} = .*$", "", text), encoding="utf-8")
    assert [it.key for it in _mistakes(directory)] == [part]


def test_an_authorization_needs_a_term(directory: Path) -> None:
    _change(directory, STUDY, ("[term]", "[other]"))
    assert {it.key for it in _mistakes(directory)} == {"term", "other"}


def test_a_directory_without_datasets_is_a_mistake(directory: Path) -> None:
    shutil.rmtree(directory / "authorizations")
    (directory / DATASET).unlink()
    assert [(it.file, it.key) for it in _mistakes(directory)] == [("datasets", "")]


def test_an_empty_directory_names_every_file_that_is_missing(tmp_path: Path) -> None:
    files = {it.file for it in _mistakes(tmp_path)}
    assert files == {"grades.toml", "populations.toml", "review.toml", "datasets"}


def test_a_broken_dataset_is_not_said_to_be_missing(directory: Path) -> None:
    (directory / DATASET).write_text("name = \ntitle = 1", encoding="utf-8")
    mistakes = _mistakes(directory)
    assert [(it.file, it.key) for it in mistakes] == [(DATASET, "")]
    assert "line 1" in mistakes[0].sentence


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"a" * 1_000_001, b"a = " + b"[" * 100_000, b"a = " + b"9" * 5_000]
)
def test_a_file_that_cannot_be_read_is_a_mistake_like_any_other(directory: Path, data: bytes) -> None:
    (directory / "review.toml").write_bytes(data)
    assert [it.file for it in _mistakes(directory)] == ["review.toml"]


PLACES = """
[tables.places]
source = "places.parquet"
public = true
unique_key = ["name"]

[tables.places.columns.name]
use = "group_key"
domain = ["Bei", "Nan"]

[tables.places.columns.beds]
use = "measure"
bounds = ["0", "300"]
functions = ["sum"]
"""
PUBLIC_CASES = [
    ('unique_key = ["name"]', "unique_key = []", "no two of its rows share"),
    ('unique_key = ["name"]', 'unique_key = ["code"]', "no two of its rows share"),
    ('unique_key = ["name"]', 'unique_key = ["name", "name"]', "once"),
    ('unique_key = ["name"]', 'unique_key = ["beds"]', "a group_key or a filter"),
    ("public = true", "public = true\nmax_rows_per_unit = 3", "no units"),
    ("public = true", "max_rows_per_unit = 3", "Only a public table"),
    ('use = "measure"', 'use = "unit_id"', "about nobody"),
]


def _add_places(directory: Path, *, opened: str, change: tuple[str, str] = ("", "")) -> None:
    path = directory / DATASET
    path.write_text(path.read_text(encoding="utf-8") + PLACES.replace(*change, 1), encoding="utf-8")
    _change(directory, STUDY, ("visits = [", f"places = {opened}\nvisits = ["))


@pytest.mark.parametrize(("old", "new", "words"), PUBLIC_CASES)
def test_a_public_table_is_about_nobody_and_has_a_key(
    directory: Path, old: str, new: str, words: str
) -> None:
    _add_places(directory, opened='["name", "beds"]', change=(old, new))
    assert any(words in it.sentence for it in _mistakes(directory)), _mistakes(directory)


def test_an_authorization_opens_a_public_table_with_its_key(directory: Path) -> None:
    _add_places(directory, opened='["name", "beds"]')
    assert load(directory).authorizations["visits-study"].tables["places"] == ("name", "beds")
    _change(directory, STUDY, ('places = ["name", "beds"]', 'places = ["beds"]'))
    assert [it.sentence for it in _mistakes(directory)] == [
        "This public table is joined on its unique key; open name too."
    ]


def test_a_public_table_costs_nothing_at_registration(directory: Path) -> None:
    _add_places(directory, opened='["name"]')
    _change(directory, DATASET, ('"0.1"', '"20"'))
    assert list(load(directory).datasets["health_visits"].private_tables) == ["visits"]


def test_a_dataset_of_public_tables_alone_is_a_mistake() -> None:
    given = tomllib.loads(PLACES)
    with pytest.raises(ValidationError, match="All tables are public"):
        DatasetPolicy.model_validate({"engine": "duckdb", **given})


def test_a_mistake_reads_as_one_line(directory: Path) -> None:
    _change(directory, DATASET, ("owner =", "ower ="))
    with pytest.raises(PolicyMistakes) as caught:
        load(directory)
    lines = str(caught.value).splitlines()
    assert lines[0] == "The policies cannot be loaded: 2 to correct."
    assert lines[1] == f"  {DATASET}: ower: There is no key 'ower' here. Did you mean 'owner'?"


SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("## Dataset", DatasetPolicy),
    ("### Table", TablePolicy),
    ("### Column", ColumnPolicy),
    ("## Authorization", AuthorizationPolicy),
    ("### Term", Term),
    ("### Loss", LossLimits),
    ("### Window", WindowLimits),
    ("## Grade", GradePolicy),
    ("## Population", PopulationPolicy),
    ("## Review", ReviewPolicy),
    ("## Notifications", NotificationsPolicy),
    ("### Mail", MailPolicy),
    ("### Webhook", WebhookPolicy),
]


@pytest.mark.parametrize(("heading", "model"), SECTIONS)
def test_the_readme_explains_every_key(heading: str, model: type[BaseModel]) -> None:
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    section = re.split(r"(?m)^##+ ", readme.split(f"\n{heading}\n", 1)[1])[0]
    assert [key for key in model.model_fields if f"`{key}`" not in section] == []


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_has_one_spelling_that_reads_back(value: Decimal) -> None:
    assert read_decimal(spell(value)) == value
    assert fixed_point(value, 4) == int(value * 10_000)


@pytest.mark.parametrize(
    "value", [0.5, True, "1_0", " 1", "1e3", "٣", "", None, "nan", Decimal("Infinity"), "1" * 19]
)
def test_a_number_that_could_be_read_two_ways_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="quotes"):
        read_decimal(value)


RECIPIENT = "age17sxq4ah92etlzd997mdvym4a3gqdtlt7msvnqypts7d007k469yslqrd7z"
WRONG_RECIPIENTS = {
    "capitals": RECIPIENT.upper(),
    "checksum": RECIPIENT[:-1] + "q",
    "an identity": "AGE-SECRET-KEY-1QQQQ",
    "ssh": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
    "a space": RECIPIENT + " ",
    # The points 0 and 1 of the curve, with a right checksum: whoever asks for them, anyone reads.
    "low order 0": "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
    "low order 1": "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
}


def with_recipients(directory: Path, text: str) -> Path:
    study = directory / STUDY
    study.write_text(study.read_text() + "\n[recipients]\n" + text)
    return directory


@pytest.mark.parametrize("kind", WRONG_RECIPIENTS)
def test_a_recipient_is_a_public_key_of_age_that_protects_something(directory: Path, kind: str) -> None:
    with pytest.raises(PolicyMistakes) as refusal:
        load(with_recipients(directory, f'office = "{WRONG_RECIPIENTS[kind]}"\n'))
    (mistake,) = refusal.value.mistakes
    assert (mistake.file, mistake.key) == (STUDY, "recipients.office")


def test_recipients_are_part_of_what_a_vote_is_bound_to(directory: Path) -> None:
    before = load(directory).digest
    policies = load(with_recipients(directory, f'office = "{RECIPIENT}"\n'))
    assert policies.authorizations["visits-study"].recipients == {"office": RECIPIENT}
    assert policies.digest != before


def test_one_key_is_one_holder(directory: Path) -> None:
    with pytest.raises(PolicyMistakes, match="This is the key of 'office'"):
        load(with_recipients(directory, f'office = "{RECIPIENT}"\nother = "{RECIPIENT}"\n'))

"""The console speaks the language of its reader, completely, and never lets one through as markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from babel.messages.catalog import Message
from texts import catalogue, messages

from sandbox.review.status import Status
from sandbox.web.formats import formats_of
from sandbox.web.languages import LANGUAGES, choose, said
from sandbox.web.problem import of_status
from sandbox.web.render import environment
from sandbox.web.words import STATUSES, TABLES

OTHERS = sorted(set(LANGUAGES) - {"en"})
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\d")


def key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple) else message.id)


def forms(message: Message) -> list[str]:
    given = message.string if isinstance(message.string, tuple) else (message.string,)
    return [str(form) for form in given]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_console_is_translated_and_no_catalogue_holds_one_that_nobody_says(
    language: str,
) -> None:
    translated = {key(message) for message in catalogue(language) if all(forms(message))} - {""}
    said_here = {message[0] if isinstance(message, tuple) else message for message in messages()}
    assert sorted(said_here - translated) == []
    assert sorted(translated - said_here) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_the_same_places_as_the_text(language: str) -> None:
    for message in catalogue(language):
        text = str(message.id[-1] if isinstance(message.id, tuple) else message.id)
        for form in forms(message) if text else ():
            # One singular may leave the number out, as in "once more".
            assert set(PLACEHOLDER.findall(form)) >= set(PLACEHOLDER.findall(text)), text


def test_texts_are_gathered_from_templates_tables_refusals_and_findings() -> None:
    found = messages()
    assert ("%(num)s row", "%(num)s rows") in found
    assert "Being checked" in found
    assert "The table has more than {1} rows." in found
    assert "Minimum cell" in found


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "en;q=0.5, zh-TW", "zh-CN"),
        ("", "de, en;q=0.9, zh;q=0.1", "en"),
        ("", "zh;q=0, en", "en"),
        ("", "zh;q=x", "en"),
        ("", "de", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("en", "zh-CN", "en"),
        ("<script>", "zh-CN", "zh-CN"),
    ],
)
def test_the_choice_made_here_goes_before_the_browsers(cookie: str, accept: str, language: str) -> None:
    assert choose(cookie=cookie, accept=accept) == language


def test_a_sentence_with_amounts_in_it_is_recognized_and_keeps_them() -> None:
    chinese = said("zh-CN")
    assert (
        chinese("The row has 3 cells where the header has 12.") == "该行有 3 个单元格\uff0c而表头有 12 个。"
    )
    assert chinese("row 4, column 人口") == "第 4 行\uff0c列 人口"
    assert chinese("Only the author moves a request from released to review.").count("申请人") == 1
    assert chinese("row 2, column released") == "第 2 行\uff0c列 released"
    assert chinese("A sentence nobody knows, 100 % of it.") == "A sentence nobody knows, 100 % of it."


def test_an_empty_text_stays_empty() -> None:
    assert {said(language)("") for language in LANGUAGES} == {""}


def test_what_is_carried_over_into_a_sentence_is_escaped_as_any_text() -> None:
    page = environment("zh-CN").from_string("{{ text | said }}")
    assert page.render(text="You have not opened <b>.") == "您尚未打开 &lt;b&gt;。"


def test_every_state_and_every_problem_has_a_title_in_every_language() -> None:
    chinese = said("zh-CN")
    assert all(chinese(status.said) != status.said for status in Status)
    for status in (400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 500, 503):
        assert of_status(status)["title"] in STATUSES
    assert all(chinese(word) != word for table in TABLES.values() for word in table.values())


def test_days_amounts_and_distances_are_written_as_the_language_does() -> None:
    english, chinese = formats_of("en"), formats_of("zh-CN")
    assert english["day"]("2026-06-01T12:00:00Z") == "June 1, 2026"
    assert chinese["day"]("2026-06-01T12:00:00Z") == "2026年6月1日"
    assert {f["number"](1234567) for f in (english, chinese)} == {"1,234,567"}
    assert english["size"](12_345) == "12.3 kB"
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert english["apart"]("2026-06-04T00:00:00Z", now) == "in 3 days"
    assert chinese["apart"]("2026-05-29T00:00:00Z", now) == "3天前"

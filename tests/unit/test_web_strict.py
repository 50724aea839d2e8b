"""Reading what came from outside."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Malformed
from sandbox.web.bodies import Decision, NewExport, Question, Submission
from sandbox.web.problem import UnsupportedMedia
from sandbox.web.strict import FORM_TYPE, JSON_TYPE, json_value, query_fields, read_body, segments


@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    with suppress(Malformed):
        read_body(Question, data, content_type=JSON_TYPE)


@given(st.text(max_size=100))
def test_paths_are_read_or_refused_and_nothing_else(path: str) -> None:
    try:
        parts = segments(path)
    except Malformed:
        return
    assert not any("\x00" in part for part in parts)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_json_without_floats_is_read_as_it_was_written(value: object) -> None:
    assert json_value(json.dumps(value).encode()) == value


def test_a_submission_holds_decoded_files() -> None:
    body = b'{"authorization": "a", "purpose": "p", "files": [{"name": "x.csv", "content": "YSxi"}]}'
    assert read_body(Submission, body, content_type=JSON_TYPE).files[0].content == b"a,b"


def test_base64_that_is_not_is_refused() -> None:
    body = b'{"authorization": "a", "purpose": "p", "files": [{"name": "x.csv", "content": "Y!"}]}'
    with pytest.raises(Malformed, match="base64"):
        read_body(Submission, body, content_type=JSON_TYPE)


def test_a_form_may_repeat_its_lists_and_nothing_else() -> None:
    body = b"_xsrf=t&verdict=approve&row_version=3&code=C1&code=C24&why=a&why=&reason=%E5%A5%BD"
    decision = read_body(Decision, body, content_type=FORM_TYPE)
    assert (decision.acknowledged, decision.row_version, decision.reason) == ({"C1": "a"}, 3, "好")
    with pytest.raises(Malformed, match="twice"):
        read_body(Decision, body + b"&verdict=reject", content_type=FORM_TYPE)


def test_a_refusal_repeats_no_value_of_the_body() -> None:
    body = b'{"sql": 12345678, "authorization": "SECRET", "other": "SECRET"}'
    with pytest.raises(Malformed) as caught:
        read_body(Question, body, content_type=JSON_TYPE)
    assert "SECRET" not in str(caught.value)
    assert "12345678" not in str(caught.value)


def test_a_json_body_is_not_read_as_a_form() -> None:
    with pytest.raises(UnsupportedMedia):
        read_body(Decision, b"{}", content_type=JSON_TYPE)


def test_an_empty_query_field_counts_as_not_given() -> None:
    assert query_fields("actor=&kind=login") == {"kind": "login"}


def parts(*each: bytes, edge: bytes = b"edge") -> bytes:
    return b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in each) + b"--" + edge + b"--\r\n"


FIELD = b'Content-Disposition: form-data; name="purpose"\r\n\r\nTable 2'
FILE = b'Content-Disposition: form-data; name="upload"; filename="a.csv"\r\n\r\nn\n1\n'
NO_FILE = b'Content-Disposition: form-data; name="upload"; filename=""\r\n\r\n'
MULTIPART = "multipart/form-data; boundary=edge"


def test_a_form_with_files_is_read_whole() -> None:
    read = read_body(NewExport, parts(FIELD, FILE, NO_FILE), content_type=MULTIPART)
    assert read.purpose == "Table 2"
    assert [(one.name, one.content) for one in read.uploads] == [("a.csv", b"n\n1\n")]


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"", MULTIPART),
        (b"--edge\r\n", MULTIPART),
        (parts(b"no head"), MULTIPART),
        (parts(FIELD, FIELD), MULTIPART),
        (parts(FIELD.replace(b"Table", b"\0")), MULTIPART),
        (parts(FIELD.replace(b"Table", b"\xff")), MULTIPART),
        (parts(FIELD.replace(b"purpose", b"else")), MULTIPART),
        (parts(FILE.replace(b"upload", b"purpose")), MULTIPART),
        (parts(FILE.replace(b"a.csv", b"a\0.csv")), MULTIPART),
        (parts(*[FIELD.replace(b"purpose", b"without")] * 500), MULTIPART),
        (parts(FIELD), "multipart/form-data"),
        (parts(FIELD), "multipart/form-data; boundary=\u00e9"),
        (parts(FIELD), "multipart/form-data; boundary=other"),
    ],
)
def test_a_form_with_files_that_cannot_be_read_is_refused_in_a_sentence(
    data: bytes, content_type: str
) -> None:
    with pytest.raises(Malformed):
        read_body(NewExport, data, content_type=content_type)


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_any_bytes_between_the_edges_are_read_or_refused_and_nothing_else(each: list[bytes]) -> None:
    with suppress(Malformed):
        read_body(NewExport, parts(*each), content_type=MULTIPART)


def test_a_form_with_files_is_no_other_form() -> None:
    with pytest.raises(UnsupportedMedia):
        read_body(NewExport, b"purpose=x", content_type="application/x-www-form-urlencoded")

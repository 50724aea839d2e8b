"""Which requests pass the door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sandbox.door.rules import Closed, pass_inward, pass_outward, plain
from sandbox.door.sides import notebook_headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hub/api"),
        ("GET", "/hub/api/user"),
        ("POST", "/hub/api/users/ana/activity"),
        ("POST", "/hub/api/oauth2/token"),
        ("POST", "/services/gateway/api/v1/queries"),
        ("GET", "/services/gateway/api/v1/releases/r-1"),
    ],
)
def test_a_notebook_reaches_its_gateway_and_its_own_matters(method: str, path: str) -> None:
    assert pass_outward("ana", method, path) == path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hub/api/users"),
        ("POST", "/hub/api/users/ben/activity"),
        ("DELETE", "/services/gateway/api/v1/releases/r-1"),
        ("GET", "/services/gateway/.hidden"),
        ("GET", "/services/gateway/"),
        ("GET", "/services/gatewayx/a"),
        ("POST", "/hub/api/user"),
    ],
)
def test_everything_else_is_closed_to_a_notebook(method: str, path: str) -> None:
    with pytest.raises(Closed):
        pass_outward("ana", method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user/ana/"),
        ("GET", "/user/ana/lab/tree/a%20table.ipynb"),
        ("PUT", "/user/ana/api/contents/%E8%A1%A8.ipynb"),
        ("GET", "/user/ana/api/kernels/0123-abc/channels"),
        ("POST", "/user/ana/api/kernels/0123-abc/interrupt"),
        ("GET", "/user/ana/static/lab/main.js"),
    ],
)
def test_jupyterlab_gets_what_it_needs(method: str, path: str) -> None:
    assert pass_inward("ana", method, path) == path


@pytest.mark.parametrize(
    "rest", ["files/a", "nbconvert/html/a", "view/a", "api/terminals", "metrics", "proxy/80/", "lsp/status"]
)
def test_jupyters_ways_out_are_closed_in_every_spelling(rest: str) -> None:
    for spelling in (rest, "/" + rest, "lab/../" + rest, f"%{ord(rest[0]):02x}{rest[1:]}", "./" + rest):
        with pytest.raises(Closed):
            pass_inward("ana", "GET", "/user/ana/" + spelling)


def test_another_persons_notebook_is_not_behind_this_door() -> None:
    with pytest.raises(Closed):
        pass_inward("ana", "GET", "/user/ben/lab")


@given(st.text(max_size=60))
def test_what_is_plain_has_one_spelling(text: str) -> None:
    try:
        path = plain("/" + text)
    except (Closed, UnicodeEncodeError):
        return
    assert path.startswith("/")
    assert not {"", ".", ".."} & set(path[1:].split("/")[:-1])
    assert "%" not in path
    assert plain(path) == path


def test_an_answer_of_a_notebook_can_neither_be_saved_nor_loosen_the_rules() -> None:
    answer = CIMultiDict(
        {
            "Content-Type": "text/html",
            "Content-Disposition": "attachment; filename=x",
            "Cross-Origin-Opener-Policy": "unsafe-none",
            "Content-Security-Policy": "default-src *",
            "Location": "//elsewhere.example/",
        }
    )
    answer.add("Set-Cookie", "_xsrf=a; Path=/user/ana/")
    answer.add("Set-Cookie", "session=b; Path=/")
    headers = notebook_headers("ana", answer)
    assert {"Content-Disposition", "Cross-Origin-Opener-Policy", "Location"}.isdisjoint(headers)
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers.getall("Set-Cookie") == ["_xsrf=a; Path=/user/ana/"]

"""The table of routes, and what is generated from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import NotFound
from sandbox.policy.roles import Channel, Scope
from sandbox.review.status import Status
from sandbox.web import openapi
from sandbox.web.problem import MethodNotAllowed
from sandbox.web.route import download
from sandbox.web.routes import DOOR_PREFIX, ROUTES, find
from sandbox.web.words import STAGES

DOCS = Path(__file__).parents[2] / "docs" / "http-api.md"


def test_the_documentation_shows_the_table_as_it_is() -> None:
    assert openapi.table(ROUTES) in DOCS.read_text(encoding="utf-8")


def test_no_two_routes_of_a_channel_answer_the_same_address() -> None:
    seen = [(route.method, route.path, channel) for route in ROUTES for channel in route.channels]
    assert len(seen) == len(set(seen))


def test_only_what_tells_nothing_is_public() -> None:
    assert {route.path for route in ROUTES if route.public} == {
        "/api/v1/health",
        "/api/v1/openapi.json",
        "/static/{name}",
    }


def test_review_and_audit_are_not_reached_through_the_door() -> None:
    privileged = {Scope.REVIEW, Scope.AUDIT, Scope.POLICY, Scope.AUTHORITY, Scope.BUDGET}
    assert not [r for r in ROUTES if r.scope in privileged and Channel.NOTEBOOK in r.channels]


def test_whatever_changes_something_needs_a_body_and_for_more_than_own_notices_a_scope() -> None:
    changing = [route for route in ROUTES if route.method == "POST"]
    assert all(route.body is not None for route in changing)
    assert {route.path for route in changing if route.scope is None} == {"/notices"}


def test_a_parameter_matches_one_segment_only() -> None:
    route, params = find(
        ("review", "r-1", "files", "a.csv"), method="GET", channel=Channel.CONSOLE, prefix=""
    )
    assert (route.path, params) == ("/review/{id}/files/{name}", {"id": "r-1", "name": "a.csv"})
    with pytest.raises(NotFound):
        find(("review", "r-1", "files", "a", "b"), method="GET", channel=Channel.CONSOLE, prefix="")


def test_the_refused_method_says_which_ones_there_are() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        find(
            ("services", "gateway", "api", "v1", "releases"),
            method="PUT",
            channel=Channel.NOTEBOOK,
            prefix=DOOR_PREFIX,
        )
    assert caught.value.methods == ("GET", "POST")


@pytest.mark.parametrize("channel", [Channel.NOTEBOOK, Channel.CONSOLE])
def test_every_reference_in_the_description_points_at_something(channel: Channel) -> None:
    document = openapi.document(ROUTES, channel=channel, prefix="")
    assert all(name in document["components"]["schemas"] for name in _references(document))


@pytest.mark.parametrize(
    ("channel", "path"),
    [(Channel.NOTEBOOK, "/api/v1/releases/{id}/package"), (Channel.CONSOLE, "/releases/{id}/package")],
)
def test_a_package_is_described_as_the_bytes_that_it_is(channel: Channel, path: str) -> None:
    operation = openapi.document(ROUTES, channel=channel, prefix="")["paths"][path]["post"]
    assert list(operation["responses"]["200"]["content"]) == [download(name="a", data=b"").content_type]


def test_every_state_of_a_request_has_words() -> None:
    assert set(STAGES) == set(Status)


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else []
        return own + [name for item in value.values() for name in _references(item)]
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    return []

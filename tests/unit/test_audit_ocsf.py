"""Events as OCSF: every kind has one, and each is valid by the published schema."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from ocsf_json_schema import (  # type: ignore[import-untyped]  # it has no types
    OcsfJsonSchemaEmbedded,
    get_ocsf_schema,
)

from sandbox.audit import ocsf
from sandbox.audit.event import Event, Kind
from sandbox.audit.sinks import Delivered

AT = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
BODIES: dict[Kind, dict[str, Any]] = {
    Kind.QUESTION_INTENT: {"channel": "notebook", "template": "SELECT COUNT(*) FROM visits", "loss": 125},
    Kind.RELEASE_DOWNLOADED: {"round": 1, "package": "sha256:" + "ab" * 32},
    Kind.ACCOUNT_CHANGED: {"change": "created", "groups": ["analysts"]},
}


@cache
def schema() -> Any:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION))


def mistakes(event: dict[str, Any]) -> list[str]:
    name = schema().lookup_class_name_from_uid(event["class_uid"]) if event["class_uid"] else "base_event"
    found = Draft202012Validator(schema().get_class_schema(name)).iter_errors(event)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in found]


def event_of(kind: str, **more: Any) -> dict[str, Any]:
    event = Event(kind=Kind(kind), actor="ana", subject="3f2a", decision="granted", **more)
    return json.loads(ocsf.line(Delivered(7, event.leaf(AT))))  # type: ignore[no-any-return]  # an object


def test_every_kind_of_event_is_mapped() -> None:
    assert set(ocsf.MAPPING) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("full", [True, False])
def test_an_event_of_every_kind_is_valid_by_the_schema(kind: Kind, full: bool) -> None:
    more = {"dataset": "visits", "authorization": "study", "related": ("q1",), "body": BODIES.get(kind, {})}
    assert mistakes(event_of(kind, **(more if full else {}))) == []


@pytest.mark.parametrize("missing", ["metadata", "time", "database", "src_endpoint", "activity_id"])
def test_the_check_against_the_schema_finds_what_is_missing(missing: str) -> None:
    event = event_of(Kind.QUESTION_INTENT)
    del event[missing]
    assert mistakes(event)


def test_the_check_against_the_schema_finds_a_wrong_value() -> None:
    assert mistakes(event_of(Kind.LOGIN) | {"severity_id": 12})
    assert mistakes(event_of(Kind.LOGIN) | {"user": "ana"})


def test_a_question_is_a_datastore_query_and_a_login_an_authentication() -> None:
    question, login = event_of(Kind.QUESTION_INTENT, dataset="visits"), event_of(Kind.LOGIN)
    assert (question["class_uid"], question["type_uid"]) == (6005, 600504)
    assert question["database"]["name"] == "visits"
    assert (login["class_uid"], login["type_uid"]) == (3002, 300201)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.endswith("refused")])
def test_a_refusal_is_a_failure_of_higher_severity(kind: Kind) -> None:
    event = event_of(kind)
    assert (event["status_id"], event["severity_id"]) == (2, 3)


def test_an_event_leads_back_to_the_entry_that_proves_it() -> None:
    leaf = Event(kind=Kind.LOGIN, actor="ana", subject="ana").leaf(AT)
    metadata: Any = ocsf.event_of(Delivered(7, leaf))["metadata"]
    assert metadata["sequence"] == 7
    assert metadata["uid"] == hashlib.sha256(leaf).hexdigest()


def test_the_time_is_exact_to_the_millisecond() -> None:
    assert event_of(Kind.LOGIN)["time"] == 1778051289123


def test_an_entry_of_a_later_version_is_still_an_event() -> None:
    leaf = Event(kind=Kind.LOGIN, actor="ana", subject="ana").leaf(AT).replace(b'"login"', b'"moon.landed"')
    event: dict[str, Any] = dict(ocsf.event_of(Delivered(0, leaf)))
    assert event["class_uid"] == 0
    assert mistakes(event) == []

"""Entries of the log as OCSF 1.6 events, for security teams that collect from many systems.

Every leaf has an event, also one of a kind that is not known here (Base Event). ``metadata.sequence``
is the place in the log and ``metadata.uid`` the leaf's digest, so an event leads back to the entry
that proves it; whatever OCSF has no attribute for stands in ``unmapped``. The schema is at
https://schema.ocsf.io/1.6.0/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sandbox.audit.event import Kind
from sandbox.audit.sinks.position import digest_of
from sandbox.audit.sinks.record import Delivered
from sandbox.canonical import Canonical

VERSION = "1.6.0"
_PRODUCT: Mapping[str, Canonical] = {"name": "public-data-sandbox", "vendor_name": "public-data-sandbox"}
_FAILED = frozenset({"refused", "failed", "unknown", "withheld"})
_SUCCESS, _FAILURE = 1, 2
_INFORMATIONAL, _MEDIUM = 1, 3
_OTHER = 99


class Class(IntEnum):
    """The classes of events used here; the value is OCSF's ``class_uid``."""

    BASE = 0
    ACCOUNT = 3001
    AUTHENTICATION = 3002
    ENTITY = 3004
    LIFECYCLE = 6002
    API = 6003
    DATASTORE = 6005
    FILE_HOSTING = 6006


@dataclass(frozen=True, slots=True)
class Mapped:
    """Which event class and activity a kind is."""

    class_uid: Class
    activity: int
    entity: str = ""
    """What the entity is, where the class is Entity Management."""


MAPPING: Mapping[Kind, Mapped] = {
    Kind.QUESTION_INTENT: Mapped(Class.DATASTORE, 4),
    Kind.QUESTION_OUTCOME: Mapped(Class.DATASTORE, 4),
    Kind.QUESTION_REPEATED: Mapped(Class.DATASTORE, 4),
    Kind.ANSWER_WITHHELD: Mapped(Class.DATASTORE, 4),
    Kind.QUESTION_REFUSED: Mapped(Class.DATASTORE, 4),
    Kind.REVIEWED_ASKED: Mapped(Class.DATASTORE, 4),
    Kind.REVIEWED_FILED: Mapped(Class.DATASTORE, 4),
    Kind.REQUEST_REFUSED: Mapped(Class.API, _OTHER),
    Kind.DATASET_REGISTERING: Mapped(Class.DATASTORE, 1),
    Kind.DATASET_REGISTERED: Mapped(Class.ENTITY, 10, "dataset"),
    Kind.DATASET_SURVEYING: Mapped(Class.DATASTORE, 1),
    Kind.DATASET_SURVEYED: Mapped(Class.DATASTORE, 1),
    Kind.POLICY_LOADED: Mapped(Class.ENTITY, 10, "policy"),
    Kind.RELEASE_CHECKED: Mapped(Class.ENTITY, 2, "release"),
    Kind.RELEASE_SUBMITTED: Mapped(Class.ENTITY, 1, "release"),
    Kind.RELEASE_SCREENED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_OPENED: Mapped(Class.ENTITY, 2, "release"),
    Kind.RELEASE_COMPARED: Mapped(Class.ENTITY, 2, "release"),
    Kind.RELEASE_SEATED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_COMMENTED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_VOTED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_OVERRIDDEN: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_CONSENTED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_EXCUSED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_MOVED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_SEALED: Mapped(Class.ENTITY, 3, "release"),
    Kind.RELEASE_DOWNLOADED: Mapped(Class.FILE_HOSTING, 2),
    Kind.RELEASE_WITHDRAWN: Mapped(Class.ENTITY, 11, "release"),
    Kind.RELEASE_REFUSED: Mapped(Class.ENTITY, _OTHER, "release"),
    Kind.LOGIN: Mapped(Class.AUTHENTICATION, 1),
    Kind.LOGIN_REFUSED: Mapped(Class.AUTHENTICATION, 1),
    Kind.ACCOUNT_CHANGED: Mapped(Class.ACCOUNT, _OTHER),
    Kind.ACCESS_FROZEN: Mapped(Class.ENTITY, 12, "access"),
    Kind.ACCESS_UNFROZEN: Mapped(Class.ENTITY, 13, "access"),
    Kind.WORKSPACE_DESTROYED: Mapped(Class.ENTITY, 4, "workspace"),
    Kind.WORKSPACE_KEPT: Mapped(Class.ENTITY, 3, "workspace"),
    Kind.AUTHORIZATION_ENDED: Mapped(Class.ENTITY, 11, "authorization"),
    Kind.SERVER_STARTED: Mapped(Class.LIFECYCLE, 3),
    Kind.SERVER_STOPPED: Mapped(Class.LIFECYCLE, 4),
    Kind.DOOR_REFUSED: Mapped(Class.API, _OTHER),
    Kind.AUDIT_READ: Mapped(Class.API, 2),
    Kind.AUDIT_EXPORTED: Mapped(Class.API, 2),
    Kind.PRIVATE_ERASED: Mapped(Class.API, 4),
    Kind.BUDGET_GRANTED: Mapped(Class.ENTITY, 3, "budget"),
    Kind.BUDGET_REFUSED: Mapped(Class.ENTITY, _OTHER, "budget"),
    Kind.DECIDER_KEY_CHANGED: Mapped(Class.ACCOUNT, _OTHER),
    Kind.KEY_ROTATED: Mapped(Class.ENTITY, 3, "key"),
    Kind.GATEWAY_STARTED: Mapped(Class.LIFECYCLE, 3),
    Kind.DOCTOR_RUN: Mapped(Class.API, 2),
}
"""The class and activity of each kind; a kind that is missing here fails the tests."""


def line(record: Delivered) -> bytes:
    """Return a record's event as one line of JSON."""
    event = event_of(record)
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def event_of(record: Delivered) -> dict[str, Canonical]:
    """Return the OCSF event of a record of the log."""
    leaf = json.loads(record.leaf)
    mapped = _mapped(leaf)
    failed = leaf["kind"].endswith("refused") or leaf["decision"] in _FAILED
    return {
        "activity_id": mapped.activity,
        **({"activity_name": leaf["kind"]} if mapped.activity == _OTHER else {}),
        "category_uid": mapped.class_uid // 1000,
        "class_uid": int(mapped.class_uid),
        "type_uid": mapped.class_uid * 100 + mapped.activity,
        "severity_id": _MEDIUM if failed else _INFORMATIONAL,
        "status_id": _FAILURE if failed else _SUCCESS,
        "status_code": leaf["decision"],
        "message": f"{leaf['kind']} {leaf['subject']}",
        "time": int(datetime.fromisoformat(leaf["at"]).timestamp() * 1000),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "log_name": "audit",
            "original_time": leaf["at"],
            "sequence": record.seq,
            "uid": digest_of(record),
            "correlation_uid": leaf["subject"],
        },
        "unmapped": {key: leaf[key] for key in ("actor", "authorization", "body", "dataset", "related")},
        **_particulars(mapped, leaf),
    }


def _mapped(leaf: Mapping[str, Any]) -> Mapped:
    try:
        mapped = MAPPING[Kind(leaf["kind"])]
    except (ValueError, KeyError):
        return Mapped(Class.BASE, _OTHER)  # a log outlives the program that reads it
    created = mapped.class_uid is Class.ACCOUNT and leaf["body"].get("change") == "created"
    return Mapped(Class.ACCOUNT, 1) if created else mapped


def _particulars(mapped: Mapped, leaf: Mapping[str, Any]) -> dict[str, Canonical]:
    """Return what only the event's class has."""
    actor: dict[str, Canonical] = {"actor": {"user": _user(leaf["actor"])}}
    source: dict[str, Canonical] = {"src_endpoint": {"name": str(leaf["body"].get("channel", "gateway"))}}
    found: dict[str, Canonical]
    match mapped.class_uid:
        case Class.DATASTORE:
            database = {"name": leaf["dataset"] or "not named", "type_id": 1}
            found = {**actor, **source, "type_id": 1, "database": database, **_query(leaf)}
        case Class.AUTHENTICATION:
            found = {"user": _user(leaf["subject"]), "service": {"name": "hub"}}
        case Class.ACCOUNT:
            found = {**actor, "user": _user(leaf["subject"])}
        case Class.ENTITY:
            found = {**actor, "entity": _entity(mapped.entity, leaf["subject"])}
        case Class.LIFECYCLE:
            found = {"app": {"name": leaf["subject"]}}
        case Class.API:
            found = {**actor, **source, "api": {"operation": leaf["kind"]}}
        case Class.FILE_HOSTING:
            found = {**actor, **source, "file": _package(leaf)}
        case Class.BASE:
            found = {}
    return found


def _user(name: str) -> dict[str, Canonical]:
    return {"name": name, "type_id": 3 if name == "system" else 1}


def _entity(what: str, subject: str) -> dict[str, Canonical]:
    if what == "policy":
        return {"uid": subject, "type": what, "type_id": 5, "policy": {"uid": subject}}
    return {"uid": subject, "type": what, "type_id": _OTHER}


def _query(leaf: Mapping[str, Any]) -> dict[str, Canonical]:
    template = leaf["body"].get("template")
    return {"query_info": {"query_string": template, "uid": leaf["subject"]}} if template else {}


def _package(leaf: Mapping[str, Any]) -> dict[str, Canonical]:
    value = str(leaf["body"].get("package", "")).removeprefix("sha256:")
    hashes: list[Canonical] = [{"algorithm_id": 3, "value": value}] if value else []
    return {"name": f"release-{leaf['subject']}.tar.gz", "type_id": 1, "hashes": hashes}

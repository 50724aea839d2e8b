"""The lineage of a release as W3C PROV: read back by another library, back to the registered copy."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from office import ROUNDED, Office
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvRecord,
    ProvUsage,
)

from sandbox.answer import csv_bytes
from sandbox.audit import lineage
from sandbox.canonical import digest
from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor, Channel

SQL = "SELECT service, COUNT(*) AS n FROM visits GROUP BY service"


def read_back(document: lineage.Document) -> ProvDocument:
    return ProvDocument.deserialize(content=json.dumps(document), format="json")


def names(document: ProvDocument, kind: type[ProvRecord]) -> set[str]:
    return {str(record.identifier) for record in document.get_records(kind)}


def pairs(document: ProvDocument, kind: type[ProvRecord]) -> set[tuple[str, str]]:
    """Return the two ends of every relation of a kind, in PROV's order."""
    return {(str(record.args[0]), str(record.args[1])) for record in document.get_records(kind)}


def name(what: str, digest_or_id: str) -> str:
    return f"pds:{what}/{digest_or_id.removeprefix('sha256:')}"


@pytest.fixture
def released(gateway: Gateway, actor: Callable[[str], Actor]) -> tuple[Gateway, str, str, bytes]:
    """A release of one answer, and the names by which its story is found."""

    def at_console(person: str) -> Actor:
        return dataclasses.replace(actor(person), channel=Channel.CONSOLE)

    answer = gateway.ask(
        sql=SQL, authorization="visits-study", epsilon=Decimal("0.5"), actor=at_console("ana")
    )
    content = csv_bytes(answer.table)
    request = gateway.desk.submit(
        at_console("ana"),
        authorization="visits-study",
        purpose="Visits by service",
        files={"n.csv": content},
        receipts=(answer.receipt,),
    ).id
    rita = at_console("rita")
    gateway.desk.open_file(rita, request, "n.csv")
    view = gateway.desk.show(rita, request)
    gateway.desk.decide(
        rita,
        request,
        verdict="approve",
        reason="Noise is enough.",
        row_version=view.row_version,
        acknowledged=dict.fromkeys(view.to_acknowledge, "Weighed."),
    )
    gateway.desk.download(at_console("ana"), request)
    return gateway, answer.id, request, content


def test_a_release_leads_back_to_its_answer_and_to_the_copy_it_was_made_from(
    released: tuple[Gateway, str, str, bytes],
) -> None:
    gateway, answer, request, content = released
    log = gateway.books.log
    snapshot = log.search(kind="dataset.registered")[0].event["subject"]
    package = log.search(kind="release.downloaded")[0].event["body"]["package"]
    known = read_back(lineage.document([*log.story(snapshot), *log.trace(request)]))
    chain = [
        name("package", package),
        name("file", digest(content)),
        name("answer", answer),
        name("snapshot", snapshot),
    ]
    derived = pairs(known, ProvDerivation)
    for made, source in pairwise(chain):
        assert (made, source) in derived
    generated = pairs(known, ProvGeneration)
    assert (chain[0], f"pds:sealing/{request}/1") in generated
    assert (chain[1], f"pds:submission/{request}/1") in generated
    assert (chain[2], f"pds:question/{answer}") in generated
    assert any(made == chain[3] and by.startswith("pds:registration/") for made, by in generated)
    assert (f"pds:vote/{request}/1/rita", chain[1]) in pairs(known, ProvUsage)
    assert {"pds:agent/ana", "pds:agent/rita", "pds:agent/gateway"} <= names(known, ProvAgent)


def dangling(document: lineage.Document) -> list[str]:
    """Return the ends of relations that the document does not describe."""
    known = read_back(document)
    described = names(known, ProvEntity) | names(known, ProvActivity) | names(known, ProvAgent)
    relations = [record for record in known.records if record.is_relation()]
    assert len(relations) > 10
    return [str(end) for record in relations for end in record.args[:2] if str(end) not in described]


def test_both_ends_of_every_relation_are_described(released: tuple[Gateway, str, str, bytes]) -> None:
    gateway, answer, request, _ = released
    document = lineage.document(gateway.books.log.trace(request))
    assert dangling(document) == []
    del document["entity"][name("answer", answer)]
    assert name("answer", answer) in dangling(document)
    some = next(iter(document["used"].values()))
    some["prov:thing"] = some.pop("prov:entity")
    assert "None" in dangling(document)


def test_the_same_lineage_is_found_from_the_answer(released: tuple[Gateway, str, str, bytes]) -> None:
    gateway, answer, request, _ = released
    log = gateway.books.log
    assert read_back(lineage.document(log.trace(answer))) == read_back(lineage.document(log.trace(request)))


def test_a_second_round_and_a_return_are_part_of_it(office: Office) -> None:
    request = office.submit({"visits.csv": ROUNDED})
    office.decide("rita", request, "return")
    known = read_back(lineage.document(office.log.trace(request)))
    assert f"pds:vote/{request}/1/rita" in names(known, ProvActivity)
    assert not any(one.startswith("pds:package/") for one in names(known, ProvEntity))

"""A reviewed answer from its question to its package, and what its author learns on the way."""

from __future__ import annotations

import csv
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError
from reviewed_sandbox import STUDY, furnished, gateway_of_copy, person
from sqlalchemy import update

from sandbox import reviewing
from sandbox.audit import evidence, lineage
from sandbox.audit.event import Kind
from sandbox.canonical import digest
from sandbox.cli import cli
from sandbox.client.session import Session
from sandbox.client.transport import Transport
from sandbox.errors import Conflict, NotAllowed, NotAnswerable, NotFound, OverBudget, Refusal, Unavailable
from sandbox.gateway import Gateway
from sandbox.pace import CONSTANT_SENTENCE
from sandbox.policy.roles import Channel
from sandbox.review.reviewed import READABLE, SIGNED, TABLE
from sandbox.review.status import Status
from sandbox.settings import Settings
from sandbox.store import tables
from sandbox.store.engine import writing
from sandbox.web import problem
from sandbox.web.bodies import Question

SQL = (
    "SELECT district, COUNT(DISTINCT person_id) AS persons, SUM(cost) AS total, AVG(cost) AS mean "
    "FROM visits GROUP BY district"
)
PURPOSE = "Cost by district, for the yearly report"


def row(number: int, district: str, cost: float) -> str:
    return f"P{number:03d},{district},gp,2025-01-11,{cost:.2f},raw secret text"


EVENLY = [
    *(row(n, "Bei", 10 + n) for n in range(40)),
    *(row(n, "Dong", 100 + n / 2) for n in range(40, 53)),
    *(row(n, "Nan", 77) for n in range(53, 56)),
]
"""Bei and Dong may be shown, Nan has three persons, Xi nobody."""
OTHERWISE = [
    *(row(n, "Xi", 200 - n) for n in range(60)),
    row(60, "Xi", 250),
    *(row(n, "Nan", 33) for n in range(61, 80)),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    """Two sandboxes that differ in their data only, and one with few answers; never used themselves."""
    return {
        "evenly": furnished(tmp_path_factory.mktemp("evenly"), EVENLY),
        "otherwise": furnished(tmp_path_factory.mktemp("otherwise"), OTHERWISE),
    }


@pytest.fixture
def gateway(made: dict[str, Settings], tmp_path: Path) -> Iterator[Gateway]:
    with gateway_of_copy(made["evenly"], tmp_path) as opened:
        yield opened


def ask(gateway: Gateway, sql: str = SQL, **given: Any) -> reviewing.Filed:
    asked: dict[str, Any] = {"authorization": STUDY, "purpose": PURPOSE, "actor": person("ana")} | given
    return gateway.file_reviewed(sql=sql, **asked)


def approve(gateway: Gateway, name: str, request: str) -> Status:
    actor = person(name, Channel.CONSOLE)
    for file in (TABLE, READABLE):
        gateway.desk.open_file(actor, request, file)
    view = gateway.desk.show(actor, request)
    decided = gateway.desk.decide(
        actor,
        request,
        verdict="approve",
        reason="Looked at with its evidence.",
        row_version=view.row_version,
        acknowledged=dict.fromkeys(view.to_acknowledge, "Weighed."),
    )
    return decided.status


def test_the_whole_way_from_the_question_to_the_package(gateway: Gateway) -> None:
    filed = ask(gateway)
    assert approve(gateway, "rita", filed.id) is Status.REVIEW
    assert approve(gateway, "rolf", filed.id) is Status.RELEASED
    _, package = gateway.desk.download(person("ana"), filed.id)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        files = {Path(one.name).name: archive.extractfile(one) for one in archive.getmembers()}
        table, manifest = (file.read() for name in (TABLE, "manifest.json") if (file := files[name]))
    rows = list(csv.reader(io.StringIO(table.decode())))
    assert rows == [
        ["district", "persons", "total", "mean"],
        ["Bei", "40", "1180", "29.5"],
        ["Dong", "15", "1599", "123"],
        ["Nan", "*", "*", "*"],
        ["Xi", "*", "*", "*"],
    ]
    assert not {SIGNED, READABLE} & set(files)
    (reference,) = json.loads(manifest)["receipts"]
    assert reference["mode"] == "reviewed"
    assert {"units", "rows"}.isdisjoint(reference)


def test_reviewers_read_the_values_and_the_evidence_that_the_gateway_signed(gateway: Gateway) -> None:
    filed, rita = ask(gateway), person("rita", Channel.CONSOLE)
    table, signed = (gateway.desk.open_file(rita, filed.id, name) for name in (TABLE, SIGNED))
    claims = evidence.read(signed, gateway.desk._receipts)
    assert (claims["csv_sha256"], claims["author"], claims["answer"]) == (digest(table), "ana", filed.id)
    assert claims["exact_over"]["rows_of_a_person"] == {"visits": 5}
    assert [(one["key"], one["masked"], one["fails"]) for one in claims["rows"]] == [
        (["Bei"], "", []),
        (["Dong"], "", []),
        (["Nan"], "primary", ["C1", "C8"]),
        (["Xi"], "primary", ["C1", "C5", "C8"]),
    ]
    readable = gateway.desk.open_file(rita, filed.id, READABLE).decode().splitlines()
    assert readable[0] == "key,of,masked,fails,units,rows,total,size,top,second,values"
    assert "Bei,rows,,,40,40,0,40,1,1,0" in readable
    shown = gateway.desk.show(rita, filed.id)
    assert [file.name for file in shown.files] == [TABLE, READABLE, SIGNED]
    assert "Of 4 rows 2 are masked" in json.dumps(shown.to_document())


def test_nobody_approves_without_having_looked_at_the_evidence(gateway: Gateway) -> None:
    filed, rita = ask(gateway), person("rita", Channel.CONSOLE)
    gateway.desk.open_file(rita, filed.id, TABLE)
    view = gateway.desk.show(rita, filed.id)
    decision: dict[str, Any] = {"verdict": "approve", "reason": "Fine.", "row_version": view.row_version}
    with pytest.raises(Conflict, match=READABLE):
        gateway.desk.decide(
            rita, filed.id, **decision, acknowledged=dict.fromkeys(view.to_acknowledge, "Weighed.")
        )
    gateway.desk.open_file(rita, filed.id, SIGNED)
    assert all(file.opened for file in gateway.desk.show(rita, filed.id).files)
    gateway.desk.decide(
        rita, filed.id, **decision, acknowledged=dict.fromkeys(view.to_acknowledge, "Weighed.")
    )


def test_evidence_that_was_changed_in_the_database_is_not_shown(gateway: Gateway) -> None:
    filed, rita = ask(gateway), person("rita", Channel.CONSOLE)
    signed = gateway.desk.open_file(rita, filed.id, SIGNED)
    with writing(gateway.books.engine, wait=5) as connection:
        same = tables.blob.c.sha256 == digest(signed)
        connection.execute(update(tables.blob).where(same).values(content=signed.replace(b"Bei", b"Xei")))
    for name in (SIGNED, READABLE):
        with pytest.raises(Conflict, match="not what was signed"):
            gateway.desk.open_file(rita, filed.id, name)


def test_the_lineage_leads_from_the_file_to_the_copy_it_was_read_from(gateway: Gateway) -> None:
    filed = ask(gateway)
    made = lineage.document(gateway.books.log.trace(filed.id))
    (derived,) = made["wasDerivedFrom"].values()
    assert derived["prov:generatedEntity"] == f"pds:answer/{filed.id}"
    assert derived["prov:usedEntity"].startswith("pds:snapshot/")


def test_the_terminal_and_the_notebook_file_the_same_kind_of_request(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "SANDBOX_HOME": str(gateway.settings.home),
        "SANDBOX_RAW": str(gateway.settings.raw),
        "SANDBOX_POLICIES": str(gateway.settings.policies),
        "SANDBOX_ACCOUNT": "ana",
    }
    asked = ["ask", SQL, "--authorization", STUDY, "--reviewed", PURPOSE]
    said = CliRunner(env=environment).invoke(cli, asked)
    assert said.exit_code == 0, said.output
    assert "4 rows of district, persons, total, mean" in said.output
    assert "reviewed answers left under visits-study: 4" in said.output
    both = CliRunner(env=environment).invoke(cli, [*asked, "--epsilon", "1"])
    assert (both.exit_code, "no loss" in both.output) == (2, True)

    def served(_: object, method: str, path: str, body: Any = None) -> Any:
        assert (method, path) == ("POST", "/queries")
        question = Question.model_validate(body)
        filed = ask(gateway, question.sql, authorization=question.authorization, purpose=question.purpose)
        return json.loads(json.dumps(filed.to_document()))

    monkeypatch.setattr(Transport, "call", served)
    filed = Session(Transport(Path("nowhere")), STUDY).ask_reviewed(SQL, purpose=PURPOSE)
    assert (filed.columns, filed.left) == (["district", "persons", "total", "mean"], 3)
    assert "shown to its reviewers" in repr(filed)


@pytest.mark.parametrize(
    "more",
    [
        {"mode": "reviewed"},
        {"mode": "reviewed", "purpose": " "},
        {"mode": "reviewed", "purpose": "p", "epsilon": "1"},
        {"mode": "reviewed", "purpose": "p", "dry_run": True},
        {"mode": "reviewed", "purpose": "p", "fresh": True},
        {"purpose": "p"},
        {"mode": "exact"},
    ],
)
def test_a_body_that_mixes_the_kinds_of_answer_is_no_question(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Question.model_validate({"sql": SQL, "authorization": STUDY, **more})


def test_evidence_of_another_key_or_changed_by_a_letter_does_not_verify(gateway: Gateway) -> None:
    filed = ask(gateway)
    signed = gateway.desk.open_file(person("rita", Channel.CONSOLE), filed.id, SIGNED)
    for changed in (signed.replace(b"ana", b"ann", 1), signed[:-1], signed + b"x", b"{}\nAAAA\n"):
        with pytest.raises(Refusal, match="not signed by this gateway"):
            evidence.read(changed, gateway.desk._receipts)


def refusal_of(action: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        action()
    return problem.encode(problem.of_refusal(refused.value)).decode()


def everything_ana_receives(gateway: Gateway) -> list[str]:
    """Return each thing that reaches the author's notebook or browser before the release."""
    ana, desk = person("ana"), gateway.desk
    told = [json.dumps(ask(gateway, request_id="anas-own-id").to_document())]
    for voters in (("rita",), ()):  # before a reviewer has looked and voted, and after
        told.append(json.dumps(desk.show(ana, "anas-own-id").to_document()))
        told.append(json.dumps([view.to_document() for view in desk.mine(ana)]))
        told += [
            refusal_of(lambda name=name: desk.open_file(ana, "anas-own-id", name))  # type: ignore[misc]  # bound now
            for name in (TABLE, SIGNED, READABLE)
        ]
        told.append(refusal_of(lambda: desk.download(ana, "anas-own-id")))
        told.append(
            refusal_of(lambda: desk.resubmit(ana, "anas-own-id", row_version=2, files={"a.csv": b"a\n1\n"}))
        )
        told.append(json.dumps([str(balance) for balance in gateway.balances(ana)]))
        told.append(json.dumps(gateway.catalogue(ana)))
        for voter in voters:
            approve(gateway, voter, "anas-own-id")
    told.append(refusal_of(lambda: ask(gateway, request_id="anas-own-id")))
    desk.decide(
        person("rolf", Channel.CONSOLE), "anas-own-id", verdict="reject", reason="No.",
        row_version=desk.show(ana, "anas-own-id").row_version,
    )  # fmt: skip
    told.append(json.dumps(desk.show(ana, "anas-own-id").to_document()))
    return [re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)", "T", one) for one in told]


def test_what_the_author_receives_is_the_same_whatever_the_data_are(
    made: dict[str, Settings], tmp_path: Path
) -> None:
    received = []
    for name, settings in made.items():
        (tmp_path / name).mkdir()
        with gateway_of_copy(settings, tmp_path / name) as gateway:
            received.append(everything_ana_receives(gateway))
    assert received[0] == received[1]
    assert "1180" not in "".join(received[0])


def test_the_comparison_finds_a_view_that_shows_the_author_the_digest(
    made: dict[str, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.review.reviewed.structure_only", lambda request: request)
    received = []
    for name, settings in made.items():
        (tmp_path / name).mkdir()
        with gateway_of_copy(settings, tmp_path / name) as gateway:
            received.append(everything_ana_receives(gateway))
    assert received[0] != received[1]


def test_each_answer_counts_once_and_the_last_of_the_authorization_is_the_last(gateway: Gateway) -> None:
    before = gateway.balances(person("ana"))
    assert [ask(gateway).number for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(OverBudget, match="all of them have been asked for"):
        ask(gateway)
    assert gateway.balances(person("ana")) == before  # no loss is charged: there is none that would bound it


def test_an_id_counts_once(gateway: Gateway) -> None:
    filed = ask(gateway)
    with pytest.raises(Conflict, match="asked before"):
        ask(gateway, request_id=filed.id)
    assert ask(gateway).number == 2


def test_a_failure_after_the_count_is_the_constant_sentence_and_stays_counted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sandbox.reviewed.read.compile_contributions", lambda *_: "SELECT CAST('x' AS INTEGER)"
    )
    with pytest.raises(Unavailable) as refused:
        ask(gateway, request_id="will-not-end")
    assert str(refused.value) == CONSTANT_SENTENCE
    assert refused.value.__suppress_context__
    assert [entry.event["decision"] for entry in gateway.books.log.story("will-not-end")] == [
        "counted",
        "failed",
    ]
    monkeypatch.undo()
    assert ask(gateway).number == 2


def test_the_log_says_who_asked_what_and_holds_no_number_of_the_answer(gateway: Gateway) -> None:
    filed = ask(gateway)
    story = gateway.books.log.story(filed.id)
    assert [entry.event["kind"] for entry in story] == [
        Kind.REVIEWED_ASKED,
        Kind.REVIEWED_FILED,
        Kind.RELEASE_SUBMITTED,
        Kind.RELEASE_SCREENED,
    ]
    assert story[0].event["body"]["number"] == 1
    assert "1180" not in json.dumps([entry.event for entry in story])


def test_the_author_may_take_it_back_and_never_sees_it(gateway: Gateway) -> None:
    filed = ask(gateway)
    view = gateway.desk.withdraw(person("ana"), filed.id)
    assert view.status is Status.WITHDRAWN
    assert view.files[0].stored.sha256 == ""
    with pytest.raises(NotFound):
        gateway.desk.open_file(person("ana"), filed.id, TABLE)


REFUSED = {
    "SELECT MEDIAN(cost) AS m FROM visits": "reviewed-aggregate",
    "SELECT COUNT(*) / 2 AS half FROM visits": "reviewed-formula",
    "SELECT COUNT(*) FILTER (WHERE cost > 5) AS n FROM visits": "reviewed-filter",
    "SELECT SUM(cost * 2) AS s FROM visits": "reviewed-expression",
    "SELECT district, COUNT(*) AS n FROM visits GROUP BY district ORDER BY n": "reviewed-shape",
    "SELECT district, COUNT(*) AS n FROM visits GROUP BY district HAVING n > 5": "reviewed-shape",
    "SELECT COUNT(*) AS n FROM (SELECT cost FROM visits WHERE cost > 5) AS v": "reviewed-source",
    "SELECT district, service, COUNT(*) AS n FROM visits "
    "GROUP BY GROUPING SETS ((district), (service))": "reviewed-totals",
}


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_what_cannot_be_checked_cell_by_cell_is_refused_and_costs_no_answer(
    gateway: Gateway, sql: str, code: str
) -> None:
    with pytest.raises((NotAnswerable, NotAllowed)) as refused:
        ask(gateway, sql)
    assert refused.value.code == code
    assert refused.value.allowed
    assert gateway.books.log.search(limit=1)[0].event["kind"] == Kind.QUESTION_REFUSED
    assert ask(gateway).number == 1


def test_a_dataset_that_does_not_say_so_gives_none(settings: Settings) -> None:
    gateway = Gateway.open(settings)
    with pytest.raises(NotAllowed, match="differentially private answers only"):
        ask(gateway)
    gateway.close()

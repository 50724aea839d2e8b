"""The server behind the door's socket, as a process of its own, with a hub that knows three tokens."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.governance.installation import install, open_books
from sandbox.hub.running import free_ports
from sandbox.policy.roles import ROLE_SCOPES
from sandbox.settings import Settings
from sandbox.web.server import WORKERS

BASE = "/services/gateway/api/v1"
SMALL_POLICIES = Path(__file__).parents[1] / "policies"
MODELS = {
    "token-of-ana": ("ana", ["analysts", "visits-study"]),
    "token-of-ben": ("ben", ["analysts"]),
    "token-of-rita": ("rita", ["reviewers"]),
    "token-of-eve": ("eve", ["analysts", "officers"]),
}
EDGE = 1.0
"""Seconds after which answers leave, repeated ones apart; long, so that a test can look meanwhile."""
QUESTION = {
    "sql": "SELECT district, COUNT(*) AS n FROM visits GROUP BY district",
    "authorization": "visits-study",
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a service asks: whose token is it?"""

    def do_GET(self) -> None:
        token = self.headers["Authorization"].removeprefix("token ")
        name, groups = MODELS.get(token, ("", []))
        scopes = [scope for group in groups for scope in ROLE_SCOPES.get(group, ())]
        model = {"kind": "user", "name": name, "groups": groups, "scopes": scopes}
        body = json.dumps(model).encode() if name else b"{}"
        self.send_response(200 if name else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


class Door:
    """Speaks to the socket as the door does for ``user``'s notebook."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        *,
        token: str = "token-of-ana",  # noqa: S107  # of the simulated hub
        user: str = "ana",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        sent = {"Authorization": f"token {token}", "X-Sandbox-User": user}
        sent |= {"Content-Type": "application/json"} if data is not None else {}
        sent |= headers or {}
        connection = UnixConnection(self.settings.gateway_socket)
        connection.request(method, path, body=data, headers=sent)
        response = connection.getresponse()
        payload = response.read()
        connection.close()
        return response.status, json.loads(payload) if payload else None, response.headers


@pytest.fixture(scope="module")
def door(registered_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("door") / "home"))
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    settings = Settings(
        home=home,
        raw=home / "raw",
        policies=SMALL_POLICIES,
        hub_api_port=hub.server_port,
        console_port=free_ports(1)[0],
        body_limit=200_000,
    )
    install(settings)
    chosen = ("home", "policies", "hub_api_port", "console_port", "body_limit")
    environment = {
        **os.environ,
        **{f"SANDBOX_{name.upper()}": str(getattr(settings, name)) for name in chosen},
        "SANDBOX_LATENCY_BUCKETS": f"{EDGE},30,35",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.web"], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("gateway ready")
        yield Door(settings)
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    hub.shutdown()
    hub.server_close()
    assert not settings.gateway_socket.exists()


def log_of(door: Door) -> list[dict[str, Any]]:
    books = open_books(door.settings)
    entries = [dict(entry.event) for entry in books.log.search(limit=5)]
    books.close()
    return entries


def test_made_up_rows_are_free_the_same_each_time_and_of_opened_columns_only(door: Door) -> None:
    before = door("GET", f"{BASE}/account")[1]
    status, made, _ = door("GET", f"{BASE}/dummy/visits-study/visits?rows=5&seed=3")
    assert status == 200
    assert [column["name"] for column in made["columns"]] == [
        "person_id", "district", "service", "visit_date", "cost"
    ]  # fmt: skip
    assert len(made["rows"]) == 5
    assert door("GET", f"{BASE}/dummy/visits-study/visits?rows=5&seed=3")[1] == made
    assert door("GET", f"{BASE}/dummy/visits-study/visits?rows=5&seed=4")[1] != made
    assert door("GET", f"{BASE}/account")[1] == before


def test_a_notebook_lists_its_own_questions_with_what_each_cost(door: Door) -> None:
    question = {"sql": "SELECT COUNT(*) AS n FROM visits", "authorization": "visits-study", "epsilon": "0.1"}
    status, answer, _ = door("POST", f"{BASE}/queries", {**question, "fresh": True})
    assert status == 200
    status, listed, _ = door("GET", f"{BASE}/account/questions")
    assert status == 200
    newest = listed["questions"][0]
    assert (newest["id"], newest["loss"], newest["outcome"]) == (answer["id"], answer["picorho"], "answered")
    assert door("GET", f"{BASE}/account/questions?before=x")[0] == 400


@pytest.mark.parametrize(
    ("path", "token", "user", "status"),
    [
        ("visits-study/visits?rows=10001", "token-of-ana", "ana", 400),
        ("visits-study/visits?rows=-1", "token-of-ana", "ana", 400),
        ("visits-study/visits?seed=%D9%A3", "token-of-ana", "ana", 400),
        ("visits-study/people", "token-of-ana", "ana", 404),
        ("visits-study/visits", "token-of-ben", "ben", 404),
        ("no-such-thing/visits", "token-of-ben", "ben", 404),
        ("visits-study/visits", "token-of-rita", "rita", 403),
    ],
)
def test_made_up_rows_are_refused_to_who_could_not_ask(
    door: Door, path: str, token: str, user: str, status: int
) -> None:
    assert door("GET", f"{BASE}/dummy/{path}", token=token, user=user)[0] == status
    assert log_of(door)[0]["kind"] == "request.refused"


def test_a_reviewed_answer_is_refused_where_the_policy_has_none_and_no_purpose_is_a_mistake(
    door: Door,
) -> None:
    status, refusal, _ = door(
        "POST", f"{BASE}/queries", {**QUESTION, "mode": "reviewed", "purpose": "Report"}
    )
    assert (status, refusal["code"]) == (403, "reviewed-closed")
    assert "with noise" in refusal["allowed"]
    assert log_of(door)[0]["decision"] == "reviewed-closed"
    assert door("POST", f"{BASE}/queries", {**QUESTION, "mode": "reviewed"})[0] == 400


def test_a_question_is_answered_with_its_cost_and_a_receipt(door: Door) -> None:
    status, answer, headers = door("POST", f"{BASE}/queries", QUESTION)
    assert status == 200
    assert answer["columns"] == ["district", "n", "n_low", "n_high"]
    assert answer["receipt"].startswith("pds1.")
    assert headers["Content-Type"] == "application/json"


def test_a_dry_run_says_the_cost_and_charges_nothing(door: Door) -> None:
    _, before, _ = door("GET", f"{BASE}/account")
    status, estimate, _ = door("POST", f"{BASE}/queries", {**QUESTION, "dry_run": True, "epsilon": "0.25"})
    _, after, _ = door("GET", f"{BASE}/account")
    assert (status, estimate["dry_run"], estimate["epsilon"]) == (200, True, "0.25")
    assert before == after


def test_the_catalogue_lists_only_what_the_person_may_use(door: Door) -> None:
    _, own, _ = door("GET", f"{BASE}/catalogue")
    _, other, _ = door("GET", f"{BASE}/catalogue", token="token-of-ben", user="ben")
    assert "visits-study" in [entry["authorization"] for entry in own["authorizations"]]
    assert other == {"authorizations": []}


@pytest.mark.parametrize(
    ("token", "user", "status", "code"),
    [
        ("token-of-ana", "ben", 403, "token-foreign"),
        ("token-of-nobody", "ana", 401, "token-unknown"),
        ("", "ana", 401, "token-missing"),
        ("token-of-ana", "", 401, "token-missing"),
        ("token-of-rita", "rita", 403, "scope-missing"),
        ("token-of-eve", "eve", 403, "roles-conflict"),
    ],
)
def test_token_and_door_must_be_one_persons_who_may_ask(
    door: Door, token: str, user: str, status: int, code: str
) -> None:
    got, problem, headers = door("GET", f"{BASE}/account", token=token, user=user)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json-malformed"),
        (b"{", "json-malformed"),
        (b"[]", "body-invalid"),
        (b'{"sql": "x", "sql": "y", "authorization": "a"}', "json-malformed"),
        (b'{"sql": NaN, "authorization": "a"}', "json-malformed"),
        (b'{"sql": "a\\u0000", "authorization": "a"}', "json-malformed"),
        (b'{"sql": "\\ud800", "authorization": "a"}', "json-malformed"),
        (b'{"sql": "\xff", "authorization": "a"}', "json-malformed"),
        (b"[" * 50_000, "json-malformed"),
        (b"9" * 5_000, "json-malformed"),
        (b'{"sql": "x", "authorization": "a", "extra": 1}', "body-invalid"),
        (b'{"sql": 1, "authorization": "a"}', "body-invalid"),
        (b'{"sql": "x", "authorization": "a", "dry_run": "yes"}', "body-invalid"),
        (b'{"sql": "x", "authorization": "a", "epsilon": 0.5}', "body-invalid"),
        (b'{"sql": "x", "authorization": "a", "epsilon": "NaN"}', "loss-invalid"),
        (b'{"sql": "x", "authorization": "a", "request_id": "../x"}', "body-invalid"),
    ],
)
def test_a_malformed_body_is_refused_in_one_sentence_and_recorded(door: Door, body: bytes, code: str) -> None:
    status, problem, _ = door("POST", f"{BASE}/queries", body)
    assert (status, problem["code"]) == (400, code)
    assert problem["detail"].endswith(".")
    assert log_of(door)[0]["decision"] == code


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/services/gateway/api/v1/nothing", 404, "path-unknown"),
        ("GET", "/api/v1/account", 404, "path-unknown"),
        ("GET", "/review", 404, "path-unknown"),
        ("GET", "/services/gateway//api/v1/account", 404, "path-unknown"),
        ("GET", f"{BASE}/releases/%zz", 400, "path-malformed"),
        ("GET", f"{BASE}/releases/%ff", 400, "path-malformed"),
        ("GET", f"{BASE}/releases/%00", 400, "path-malformed"),
        ("DELETE", f"{BASE}/queries", 405, "method-not-allowed"),
        ("GET", f"{BASE}/account?x=%zz", 400, "query-malformed"),
    ],
)
def test_what_the_table_does_not_have_is_refused(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    got, problem, _ = door(method, path)
    assert (got, problem["code"]) == (status, code)
    assert log_of(door)[0]["actor"] == "ana"


def test_a_method_nobody_knows_is_refused_without_a_fault(door: Door) -> None:
    status, problem, _ = door("BREW", f"{BASE}/queries")
    assert (status, problem["code"]) == (405, "method-not-allowed")


def test_another_content_type_is_refused(door: Door) -> None:
    status, problem, _ = door("POST", f"{BASE}/queries", b"sql=1", headers={"Content-Type": "text/plain"})
    assert (status, problem["code"]) == (415, "content-type")


@pytest.mark.parametrize("size", [200_001, 700_000])
def test_a_body_above_the_limit_is_refused_as_too_large(door: Door, size: int) -> None:
    status, problem, _ = door("POST", f"{BASE}/queries", b" " * size)
    assert (status, problem["code"]) == (413, "body-too-large")


def test_a_body_far_above_the_limit_is_refused_before_it_is_read(door: Door) -> None:
    connection = UnixConnection(door.settings.gateway_socket)
    connection.putrequest("POST", f"{BASE}/queries")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_refused_question_says_what_would_be_allowed(door: Door) -> None:
    known = log_of(door)
    status, problem, _ = door("POST", f"{BASE}/queries", {**QUESTION, "sql": "SELECT * FROM visits"})
    assert status in {400, 422}
    assert problem["allowed"]
    new = [entry for entry in log_of(door) if entry not in known]
    refused = [entry for entry in new if entry["decision"] == problem["code"]]
    assert len(refused) == 1, "recorded once, by the gateway itself"


def test_the_same_request_id_is_charged_once(door: Door) -> None:
    body = {**QUESTION, "request_id": "the-same-again", "epsilon": "0.1", "fresh": True}
    first, _, _ = door("POST", f"{BASE}/queries", body)
    second, problem, _ = door("POST", f"{BASE}/queries", body)
    assert (first, second, problem["code"]) == (200, 409, "already-asked")


def test_the_same_question_again_has_the_same_numbers_for_nothing(door: Door) -> None:
    body = {**QUESTION, "epsilon": "0.2"}
    _, first, _ = door("POST", f"{BASE}/queries", body)
    _, again, _ = door("POST", f"{BASE}/queries", body)
    assert (again["rows"], again["receipt"]) == (first["rows"], first["receipt"])
    assert (again["cached"], again["picorho"]) == (True, 0)


def test_answers_that_wait_for_their_moment_keep_no_other_request_waiting(door: Door) -> None:
    refused = {**QUESTION, "sql": "SELECT * FROM visits"}
    with ThreadPoolExecutor(WORKERS + 4) as pool:
        started = time.monotonic()
        questions = [pool.submit(door, "POST", f"{BASE}/queries", refused) for _ in range(WORKERS + 4)]
        while sum(entry["decision"] == "row-output" for entry in log_of(door)) < 5:
            assert time.monotonic() - started < EDGE, "no question was even recorded"
        assert door("GET", f"{BASE}/account")[0] == 200
        assert not any(question.done() for question in questions)
        assert all(question.result()[0] == 422 for question in questions)
    assert time.monotonic() - started >= EDGE


def test_health_and_description_need_no_identity(door: Door) -> None:
    assert door("GET", f"{BASE}/health", token="", user="")[:2] == (200, {"status": "ok"})
    status, document, _ = door("GET", f"{BASE}/openapi.json", token="", user="")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert f"{BASE}/queries" in document["paths"]
    assert "/review" not in document["paths"]


def test_the_socket_is_for_its_owner_and_group_only(door: Door) -> None:
    assert door.settings.gateway_socket.stat().st_mode & 0o777 == 0o660


def test_what_the_door_refused_is_one_entry_of_the_log(door: Door) -> None:
    report = {"user": "ana", "first": "GET /user/ana/files/x", "reasons": {"Not offered here.": 41}}
    assert door("POST", "/door/refusals", report)[0] == 204
    entry = next(entry for entry in log_of(door) if entry["kind"] == "door.refused")
    assert (entry["actor"], entry["subject"]) == ("ana", "GET /user/ana/files/x")
    assert entry["body"] == {"count": 41, "reasons": {"Not offered here.": 41}}


@pytest.mark.parametrize(
    "report",
    [
        {"user": "../ben", "first": "x", "reasons": {"y": 1}},
        {"user": "ana", "first": "x", "reasons": {"y": 0}},
        {"user": "ana", "first": "x", "reasons": {}},
        {"user": "ana", "first": "", "reasons": {"y": 1}},
        {"user": "ana", "first": "x", "reasons": {"y": 1}, "more": 1},
    ],
)
def test_a_report_that_is_none_is_not_recorded(door: Door, report: dict[str, Any]) -> None:
    before = log_of(door)
    assert door("POST", "/door/refusals", report)[0] == 400
    assert log_of(door) == before

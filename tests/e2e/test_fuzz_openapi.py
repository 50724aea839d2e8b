"""Whatever a notebook sends, the gateway answers with an answer or with one sentence, never with a fault.

The requests are made from the gateway's own OpenAPI document and enter where the door's do: through its
unix socket, under a real notebook's token, with the header by which the door says whose socket it was.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from sandbox.hub.parts import environment_of
from sandbox.hub.running import RunningSandbox
from sandbox.web.problem import CONTENT_TYPE
from sandbox.web.routes import DOOR_PREFIX

pytestmark = pytest.mark.parametrize("isolator", ["bubblewrap"], indirect=True)
"""The gateway is the same behind either isolation; this one is always there."""

CASES = 500
SEED = 20260101
TIMEOUT = 30
MEMBERS = {"type", "title", "status", "detail", "allowed", "code"}
QUERIES = f"{DOOR_PREFIX}/api/v1/queries"
RELEASES = f"{DOOR_PREFIX}/api/v1/releases"
SQL = "SELECT COUNT(*) AS n FROM visits"
THROUGH_THE_DOOR = """
import http.client, os, socket
door = http.client.HTTPConnection("door")
door.sock = socket.socket(socket.AF_UNIX)
door.sock.connect("/run/door/out/door.sock")
token = os.environ["JUPYTERHUB_API_TOKEN"]
door.request("GET", "/services/gateway/api/v1/openapi.json", headers={"Authorization": "token " + token})
print(token)
print(door.getresponse().read().decode())
"""
_PLAUSIBLE = {
    "sql": st.sampled_from(
        [
            SQL,
            "SELECT district, AVG(cost) AS mean FROM visits GROUP BY district",
            "SELECT COUNT(DISTINCT person_id) FROM visits WHERE cost > 1e400",
            "SELECT COUNT(*) FROM visits WHERE visit_date BETWEEN '2025-02-30' AND DATE '9999-12-31'",
            "SELECT SUM(note) FROM visits",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT COUNT(*) FROM visits WHERE district IN ('Bei', NULL, 1, -0.0)",
            "SELECT COUNT(*) FROM visits; DROP TABLE visits",
        ]
    ),
    "authorization": st.sampled_from(["visits-study", "visits-closed"]),
    "epsilon": st.sampled_from([None, "0.5", "0.000000000001", "99.9", "1e-400", "\uff19"]),
}  # fmt: skip
"""Texts that get further than random ones do: past the body's form, into language, policy and plan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bad:
    """One request that must be refused."""

    body: bytes
    status: int
    code: str
    method: str = "POST"
    path: str = QUERIES
    content_type: str = "application/json"


def question(**fields: object) -> bytes:
    return json.dumps({"sql": SQL, "authorization": "visits-study", **fields}).encode()


def raw(text: str) -> bytes:
    return question(sql="@").replace(b'"@"', text.encode("utf-8", "surrogatepass"))


BAD_INPUTS = {
    "malformed JSON": Bad(body=b'{"sql": ', status=400, code="json-malformed"),
    "nothing": Bad(body=b"", status=400, code="json-malformed"),
    "no object": Bad(body=b"[]", status=400, code="body-invalid"),
    "SQL that does not parse": Bad(body=question(sql="SELECT COUNT("), status=400, code="sql-unreadable"),
    "SQL that is no question": Bad(body=question(sql="DROP TABLE visits"), status=422, code="sql-not-select"),
    "bad SQL in a dry run": Bad(body=question(sql="SELECT", dry_run=True), status=422, code="sql-no-table"),
    "epsilon NaN": Bad(body=question(epsilon="NaN"), status=400, code="loss-invalid"),
    "epsilon inf": Bad(body=question(epsilon="Infinity"), status=400, code="loss-invalid"),
    "epsilon zero": Bad(body=question(epsilon="0"), status=400, code="loss-invalid"),
    "epsilon negative": Bad(body=question(epsilon="-1"), status=400, code="loss-invalid"),
    "epsilon as a number": Bad(body=question(epsilon=0.5), status=400, code="body-invalid"),
    "the constant NaN": Bad(body=question(epsilon=float("nan")), status=400, code="json-malformed"),
    "the constant -Infinity": Bad(body=question(epsilon=-float("inf")), status=400, code="json-malformed"),
    "a number of 5000 digits": Bad(body=raw("9" * 5000), status=400, code="json-malformed"),
    "a body of 10 MB": Bad(body=question(sql="x" * 10_000_000), status=413, code="body-too-large"),
    "an unknown field": Bad(body=question(noise="none"), status=400, code="body-invalid"),
    "an unknown field like a text": Bad(body=question(**{"A. B\n C.": 1}), status=400, code="body-invalid"),
    "an escaped NUL": Bad(body=raw(r'"SELECT \u0000"'), status=400, code="json-malformed"),
    "a raw NUL": Bad(body=raw('"SELECT \0"'), status=400, code="json-malformed"),
    "an escaped lone surrogate": Bad(body=raw(r'"SELECT \ud800"'), status=400, code="json-malformed"),
    "a raw lone surrogate": Bad(body=raw('"SELECT \ud800"'), status=400, code="json-malformed"),
    "deep nesting": Bad(body=b"[" * 100_000, status=400, code="json-malformed"),
    "deep SQL": Bad(body=question(sql=f"SELECT {'(' * 5000}"), status=400, code="sql-too-deep"),
    "a duplicate key": Bad(body=b'{"sql":"SELECT 1",' + question()[1:], status=400, code="json-malformed"),
    "a wrong content type": Bad(
        body=question(), content_type="text/plain", status=415, code="content-type"
    ),
    "a wrong charset": Bad(
        body=question(), content_type="application/json; charset=utf-16", status=415, code="content-type"
    ),
    "a wrong method": Bad(body=question(), method="PUT", status=405, code="method-not-allowed"),
    "an unknown address": Bad(body=b"", method="GET", path="/etc/passwd", status=404, code="path-unknown"),
    "NUL in the address": Bad(
        body=b"", method="GET", path=f"{RELEASES}/%00", status=400, code="path-malformed"
    ),
    "a release nobody made": Bad(
        body=b"", method="GET", path=f"{RELEASES}/none", status=404, code="release-unknown"
    ),
    "a file that is not base64": Bad(
        body=b'{"files":[{"name":"a.csv","content":"?"}],"authorization":"visits-study","purpose":"p"}',
        path=RELEASES, status=400, code="body-invalid",
    ),
}  # fmt: skip


def fault_of(status: int, content_type: str, body: bytes) -> str:
    """Say what is wrong with an answer, or nothing."""
    if status < 300:
        return ""
    if not 400 <= status < 500:
        return f"status {status}"
    if content_type != CONTENT_TYPE:
        return f"content type {content_type}"
    document = json.loads(body)
    if set(document) != MEMBERS or document["status"] != status:
        return f"members {document}"
    if not is_one_sentence(document["detail"]):
        return f"detail {document['detail']!r}"
    return ""


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and text.isprintable() and not re.search(r"[.!?] ", text) and len(text) > 10


# --- from TCP to the gateway's socket, as the door would ------------------------------------------


@contextmanager
def serving(start: Callable[[], Awaitable[asyncio.Server]]) -> Iterator[asyncio.Server]:
    """Run an asyncio server in a thread of its own."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()


@contextmanager
def relay(gateway_socket: Path, headers: Mapping[str, str]) -> Iterator[str]:
    """Carry each connection's one request to the socket with these headers in place of its own."""
    placed = {"Connection": "close", **headers}

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(gateway_socket)
        with closing(inner_writer), closing(writer):
            async with asyncio.timeout(TIMEOUT):
                first, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
                names = tuple(name.lower().encode() + b":" for name in placed)
                kept = [line for line in lines if not line.lower().startswith(names)]
                added = [f"{name}: {value}".encode() for name, value in placed.items()]
                inner_writer.write(b"\r\n".join([first, *kept, *added]) + b"\r\n\r\n")
                sending = asyncio.create_task(pump(reader, inner_writer))
                await pump(inner_reader, writer)
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    with serving(lambda: asyncio.start_server(carry, "127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """The gateway as ana's notebook reaches it."""

    address: str
    document: dict[str, Any]

    def send(self, bad: Bad) -> tuple[int, str, bytes]:
        with closing(HTTPConnection(self.address.removeprefix("http://"), timeout=TIMEOUT)) as connection:
            connection.request(bad.method, bad.path, bad.body, {"Content-Type": bad.content_type})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()


@pytest.fixture(scope="module")
def way(running_sandbox: RunningSandbox) -> Iterator[Way]:
    token, document = running_sandbox.run_in_notebook("ana", THROUGH_THE_DOOR).text.splitlines()
    headers = {"Authorization": f"token {token}", "X-Sandbox-User": "ana"}
    with relay(running_sandbox.settings.gateway_socket, headers) as address:
        yield Way(address=address, document=json.loads(document))


# --- generated requests ----------------------------------------------------------------------------


def cases(document: dict[str, Any]) -> st.SearchStrategy[Case[Any]]:
    """Requests that fit the document and requests that do not, all operations alike."""
    schema = schemathesis.openapi.from_dict(document)
    fitting = schema.as_strategy(generation_mode=GenerationMode.POSITIVE)
    unfitting = schema.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.one_of(fitting, fitting.flatmap(plausible), unfitting)


def plausible(case: Case[Any]) -> st.SearchStrategy[Case[Any]]:
    """Replace a question's texts by plausible ones; as a dry run, so that nothing is charged."""
    body = case.body
    if not (isinstance(body, dict) and "sql" in body):
        return st.just(case)

    def put(fields: dict[str, Any]) -> Case[Any]:
        case.body = {**body, **fields, "dry_run": True}
        return case

    return st.fixed_dictionaries(_PLAUSIBLE).map(put)


def fuzz(way: Way, *, count: int) -> dict[tuple[str, int], int]:
    """Send ``count`` requests, the same ones each time; return how many of each operation and status.

    Raises:
        AssertionError: one was answered by a fault, or refused without a problem document.
    """
    seen: dict[tuple[str, int], int] = {}
    session = requests.Session()
    session.trust_env = False

    @seed(SEED)
    @hypothesis_settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(way.document))
    def send(case: Case[Any]) -> None:
        answer = case.call(base_url=way.address, session=session, timeout=TIMEOUT, allow_redirects=False)
        kind = answer.headers.get("content-type", [""])[0]
        fault = fault_of(answer.status_code, kind, answer.content)
        assert not fault, f"{fault}\n{case.as_curl_command()}"
        key = (case.operation.label, answer.status_code)
        seen[key] = seen.get(key, 0) + 1

    with closing(session):
        send()
    return seen


PLANTED = {
    "status 500": b"500 Fault\r\nContent-Type: application/problem+json\r\n\r\n{}",
    "status 302": b"302 Found\r\nLocation: /\r\n\r\n",
    "content type text/html": b"400 Bad Request\r\nContent-Type: text/html\r\n\r\n<p>No.",
    "members": b'400 Bad Request\r\nContent-Type: application/problem+json\r\n\r\n{"detail": "No."}',
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(way: Way, tmp_path: Path, fault: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        hit = head.startswith(b"POST") and b"/queries" in head
        writer.write(b"HTTP/1.1 " + (PLANTED[fault] if hit else b"200 OK\r\n\r\n"))
        writer.write_eof()
        await reader.read()
        writer.close()

    place = tmp_path / "planted.sock"
    with (
        serving(partial(asyncio.start_unix_server, answer, place)),
        relay(place, {}) as address,
        pytest.raises(AssertionError, match=fault),
    ):
        fuzz(Way(address=address, document=way.document), count=50)


@pytest.mark.parametrize("text", ["", "No", "Two sentences. In one.", "A line\nbreak in a text."])
def test_what_is_not_one_sentence_is_found(isolator: str, text: str) -> None:
    assert isolator
    assert not is_one_sentence(text)


def test_no_generated_request_is_answered_by_a_fault(way: Way) -> None:
    seen = fuzz(way, count=CASES)
    assert sum(seen.values()) == CASES
    assert {label for label, _ in seen} == {
        f"{method.upper()} {path}" for path, methods in way.document["paths"].items() for method in methods
    }
    asked = {status for label, status in seen if label == f"POST {QUERIES}"}
    assert {200, 400, 403} <= asked, seen


# --- chosen requests -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a bad input."""

    status: int
    content_type: str
    body: bytes
    record: dict[str, Any]


@pytest.fixture(scope="module")
def outcomes(running_sandbox: RunningSandbox, way: Way) -> dict[str, Outcome]:
    """Send every bad input once, then look up in the log what it says of them, in the same order."""
    answers = [way.send(bad) for bad in BAD_INPUTS.values()]
    records = reversed(refusals(running_sandbox)[: len(answers)])
    return {
        name: Outcome(status=status, content_type=content_type, body=body, record=record)
        for name, (status, content_type, body), record in zip(BAD_INPUTS, answers, records, strict=True)
    }


def refusals(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    """Ask the log as an officer would, newest first."""
    command = [
        sys.executable,
        "-m",
        "sandbox.cli",
        "audit",
        "search",
        "--actor",
        "ana",
        "--limit",
        "200",
        "--json",
    ]
    done = subprocess.run(
        command, env={**environment_of(sandbox.settings, {}), "SANDBOX_ACCOUNT": "olaf"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    events = [entry["event"] for entry in json.loads(done.stdout)]
    return [event for event in events if event["kind"].endswith(".refused")]


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_a_bad_input_is_refused_in_one_sentence(outcomes: dict[str, Outcome], name: str) -> None:
    outcome, bad = outcomes[name], BAD_INPUTS[name]
    assert fault_of(outcome.status, outcome.content_type, outcome.body) == ""
    assert (outcome.status, json.loads(outcome.body)["code"]) == (bad.status, bad.code)


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_a_bad_input_stays_on_record(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.record["decision"] == json.loads(outcome.body)["code"]

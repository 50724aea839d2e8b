"""The whole way of a file out of a notebook, with the real gateway on its socket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sandbox.client import Refused, Session, transport
from sandbox.gateway import Gateway
from sandbox.governance.installation import install
from sandbox.hub.running import free_ports
from sandbox.notices import box
from sandbox.notices.notice import About
from sandbox.policy.roles import Actor, Channel, scopes_of
from sandbox.settings import Settings

SMALL_POLICIES = Path(__file__).parents[1] / "policies"
STUDY = "visits-study"
GROUPS = ["analysts", STUDY]
SCOPES = [str(scope) for scope in scopes_of(frozenset(GROUPS))]
GOOD = pd.DataFrame({"district": ["Bei", "Dong"], "n": [120, 55]})
SMALL = pd.DataFrame({"district": ["Bei", "Dong", "Nan"], "n": [123, 58, 3]})


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a service asks: every token is ana's."""

    def do_GET(self) -> None:
        body = json.dumps({"kind": "user", "name": "ana", "groups": GROUPS, "scopes": SCOPES}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


class ThroughTheDoor(transport._UnixConnection):
    """Says whose door it came through, which is the door's part."""

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self.putheader("X-Sandbox-User", "ana")
        super().endheaders(*args, **kwargs)


@pytest.fixture(scope="module")
def served(registered_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = Path(shutil.copytree(registered_home, tmp_path_factory.mktemp("client") / "home"))
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    settings = Settings(
        home=home,
        raw=home / "raw",
        policies=SMALL_POLICIES,
        hub_api_port=hub.server_port,
        console_port=free_ports(1)[0],
        latency_buckets=(0.02, 30.0, 35.0),
    )
    install(settings)
    environment = {**os.environ, **settings.to_environment()}
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.web"], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("gateway ready")
        yield settings
        server.terminate()
        assert server.wait(20) == 0
    hub.shutdown()
    hub.server_close()


@pytest.fixture
def notebook(served: Settings, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(transport, "_UnixConnection", ThroughTheDoor)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "token-of-ana")
    return Session(transport.Transport(served.gateway_socket), STUDY)


@pytest.fixture
def desk_of(served: Settings) -> Iterator[Gateway]:
    gateway = Gateway.open(served)
    yield gateway
    gateway.close()


def reviewer(name: str) -> Actor:
    groups = frozenset({"reviewers"})
    return Actor(name=name, groups=groups, scopes=scopes_of(groups), channel=Channel.CONSOLE)


def decide(gateway: Gateway, name: str, request: str, verdict: Any = "approve") -> None:
    actor = reviewer(name)
    view = gateway.desk.show(actor, request)
    for file in view.files:
        gateway.desk.open_file(actor, request, file.name)
    gateway.desk.decide(
        actor,
        request,
        verdict=verdict,
        reason="Looked at.",
        row_version=view.row_version,
        acknowledged=dict.fromkeys(view.to_acknowledge, "Weighed."),
    )


def test_what_a_check_refuses_is_cured_in_the_notebook_and_then_passes(notebook: Session) -> None:
    before = len(notebook.my_releases())
    checked = notebook.check({"visits.csv": SMALL})
    assert checked.verdict == "refuse"
    assert set(checked.findings["code"]) >= {"C1", "C16"}
    assert "cure: fixes.round_counts(df, ['n'], to=5)" in repr(checked)
    cured = checked.cured(SMALL)
    assert notebook.submit({"visits.csv": cured}, purpose="x", dry_run=True).verdict == "pass"
    assert len(notebook.my_releases()) == before


def test_a_blocked_request_is_resubmitted_and_withdrawn(notebook: Session) -> None:
    blocked = notebook.submit({"visits.csv": SMALL}, purpose="Visits by district")
    assert blocked.status == "BLOCKED"
    assert "waits for you: a check refused a file" in repr(blocked)
    again = notebook.resubmit(blocked, {"visits.csv": GOOD})
    assert (again.status, again["round"], again["purpose"]) == ("REVIEW", 2, "Visits by district")
    with pytest.raises(Refused, match="has changed since you looked at it"):
        notebook.withdraw(blocked)
    assert notebook.withdraw(again).status == "WITHDRAWN"


def test_a_released_package_is_fetched_and_counted(
    notebook: Session, desk_of: Gateway, tmp_path: Path
) -> None:
    request = notebook.submit({"visits.csv": GOOD}, purpose="Visits by district").id
    with pytest.raises(Refused, match="there is nothing to fetch"):
        notebook.download(request, tmp_path)
    for name in ("rita", "rolf"):
        decide(desk_of, name, request)
    package = notebook.download(request, tmp_path)
    assert package.name == f"release-{request}.tar.gz"
    with tarfile.open(package) as archive:
        released = archive.extractfile(f"release-{request}/files/visits.csv")
        assert released is not None
        assert released.read() == b"district,n\nBei,120\nDong,55\n"
    row = notebook.my_releases().set_index("request").loc[request]
    assert (row["status"], row["waits_for"]) == ("RELEASED", "you: download the package")
    assert row["downloads_left"] == 2
    assert len(row["expires"]) == 16
    with pytest.raises(Refused, match="no directory, and no file that could be made"):
        notebook.download(request, package)
    assert notebook.release(request)["package"]["downloads_left"] == 2


def test_the_serving_process_tells_people_what_happens(notebook: Session, desk_of: Gateway) -> None:
    request = notebook.submit({"visits.csv": GOOD}, purpose="Visits by district").id
    rita = Actor(name="rita", groups=frozenset(), scopes=frozenset(), channel=Channel.CONSOLE)
    end = time.monotonic() + 30
    while True:
        with desk_of.books.log.reading() as connection:
            told = [(one.request, one.about) for one in box.for_person(connection, rita)]
        if (request, About.REVIEW_REQUESTED) in told:
            return
        assert time.monotonic() < end, "nobody was told"
        time.sleep(0.1)


def test_what_a_reviewer_said_is_shown_once_it_is_decided(notebook: Session, desk_of: Gateway) -> None:
    request = notebook.submit({"visits.csv": GOOD}, purpose="Visits by district").id
    desk_of.desk.comment(
        reviewer("rita"), request, text="Which Bei?", audience="author", file="visits.csv", anchor="row 2"
    )
    decide(desk_of, "rita", request, "return")
    assert list(notebook.release(request).comments["text"]) == []
    decide(desk_of, "rolf", request, "return")
    returned = notebook.release(request)
    assert list(returned.comments["text"]) == ["Which Bei?"]
    assert "rita on visits.csv, row 2: Which Bei?" in repr(returned)
    assert list(returned.reasons["reason"]) == ["Looked at."] * 2
    assert "return by rita: Looked at." in repr(returned)

"""Mail and webhooks, with a real mail server and a real receiver; the outage of either delays nobody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from office import Office

from sandbox.hub.running import free_ports
from sandbox.notices.courier import Carrier, Courier
from sandbox.notices.follower import Follower
from sandbox.notices.mail import Mailer
from sandbox.notices.webhook import Webhook
from sandbox.policy.notifications import MailPolicy, WebhookPolicy

SECRET = bytes(range(32))
PATIENCE = 30.0
"""Seconds; the mail server of the tests takes some of them to say that a password is wrong."""


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost that vouches for itself, with its key in one file."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    whole = folder / "whole.pem"
    whole.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
    return whole


@dataclass
class Mailbox:
    """What the mail server took, and what it answers."""

    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    logins: list[bytes] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # the server's own name for it
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802  # too
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append((list(envelope.rcpt_tos), message_from_bytes(content)))
        return "250 taken"

    def to(self, name: str) -> list[str]:
        return [str(mail["Subject"]) for people, mail in self.mails if people == [f"{name}@example.org"]]


@contextmanager
def mail_server(box: Mailbox, certificate: Path, port: int, **other: Any) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def known(_server: SMTP, _session: Any, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        box.logins.append(data.password)
        return AuthResult(success=data.password == b"right")

    given: dict[str, Any] = {"tls_context": context, "require_starttls": True} | other
    controller = Controller(
        box, hostname="127.0.0.1", port=port, authenticator=known, auth_require_tls=True, **given
    )
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def mailer(certificate: Path, port: int, **other: Any) -> Mailer:
    given: dict[str, Any] = {
        "host": "localhost", "port": port, "ca": str(certificate), "sender": "sandbox@example.org",
        "domain": "example.org",
    } | other  # fmt: skip
    password = given.pop("password", "")
    return Mailer(policy=MailPolicy.model_validate(given), password=password, console="http://localhost:8010")


@pytest.fixture
def follower(office: Office) -> Follower:
    follower = Follower(
        engine=office.engine,
        policies=office.desk.policies,
        people=lambda: office.groups,
        review_time=timedelta(hours=72),
        clock=lambda: office.now[0],
    )
    follower.begin()
    return follower


@contextmanager
def carrying(office: Office, carrier: Carrier, name: str = "mail") -> Iterator[Courier]:
    ended = threading.Event()
    courier = Courier(name, engine=office.engine, carrier=carrier, wait=lambda _: ended.wait(0.05))
    courier.start()
    try:
        yield courier
    finally:
        ended.set()
        courier.end(patience=PATIENCE)


# --- mail -----------------------------------------------------------------------------------------


def test_a_mail_goes_to_each_person_over_tls_and_says_no_more_than_the_notice(
    office: Office, follower: Follower, certificate: Path
) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    with mail_server(box, certificate, port), carrying(office, mailer(certificate, port)) as courier:
        request = office.submit({"secret-name.csv": b"district,n\nBei,20\n"})
        follower.follow()
        courier.wake()
        until(lambda: len(box.mails) == 4)
    assert {tuple(people) for people, _ in box.mails} == {
        (f"{name}@example.org",) for name in ("ana", "rita", "rolf", "rosa")
    }
    (mail,) = [mail for people, mail in box.mails if people == ["rita@example.org"]]
    text = str(mail.get_payload())
    assert text.replace("\r\n", "\n").strip() == (
        f"Request {request} waits for your review.\n\nLook at it at http://localhost:8010"
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "secret" not in mail.as_string()


def test_an_outage_delays_no_request_and_is_caught_up_once_and_in_order(
    office: Office, follower: Follower, certificate: Path
) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    with carrying(office, mailer(certificate, port)) as courier:
        begin = time.monotonic()
        request = office.release()
        follower.follow()
        courier.wake()
        assert time.monotonic() - begin < PATIENCE  # no server is there all the while
        until(lambda: courier._failing)
        with mail_server(box, certificate, port):
            until(lambda: len(box.mails) == 6)
    subjects = [f"[sandbox] Request {request}: {word}" for word in ("submitted", "approved", "released")]
    assert box.to("ana") == subjects


def test_a_restart_goes_on_where_it_was_left(office: Office, follower: Follower, certificate: Path) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    with carrying(office, mailer(certificate, port)):
        pass
    office.submit()
    follower.follow()
    with mail_server(box, certificate, port), carrying(office, mailer(certificate, port)):
        until(lambda: len(box.mails) == 4)
    with mail_server(box, certificate, port), carrying(office, mailer(certificate, port)) as courier:
        courier.wake()
        time.sleep(0.3)
    assert len(box.mails) == 4


@pytest.mark.parametrize("reply", ["550 no such person", "452 mailbox full"])
def test_one_full_or_missing_mailbox_keeps_nobody_else_waiting(
    office: Office, follower: Follower, certificate: Path, reply: str
) -> None:
    box, port = Mailbox(replies={"rita@example.org": reply}), free_ports(1)[0]
    with mail_server(box, certificate, port), carrying(office, mailer(certificate, port)) as courier:
        office.submit()
        follower.follow()
        courier.wake()
        until(lambda: len(box.mails) == 3)
    assert box.to("rita") == []


def test_nothing_is_sent_where_the_server_offers_no_tls(
    office: Office, follower: Follower, certificate: Path
) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    plain = {"tls_context": None, "require_starttls": False}
    with mail_server(box, certificate, port, **plain), carrying(office, mailer(certificate, port)) as courier:
        office.submit()
        follower.follow()
        courier.wake()
        until(lambda: courier._failing)
    assert box.mails == []


def test_nothing_is_sent_to_a_server_nobody_vouches_for(
    office: Office, follower: Follower, certificate: Path
) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    unknown = mailer(certificate, port, ca=None, login="sandbox", password="right")
    with mail_server(box, certificate, port), carrying(office, unknown) as courier:
        office.submit()
        follower.follow()
        courier.wake()
        until(lambda: courier._failing)
    assert (box.mails, box.logins) == ([], [])


def test_a_wrong_password_loses_no_mail(office: Office, follower: Follower, certificate: Path) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    with mail_server(box, certificate, port):
        with carrying(office, mailer(certificate, port, login="sandbox", password="wrong")) as courier:
            office.submit()
            follower.follow()
            courier.wake()
            until(lambda: courier._failing)
            assert box.mails == []
        with carrying(office, mailer(certificate, port, login="sandbox", password="right")):
            until(lambda: len(box.mails) == 4)
    assert {b"wrong", b"right"} == set(box.logins)


def test_whoever_has_no_address_gets_no_mail(office: Office, follower: Follower, certificate: Path) -> None:
    box, port = Mailbox(), free_ports(1)[0]
    few = mailer(certificate, port, domain=None, addresses={"rita": "r@example.com"})
    with mail_server(box, certificate, port), carrying(office, few) as courier:
        office.submit()
        follower.follow()
        courier.wake()
        until(lambda: len(box.mails) == 1)
    assert box.mails[0][0] == ["r@example.com"]


# --- webhooks -------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """A program that is told, and what it answers next."""

    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def receiving(receiver: Receiver, port: int, certificate: Path | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            status = receiver.answers.pop(0) if receiver.answers else 204
            if status == 204:
                receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Location", f"http://127.0.0.1:{port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # where a redirect would lead

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if certificate else 'http'}://localhost:{port}/hook?room=1"
    finally:
        server.shutdown()
        server.server_close()


def webhook(url: str, ca: Path | None = None) -> Webhook:
    policy = WebhookPolicy.model_validate({"url": url, "ca": str(ca) if ca else None})
    return Webhook(policy=policy, secret=SECRET)


def holds(headers: dict[str, str], body: bytes) -> bool:
    """Verify as the specification tells receivers to, with nothing of our own."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}")


@pytest.mark.parametrize("tls", [False, True])
def test_a_receiver_is_told_once_for_each_happening_signed_and_without_names(
    office: Office, follower: Follower, certificate: Path, tls: bool
) -> None:
    receiver, port = Receiver(), free_ports(1)[0]
    vouching = certificate if tls else None
    with (
        receiving(receiver, port, vouching) as url,
        carrying(office, webhook(url, vouching), "webhook:room") as courier,
    ):
        request = office.release()
        follower.follow()
        courier.wake()
        until(lambda: len(receiver.posts) == 4)
    assert all(holds(headers, body) for headers, body in receiver.posts)
    assert not holds(receiver.posts[0][0], receiver.posts[0][1].replace(b"submitted", b"released"))
    documents = [json.loads(body) for _, body in receiver.posts]
    assert [document["type"] for document in documents] == [
        "release.submitted", "release.review-requested", "release.approved", "release.released"
    ]  # fmt: skip
    assert {tuple(document["data"].items()) for document in documents} == {
        (("authorization", "visits-study"), ("request", request))
    }
    assert receiver.paths[0] == "/hook?room=1"


def test_what_was_not_taken_is_posted_again_and_a_redirect_is_not_followed(
    office: Office, follower: Follower
) -> None:
    receiver, port = Receiver(answers=[500, 302, 404, 429]), free_ports(1)[0]
    with receiving(receiver, port) as url, carrying(office, webhook(url), "webhook:room") as courier:
        office.submit()
        follower.follow()
        courier.wake()
        until(lambda: len(receiver.posts) == 2)
    assert set(receiver.paths) == {"/hook?room=1"}
    types = [json.loads(body)["type"] for _, body in receiver.posts]
    assert types == ["release.submitted", "release.review-requested"]


def test_a_receiver_that_hangs_delays_neither_requests_nor_mail(
    office: Office, follower: Follower, certificate: Path
) -> None:
    box, ports = Mailbox(), free_ports(2)
    hanging = threading.Event()

    class Hanging:
        def carry(self, notice: object) -> None:
            del notice
            hanging.wait(PATIENCE)

    with mail_server(box, certificate, ports[0]), carrying(office, Hanging(), "webhook:room") as slow:
        with carrying(office, mailer(certificate, ports[0])) as courier:
            office.submit()
            follower.follow()
            slow.wake()
            courier.wake()
            until(lambda: len(box.mails) == 4)
            office.release()
        hanging.set()

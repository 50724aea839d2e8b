"""What a provider says is believed only after every check: each planted fault is refused."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.errors import NotAuthenticated, StartupRefusal
from sandbox.hub import openid
from sandbox.hub.openid import Provider
from sandbox.policy.login import LoginPolicy
from sandbox.settings import Settings

NONCE = "nonce-of-this-log-in"
KEY, ANOTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
Change = Callable[[dict[str, Any]], object]


@contextmanager
def published(change: Change = lambda _: None) -> Iterator[LoginPolicy]:
    """Serve a provider's configuration and keys on loopback."""
    documents: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://127.0.0.1:{server.server_address[1]}"
        configuration = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/auth",
            "token_endpoint": f"{issuer}/token",
            "userinfo_endpoint": f"{issuer}/me",
            "jwks_uri": f"{issuer}/jwks",
        }
        change(configuration)
        public = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        documents["/.well-known/openid-configuration"] = configuration
        documents["/jwks"] = {"keys": [{**public, "kid": "first", "use": "sig", "alg": "RS256"}]}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield LoginPolicy(kind="oidc", issuer=issuer, client_id="sandbox")
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with published() as policy:
        yield openid.discover(policy)


def claims(provider: Provider) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": provider.issuer,
        "aud": "sandbox",
        "sub": "person-1",
        "iat": now,
        "exp": now + 300,
        "nonce": NONCE,
        "amr": ["pwd", "mfa"],
    }


def signed(body: dict[str, Any], key: Any = KEY, *, algorithm: str = "RS256", kid: str = "first") -> str:
    return jwt.encode(body, key, algorithm=algorithm, headers={"kid": kid})


def read(provider: Provider, token: str, nonce: str = NONCE) -> openid.Person:
    return asyncio.run(provider.person(token, nonce=nonce))


def test_a_token_in_which_everything_holds_names_the_person(provider: Provider) -> None:
    person = read(provider, signed(claims(provider)))
    assert (person.subject, person.amr, person.acr) == ("person-1", ("pwd", "mfa"), "")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "somebody-else"},
        {"aud": ["sandbox", "somebody-else"]},
        {"azp": "somebody-else"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1_000_000_000},
        {"nbf": 4_000_000_000},
        {"nonce": "nonce-of-another-log-in"},
        {"nonce": None},
        {"exp": None},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_with_one_wrong_claim_names_nobody(provider: Provider, change: dict[str, Any]) -> None:
    body = {name: value for name, value in {**claims(provider), **change}.items() if value is not None}
    with pytest.raises(NotAuthenticated, match="nobody was logged in"):
        read(provider, signed(body))


def test_a_token_signed_by_another_key_names_nobody(provider: Provider) -> None:
    for kid in ("first", "unknown"):
        with pytest.raises(NotAuthenticated):
            read(provider, signed(claims(provider), ANOTHER_KEY, kid=kid))


def test_a_token_without_a_signature_or_with_a_shared_secrets_names_nobody(provider: Provider) -> None:
    for token in (
        signed(claims(provider), None, algorithm="none"),
        signed(claims(provider), "the-client-secret-is-no-key-of-the-provider", algorithm="HS256"),
        "",
        "not-a-token",
    ):
        with pytest.raises(NotAuthenticated):
            read(provider, token)


def test_a_log_in_without_a_nonce_names_nobody(provider: Provider) -> None:
    with pytest.raises(NotAuthenticated):
        read(provider, signed({**claims(provider), "nonce": ""}), nonce="")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.update(issuer="https://another.example"), "calls itself 'https://another.example'"),
        (lambda c: c.update(token_endpoint="http://192.0.2.1/token"), "token_endpoint is missing or not"),
        (lambda c: c.pop("userinfo_endpoint"), "userinfo_endpoint is missing or not"),
    ],
)
def test_a_provider_that_is_another_or_takes_secrets_in_the_clear_stops_the_start(
    change: Change, sentence: str
) -> None:
    with published(change) as policy, pytest.raises(StartupRefusal, match=sentence):
        openid.discover(policy)


def test_a_provider_that_cannot_be_reached_stops_the_start() -> None:
    with published() as policy:
        pass
    with pytest.raises(StartupRefusal, match="does not answer at http"):
        openid.discover(policy)


def test_the_client_secret_is_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.keys.mkdir()
    path = settings.keys / openid.SECRET_FILE
    with pytest.raises(StartupRefusal, match="cannot be read"):
        openid.client_secret(settings)
    path.write_text("from-the-provider\n")
    path.chmod(0o640)
    with pytest.raises(StartupRefusal, match="has mode 0640"):
        openid.client_secret(settings)
    path.chmod(0o600)
    assert openid.client_secret(settings) == "from-the-provider"
    path.write_text("\n")
    with pytest.raises(StartupRefusal, match="is empty"):
        openid.client_secret(settings)

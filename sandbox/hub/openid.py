"""What an OpenID Connect provider says of itself and of people, believed only after it was checked.

Guarantees: the provider is the one that the policy names; an ID token counts only with its signature, its
issuer, its audience, its time and the nonce of this very log-in; secrets are sent to https addresses, or
within the machine, and nowhere else.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import requests

from sandbox.audit.keys import private_text
from sandbox.errors import NotAuthenticated, StartupRefusal, Unavailable
from sandbox.policy.login import LoginPolicy, fit_address
from sandbox.settings import Settings

SECRET_FILE = "oidc-client-secret"  # noqa: S105  # a file's name, not a secret
ANSWER_SECONDS = 10
LEEWAY_SECONDS = 30
"""How far the provider's clock may be from ours."""
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Never ``none`` and no shared secret: RFC 8725 section 3.1 asks for a list of one's own."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_UNFIT = "The provider's word about you does not hold, so nobody was logged in."


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody as an ID token names them."""

    subject: str
    """The provider's own name of the person, given to nobody else ever."""
    amr: tuple[str, ...]
    acr: str


class Provider:
    """The provider that a policy names, with the addresses that it published."""

    def __init__(self, policy: LoginPolicy, document: Mapping[str, Any]) -> None:
        self.policy = policy
        self.issuer = str(policy.issuer)
        self.client_id = str(policy.client_id)
        self.authorization_endpoint = str(document["authorization_endpoint"])
        self.token_endpoint = str(document["token_endpoint"])
        self.userinfo_endpoint = str(document["userinfo_endpoint"])
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self.basic = "client_secret_basic" in methods
        # Asks again, at most once for each token, where a token names a key that was not there.
        self._keys = jwt.PyJWKClient(str(document["jwks_uri"]), timeout=ANSWER_SECONDS)

    async def person(self, id_token: str, *, nonce: str) -> Person:
        """Return whom ``id_token`` names, by every check of OpenID Connect Core 1.0 section 3.1.3.7.

        Raises:
            NotAuthenticated: one of them fails.
            Unavailable: the provider's keys cannot be had.
        """
        return await asyncio.to_thread(self._person, id_token, nonce)

    def subject_digest(self, subject: str) -> str:
        """Return what stands for ``subject`` in the state: one person of one provider, and no name."""
        return hashlib.sha256(f"{self.issuer}\0{subject}".encode()).hexdigest()

    def _person(self, id_token: str, nonce: str) -> Person:
        try:
            key = self._keys.get_signing_key_from_jwt(id_token)
            claims = jwt.decode(
                id_token,
                key,
                algorithms=SIGNATURES,
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise unavailable() from error
        except jwt.PyJWTError as error:
            raise NotAuthenticated("id-token", _UNFIT) from error
        several = not isinstance(claims["aud"], str) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise NotAuthenticated("id-token", _UNFIT)
        if not nonce or claims.get("nonce") != nonce:  # an earlier log-in's token, or another browser's
            raise NotAuthenticated("id-token", _UNFIT)
        return Person(
            subject=str(claims["sub"]), amr=texts(claims.get("amr")), acr=str(claims.get("acr", ""))
        )


def discover(policy: LoginPolicy) -> Provider:
    """Ask the provider for its addresses (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.3).

    Raises:
        StartupRefusal: it does not answer, is another one, or its addresses are unfit for secrets.
    """
    issuer = str(policy.issuer)
    where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        answer = requests.get(where, timeout=ANSWER_SECONDS, allow_redirects=False)
        document = answer.json() if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError) as error:
        raise StartupRefusal(
            f"The log-in provider does not answer at {where}; nobody could log in."
        ) from error
    if not isinstance(document, dict):
        raise StartupRefusal(f"The log-in provider publishes no configuration at {where}.")
    if document.get("issuer") != issuer:
        raise StartupRefusal(
            f"The log-in provider calls itself {document.get('issuer')!r}, and login.toml says {issuer!r}; "
            "write the issuer exactly as the provider does."
        )
    for name in _ENDPOINTS:
        if not fit_address(str(document.get(name, ""))):
            raise StartupRefusal(f"The log-in provider's {name} is missing or not an https address.")
    return Provider(policy, document)


def client_secret(settings: Settings) -> str:
    """Return the secret that the sandbox shows the provider.

    Raises:
        StartupRefusal: its file is missing, readable by others, or empty.
    """
    path: Path = settings.keys / SECRET_FILE
    secret = private_text(path)
    if not secret:
        raise StartupRefusal(f"{path} is empty; write the client secret that the provider gave you.")
    return secret


def texts(claim: object) -> tuple[str, ...]:
    """Return a claim that should be a list of texts; one text counts as a list of it, all else as nothing."""
    if isinstance(claim, str):
        return (claim,)
    return tuple(one for one in claim if isinstance(one, str)) if isinstance(claim, list) else ()


def unavailable() -> Unavailable:
    """Return what is said while the provider does not answer."""
    return Unavailable(
        "provider-unavailable",
        "The log-in provider does not answer, so nobody can be recognized.",
        allowed="Try again in a moment.",
    )

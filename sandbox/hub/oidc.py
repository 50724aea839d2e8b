"""Log-in at an OpenID Connect provider.

Guarantees: nobody logs in here by a password of the sandbox; who somebody is stands in an ID token that
:mod:`sandbox.hub.openid` has checked; their groups are those that the policy gives for what the provider's
userinfo says, at log-in and again every :data:`ASK_SECONDS` while they do anything. Whom the provider no
longer knows loses every session and the notebook; while it does not answer, nobody can do anything.

The provider's tokens are kept encrypted, with a key of the hub's own, and never reach a notebook.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from http import HTTPStatus
from typing import Any

from oauthenticator.oauth2 import (  # type: ignore[import-untyped]  # ships no types
    OAuthCallbackHandler,
    OAuthenticator,
    OAuthLoginHandler,
)
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError
from traitlets import Callable as CallableTrait

from sandbox.errors import NotAllowed, NotAuthenticated, Refusal, Unavailable
from sandbox.governance import accounts
from sandbox.governance.accounts import Account
from sandbox.hub import sessions
from sandbox.hub.authenticator import AccountAuthenticator
from sandbox.hub.openid import Provider, texts, unavailable

ASK_SECONDS = 2
"""How old the provider's word may be; one request to it each."""
_OVER = "Your session at the log-in provider has ended."


def nonce_of(state_cookie: str) -> str:
    """Return the nonce of the log-in that ``state_cookie`` began (OpenID Connect Core 1.0 section 15.5.2)."""
    return hashlib.sha256(b"nonce:" + state_cookie.encode()).hexdigest() if state_cookie else ""


class LoginHandler(OAuthLoginHandler):  # type: ignore[misc]  # oauthenticator has no types
    """Sends the browser to the provider, with a nonce that only this browser's cookie leads to."""

    def set_state_cookie(self, state_cookie_value: str) -> None:
        """Keep the state, and the nonce that belongs to it."""
        self._nonce = nonce_of(state_cookie_value)
        super().set_state_cookie(state_cookie_value)

    def authorize_redirect(self, **arguments: Any) -> None:
        """Redirect as oauthenticator does, the nonce added."""
        arguments["extra_params"] = {**arguments["extra_params"], "nonce": self._nonce}
        super().authorize_redirect(**arguments)


class OidcAuthenticator(AccountAuthenticator, OAuthenticator):  # type: ignore[misc]  # no types
    """Asks the provider, then :mod:`sandbox.governance.accounts`."""

    login_handler = LoginHandler
    provider = CallableTrait(help="Returns the provider.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        provider = self._provider
        self.enable_auth_state = True
        self.auth_refresh_age = ASK_SECONDS
        self.auto_login = True
        self.enable_pkce = True
        self.validate_server_cert = True  # whatever the environment says
        self.client_id = provider.client_id
        self.authorize_url = provider.authorization_endpoint
        self.token_url = provider.token_endpoint
        self.userdata_url = provider.userinfo_endpoint
        self.basic_auth = provider.basic
        self.scope = list(provider.policy.scopes)
        if provider.policy.mfa and provider.policy.mfa_acr:
            self.extra_authorize_params = {"acr_values": " ".join(provider.policy.mfa_acr)}
        self._asked: dict[str, float] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def _provider(self) -> Provider:
        provider: Provider = self.provider()
        return provider

    async def authenticate(self, handler: Any, data: Any = None, **kwargs: Any) -> dict[str, Any] | None:
        """Return name, groups and the provider's tokens, or refuse with a sentence."""
        del data, kwargs  # all that counts came by way of the provider
        if not isinstance(handler, OAuthCallbackHandler):
            await asyncio.to_thread(accounts.refuse, self.log_of_record(), "")
            return None  # the hub's own form
        try:
            account, state = await self._person(handler)
        except Unavailable as refusal:
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "%s", refusal) from refusal
        except Refusal as refusal:
            raise HTTPError(HTTPStatus.FORBIDDEN, "%s", refusal) from refusal
        self._asked[account.name] = time.monotonic()
        return {"name": account.name, "groups": sorted(account.groups), "auth_state": state}

    async def refresh_user(self, user: Any, handler: Any = None, **kwargs: Any) -> bool | dict[str, Any]:
        """Return the groups as the provider's word gives them now; False ends the log-in."""
        del kwargs
        turn = self._turns.setdefault(user.name, asyncio.Lock())
        try:
            async with turn:  # a refresh token may count once only
                await self._follow(user)
        except Unavailable as refusal:
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "%s", refusal) from refusal
        except Refusal:
            await self._end(user)
            return False
        return await super().refresh_user(user, handler)

    async def _person(self, handler: Any) -> tuple[Account, dict[str, Any]]:
        parameters = self.build_access_tokens_request_params(handler)
        del parameters["data"]
        log, name = self.log_of_record(), ""
        try:
            tokens = await self._tokens(parameters)
            nonce = nonce_of(handler.get_state_cookie())
            person = await self._provider.person(str(tokens.get("id_token", "")), nonce=nonce)
            claims = await self._claims(tokens, subject=person.subject)
            name = self._name(claims)
            policy = self._provider.policy
            if policy.mfa and not policy.several_factors(person.amr, person.acr):
                raise NotAllowed(
                    "one-factor",
                    "You logged in with one factor, and here more than one is required.",
                    allowed="Set up a second factor at the log-in provider, then log in again.",
                )
        except Refusal:
            await asyncio.to_thread(accounts.refuse, log, name)
            raise
        account = await asyncio.to_thread(
            accounts.admit,
            log,
            name,
            subject=self._provider.subject_digest(person.subject),
            groups=self._groups(claims),
        )
        return account, _kept(tokens, subject=person.subject)

    async def _follow(self, user: Any) -> None:
        """Set the account's groups to what the provider says now, or raise what ends the log-in."""
        if time.monotonic() - self._asked.get(user.name, -ASK_SECONDS) < ASK_SECONDS:
            return
        state = await user.get_auth_state()
        if not state:
            raise NotAuthenticated("session-over", _OVER)
        try:
            claims = await self._claims(state, subject=state["subject"])
        except NotAuthenticated:
            if not state.get("refresh_token"):
                raise
            parameters = self.build_refresh_token_request_params(state["refresh_token"])
            state = state | _kept(await self._tokens(parameters), subject=state["subject"])
            await user.save_auth_state(state)  # before anything can fail: the earlier token may be void now
            claims = await self._claims(state, subject=state["subject"])
        if self._name(claims) != user.name:
            raise NotAuthenticated("session-over", _OVER)
        await asyncio.to_thread(accounts.follow, self.log_of_record(), user.name, groups=self._groups(claims))
        self._asked[user.name] = time.monotonic()

    async def _end(self, user: Any) -> None:
        self._asked.pop(user.name, None)
        if await user.get_auth_state():
            await user.save_auth_state(None)
            account = await asyncio.to_thread(accounts.find, self.log_of_record().engine, user.name)
            sessions.end(user, 0 if account is None else account.generation)
        self._stop_notebook(user)

    async def _tokens(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return what the token endpoint answers (RFC 6749 section 5.1)."""
        try:
            tokens: dict[str, Any] = await self.get_token_info(None, parameters)
        except HTTPError as error:
            raise NotAuthenticated("session-over", _OVER) from error
        except (HTTPClientError, OSError, ValueError) as error:
            raise _meaning(error) from error
        return tokens

    async def _claims(self, tokens: dict[str, Any], *, subject: str) -> dict[str, Any]:
        """Return what userinfo says; it must speak of ``subject`` (OpenID Connect Core 1.0 section 5.3.2)."""
        headers = self.build_userdata_request_headers(tokens["access_token"], "Bearer")
        try:
            claims = await self.httpfetch(self.userdata_url, headers=headers, validate_cert=True)
        except (HTTPClientError, OSError, ValueError) as error:
            raise _meaning(error) from error
        if not isinstance(claims, dict) or claims.get("sub") != subject:
            raise NotAuthenticated("session-over", _OVER)
        return claims

    def _name(self, claims: dict[str, Any]) -> str:
        return str(claims.get(self._provider.policy.name_claim, ""))

    def _groups(self, claims: dict[str, Any]) -> frozenset[str]:
        policy = self._provider.policy
        return policy.groups_of(texts(claims.get(policy.groups_claim)))


def _kept(tokens: dict[str, Any], *, subject: str) -> dict[str, Any]:
    """Return what of the provider's answer is needed later."""
    named = {name: tokens[name] for name in ("access_token", "refresh_token") if tokens.get(name)}
    return {**named, "subject": subject}


def _meaning(error: Exception) -> Refusal:
    """Tell a provider that says no from one that does not answer."""
    said_no = isinstance(error, HTTPClientError) and error.code in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
    }
    return NotAuthenticated("session-over", _OVER) if said_no else unavailable()

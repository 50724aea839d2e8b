"""How people log in at the hub: by the sandbox's own accounts, or at an OpenID Connect provider.

The file stands beside the policies and is read as strictly, but is not part of their digest. What it does
not name gives nothing: a provider's group that is not under ``[groups]`` is as if it were not there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StrictBool, StrictStr

from sandbox.policy.values import Located, PolicyModel, Slug

_Text = Annotated[StrictStr, Field(min_length=1, max_length=255)]
_NEEDED = ("issuer", "client_id")


class LoginPolicy(PolicyModel):
    """Who says who a person is, and what their groups there give here."""

    kind: Literal["accounts", "oidc"]
    """``accounts``: passwords made by the sandbox; ``oidc``: an OpenID Connect provider, and no password."""
    issuer: _Text | None = None
    """The provider, spelled as it spells itself."""
    client_id: _Text | None = None
    """As whom the sandbox is registered there."""
    name_claim: _Text = "preferred_username"
    """The claim that becomes the account's name."""
    groups_claim: _Text = "groups"
    """The claim that lists the person's groups at the provider."""
    scopes: tuple[_Text, ...] = ("openid", "profile")
    """What is asked for, so that the provider sends both claims."""
    groups: Mapping[_Text, tuple[Slug, ...]] = Field(default_factory=dict)
    """For each group of the provider, the groups here that it gives."""
    mfa: StrictBool = False
    """Whether only log-ins with more than one factor count."""
    mfa_amr: tuple[_Text, ...] = ("mfa",)
    """Words of the ID token's ``amr`` that say so; RFC 8176 section 2 lists the usual ones."""
    mfa_acr: tuple[_Text, ...] = ()
    """Values of the ID token's ``acr`` that say so."""

    def _contradictions(self) -> Iterator[Located]:
        if self.kind == "accounts":
            for key in sorted(self.model_fields_set - {"kind"}):
                yield (key,), 'The built-in log-in has no such key; leave it out, or write kind = "oidc".'
            return
        for key in _NEEDED:
            if getattr(self, key) is None:
                yield (key,), 'kind = "oidc" needs this key.'
        if self.issuer is not None and not fit_address(self.issuer):
            yield ("issuer",), "Write an https address (http on the loopback only), without ? and #."
        if "openid" not in self.scopes:
            yield ("scopes",), 'Write "openid" among them; without it there is no ID token.'
        if self.mfa and not (self.mfa_amr or self.mfa_acr):
            yield ("mfa",), "Name values in mfa_amr or mfa_acr, or nobody could log in."

    def groups_of(self, given: Collection[str]) -> frozenset[str]:
        """Return the groups here of somebody in the groups ``given`` by the provider."""
        return frozenset(group for name in given for group in self.groups.get(name, ()))

    def several_factors(self, amr: Collection[str], acr: str) -> bool:
        """Whether an ID token with these claims says that there was more than one factor."""
        return bool(set(amr) & set(self.mfa_amr)) or acr in self.mfa_acr


def fit_address(address: str) -> bool:
    """Whether secrets may be sent to ``address``: https, or http on this machine's loopback."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        plain = bool(host) and not (parts.query or parts.fragment or parts.username or parts.password)
        return plain and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))
    except ValueError:
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

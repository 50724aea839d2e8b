"""Who is told of what happens to releases, and how, beside the list that everybody finds at the console.

The file stands beside the policies and is read as strictly, but is not part of their digest: who adds
a mail server changes nothing about what may leave.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, StrictInt, StrictStr

from sandbox.policy.names import PERSON_NAME
from sandbox.policy.values import Located, PolicyModel, Slug

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
_Text = Annotated[StrictStr, Field(min_length=1, max_length=255)]
_Port = Annotated[StrictInt, Field(ge=1, le=65_535)]


class MailPolicy(PolicyModel):
    """The mail server that takes notices."""

    host: _Text
    """Its name; its certificate must bear it."""
    port: _Port = 587
    """Its port for submission."""
    tls: Literal["starttls", "none"] = "starttls"
    """``none`` for a server on the loopback only."""
    ca: _Text | None = None
    """File with the certificates that vouch for the server's; those of the machine where left out."""
    login: _Text | None = None
    """Account at the server; its password is the key file ``mail-password``. None: it asks for none."""
    sender: _Text
    """Address in the From line."""
    domain: _Text | None = None
    """Where people's addresses are NAME@domain; None: only those under :attr:`addresses` get mail."""
    addresses: dict[str, str] = Field(default_factory=dict)
    """Addresses of people whose own differs from that."""

    def address_of(self, person: str) -> str:
        """Return where mail for ``person`` goes, or an empty text where none does."""
        return self.addresses.get(person) or (f"{person}@{self.domain}" if self.domain else "")

    def _contradictions(self) -> Iterator[Located]:
        if self.tls == "none" and not is_loopback(self.host):
            yield ("tls",), "Without TLS anybody on the way reads along; write starttls."
        if self.tls == "none" and self.login is not None:
            yield ("login",), "A password is sent over TLS only; write starttls, or leave this key out."
        if _ADDRESS.fullmatch(self.sender) is None:
            yield ("sender",), 'Write an address, as in "sandbox@example.org".'
        if self.domain is not None and _DOMAIN.fullmatch(self.domain) is None:
            yield ("domain",), 'Write a domain, as in "example.org".'
        for name, address in self.addresses.items():
            if PERSON_NAME.fullmatch(name) is None or _ADDRESS.fullmatch(address) is None:
                yield (
                    ("addresses", name),
                    'Write the account\'s name and its address, ana = "ana@example.org".',
                )


class WebhookPolicy(PolicyModel):
    """A program elsewhere that is told what happened to which request, and never of whom."""

    url: _Text
    """``https``, or ``http`` on the loopback. Its secret is the key file ``webhook-NAME``."""
    ca: _Text | None = None
    """File with the certificates that vouch for the receiver's; those of the machine where left out."""

    @property
    def parts(self) -> SplitResult:
        """The address, read."""
        return urlsplit(self.url)

    def _contradictions(self) -> Iterator[Located]:
        if not _may_be_told(self.url):
            yield (
                ("url",),
                "Write an https address, or http on the loopback, without a name or password in it.",
            )


class NotificationsPolicy(PolicyModel):
    """When people are reminded, and where notices go beside the console."""

    review_hours: Annotated[StrictInt, Field(ge=1, le=24 * 365)] = 72
    """Hours in which a round should be decided; reminders go out at half of it and at its end."""
    mail: MailPolicy | None = None
    """Where left out, nobody gets mail."""
    webhooks: dict[Slug, WebhookPolicy] = Field(default_factory=dict)
    """Receivers by name; each under ``[webhooks.NAME]``."""


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine, whatever a name server says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _may_be_told(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises where it is no number
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and not parts.fragment
    named = bool(parts.hostname) and not (parts.username or parts.password)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    return plain and named and safe

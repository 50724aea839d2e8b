"""Notices to a program elsewhere: Standard Webhooks (https://www.standardwebhooks.com), symmetric signatures.

The receiver is told what happened to which request, and not who was told: of two reviewers, one who has
voted is not reminded, and the difference would tell that they have.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from sandbox.errors import StartupRefusal
from sandbox.notices.courier import NotDelivered
from sandbox.notices.notice import Notice
from sandbox.policy.notifications import WebhookPolicy

ANSWER_SECONDS = 20.0
ANSWER_BYTES = 4_096
"""Of the answer that are read, so that the connection ends in order."""
LEAST_SECRET = 24
"""Bytes: what the specification asks for at least."""
SECRET_PREFIX = "whsec_"  # noqa: S105  # how the specification marks a secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Posts notices to one address."""

    policy: WebhookPolicy
    secret: bytes
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Gives the moment that is signed; only tests pass another."""

    def carry(self, notice: Notice) -> None:
        """Post one notice; see :class:`sandbox.notices.courier.Carrier`."""
        if notice.person:
            return
        body = body_of(notice)
        moment = str(int(self.clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": moment,
            "webhook-signature": signature(self.secret, notice.id, moment, body),
        }
        try:
            status = self._post(body, headers)
        except (OSError, http.client.HTTPException) as fault:
            raise NotDelivered(f"The receiver does not answer ({type(fault).__name__}).") from None
        # A redirect is not followed: it would send what is signed to an address that no policy names.
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise NotDelivered(f"The receiver answered {status}.")

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        parts = self.policy.parts
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.policy.ca)
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=ANSWER_SECONDS, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=ANSWER_SECONDS)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=body, headers=headers)
            answer = connection.getresponse()
            answer.read(ANSWER_BYTES)
            return answer.status
        finally:
            connection.close()


def body_of(notice: Notice) -> bytes:
    """Return what is posted."""
    document = {
        "type": f"release.{notice.about}",
        "timestamp": notice.at,
        "data": {"request": notice.request, "authorization": notice.authorization},
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def signature(secret: bytes, notice_id: str, moment: str, body: bytes) -> str:
    """Return the signature as its header carries it."""
    signed = b".".join([notice_id.encode(), moment.encode(), body])
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def read_secret(text: str, *, name: str) -> bytes:
    """Read a secret ``whsec_...``.

    Raises:
        StartupRefusal: it is none, or shorter than it should be.
    """
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(SECRET_PREFIX) or len(secret) < LEAST_SECRET:
        raise StartupRefusal(
            f"The key file webhook-{name} must hold {SECRET_PREFIX} and the base64 of at least "
            f"{LEAST_SECRET} random bytes, the same as the receiver has."
        )
    return secret

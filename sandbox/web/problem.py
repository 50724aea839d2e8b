"""The one place that turns a refusal into HTTP, and loses the detail of everything else.

A refusal becomes an RFC 9457 problem document (``application/problem+json``) with the members
``type``, ``title``, ``status``, ``detail``, ``allowed`` and ``code``. A fault, whose text may hold
data, becomes a constant.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from sandbox.errors import Refusal
from sandbox.web.languages import translatable

CONTENT_TYPE = "application/problem+json"
FAULT_CODE = "internal"
FAULT_SENTENCE = translatable(
    "Something went wrong here; nothing of it is shown, and it was noted in the server's log."
)
SHOWN_CHARACTERS = 80
"""How much of a name that came from outside is repeated in a sentence."""


class MethodNotAllowed(Refusal):
    """The path exists, but not with this method.

    Attributes:
        methods: what the path answers to.
    """

    status = 405

    def __init__(self, methods: tuple[str, ...]) -> None:
        super().__init__(
            "method-not-allowed",
            "This address does not answer to this method.",
            allowed=f"It answers to {', '.join(methods)}.",
        )
        self.methods = methods


class UnsupportedMedia(Refusal):
    """The body is of another content type than the route reads."""

    status = 415


class Misdirected(Refusal):
    """The request names a host that this server is not."""

    status = 421


def document(*, status: int, code: str, detail: str, allowed: str = "") -> dict[str, Any]:
    """Return a problem document.

    ``type`` is a relative URN-like slug rather than a URL: there is no public page to point at.
    """
    return {
        "type": f"urn:public-data-sandbox:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "allowed": allowed,
        "code": code,
    }


def of_refusal(refusal: Refusal) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    return document(
        status=refusal.status, code=refusal.code, detail=refusal.sentence, allowed=refusal.allowed
    )


def of_status(status: int) -> dict[str, Any]:
    """Return the problem document of a bare HTTP status, as the HTTP library raises it."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return document(status=status, code=FAULT_CODE, detail=FAULT_SENTENCE)
    return document(status=status, code=f"http-{status}", detail="The request cannot be read as HTTP.")


def encode(problem: dict[str, Any]) -> bytes:
    """Return the bytes of a problem document."""
    return json.dumps(problem, ensure_ascii=False).encode()


def shown(text: str) -> str:
    """Return ``text`` cut and with everything unprintable escaped, fit to stand in a sentence."""
    cut = text[:SHOWN_CHARACTERS]
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in cut)

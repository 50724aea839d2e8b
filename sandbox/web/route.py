"""What one route is, what its handler gets and what it returns.

A handler is a plain function ``handler(call) -> Reply``. It runs in a worker thread, after the
identity, the scope and the body have been checked; it knows nothing of the HTTP library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.gateway import Gateway
from sandbox.policy.roles import Actor, Channel, Scope
from sandbox.web.bodies import Body
from sandbox.web.languages import DEFAULT
from sandbox.web.viewer.coverage import Coverage

B = TypeVar("B", bound=Body)
OCTETS = "application/octet-stream"
"""Media type of bytes that are saved and not shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A whole HTTP answer."""

    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request that passed every check."""

    gateway: Gateway
    actor: Actor
    """Who asks; without name, group or scope on a public route."""
    params: Mapping[str, str] = field(default_factory=dict)
    """The named parts of the path, decoded."""
    query: Mapping[str, str] = field(default_factory=dict)
    """The query string; every name once, none empty."""
    body: Body | None = None
    """What the route's model read."""
    xsrf: str = ""
    """Token that a form of this page must carry."""
    cross_site: bool = False
    """Whether another site led here; a page that records a look does not record this one."""
    arrived: float
    """When the request's head had come, in monotonic seconds."""
    isolation_note: str = ""
    """Sentences, one a line, for every page where notebooks are isolated more weakly than in production."""
    language: str = DEFAULT
    """One of :data:`~sandbox.web.languages.LANGUAGES`."""
    coverage: Coverage = field(default_factory=Coverage)
    """What of which file was on whose screen."""
    place: str = "/"
    """Path and query of the page, to come back to it; of a form, the start page."""

    def read(self, model: type[B]) -> B:
        """Return the body as the type that the route's table states."""
        if not isinstance(self.body, model):
            raise TypeError(f"the route does not read {model.__name__}")
        return self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One line of the table that dispatch, OpenAPI and the documentation read."""

    method: str
    path: str
    """Segments; one in braces is a parameter and matches exactly one segment."""
    handler: Callable[[Call], Reply]
    scope: Scope | None
    """What the actor must hold; None: any person the hub knows."""
    channels: frozenset[Channel]
    """Through which servers it can be reached."""
    summary: str
    returns: str
    """What a success is."""
    media: str = ""
    """Media type of a success; empty for a page of the console or a JSON document."""
    body: type[Body] | None = None
    query: tuple[str, ...] = ()
    """Names of whole numbers in the query string; each may be left out."""
    public: bool = False
    """Whether it answers without an identity."""
    held: bool = False
    """Whether its answer is held back to a fixed moment, so that it needs a worker that may wait."""
    recorded: bool = False
    """Whether what it calls records its own refusals, so that the dispatcher need not."""

    def match(self, segments: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return the parameters if ``segments`` fit the path, else None."""
        pattern = tuple(self.path.removeprefix("/").split("/"))
        if len(pattern) != len(segments):
            return None
        params: dict[str, str] = {}
        for expected, given in zip(pattern, segments, strict=True):
            if expected.startswith("{"):
                if not given:
                    return None
                params[expected.strip("{}")] = given
            elif expected != given:
                return None
        return params


def redirect(location: str) -> Reply:
    """Lead the browser on after a form (RFC 9110, 303 See Other); ``location`` is our own path."""
    return Reply(status=303, headers={"Location": location})


def download(*, name: str, data: bytes, content_type: str = OCTETS) -> Reply:
    """Hand out bytes to be saved, never shown; ``name`` is made by us, of plain ASCII."""
    plain = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "._-"))
    headers = {"Content-Disposition": f'attachment; filename="{plain or "download"}"'}
    return Reply(body=data, content_type=content_type, headers=headers)


def without_nones(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what was not given."""
    return {name: value for name, value in fields.items() if value is not None}

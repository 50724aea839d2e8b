"""What may pass the door: two lists, everything else is refused.

A path is decoded once and must then be plain: no ``%``, no backslash, no control character, no empty,
``.`` or ``..`` segment. So there is one spelling of every path, the one that is compared and the one that
is sent on; a list of forbidden paths would fall to the next spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

MAX_PATH = 2048
"""Longest decoded path, in characters."""


class Closed(Exception):  # a decision, not an error
    """This request does not pass; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Way:
    """Methods and the form of a path that pass together."""

    methods: frozenset[str]
    path: re.Pattern[str]

    def admits(self, method: str, path: str) -> bool:
        """Whether this way lets ``method path`` through."""
        return method in self.methods and self.path.fullmatch(path) is not None


def _way(methods: str, pattern: str) -> Way:
    return Way(frozenset(methods.split()), re.compile(pattern))


_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_TOKEN = r"[A-Za-z0-9_.-]+"  # noqa: S105  # the form of an id, not a secret

GATEWAY_PREFIX = "/services/gateway/"


def outward(user: str) -> tuple[Way, ...]:
    """What the notebook of ``user`` may ask: its own token's matters at the hub, and the gateway."""
    return (
        _way("GET", "/hub/api/?"),  # the version handshake of a starting server
        _way("GET", "/hub/api/user"),
        _way("POST", f"/hub/api/users/{re.escape(user)}/activity"),
        _way("POST", "/hub/api/oauth2/token"),
        _way("GET POST", f"{GATEWAY_PREFIX}{_SEGMENT}(/{_SEGMENT})*"),
    )


_INWARD = (
    _way("GET", "(lab(/workspaces/[A-Za-z0-9_-]+)?(/tree(/.*)?)?)?"),
    _way("GET", "lab/extensions/.+"),
    _way("GET POST PUT DELETE", "lab/api/(settings|workspaces|translations|listings|themes|licenses)(/.*)?"),
    _way("GET", "static/.+"),
    _way("GET", "oauth_callback"),
    _way("GET", "logout"),
    _way("GET", "api/?"),
    _way("GET", "api/(status|me)"),
    _way("GET PUT PATCH", f"api/config/{_TOKEN}"),
    _way("GET POST PUT PATCH DELETE", "api/contents(/.*)?"),
    _way("GET POST", "api/kernels"),
    _way("GET DELETE", f"api/kernels/{_TOKEN}"),
    _way("GET", f"api/kernels/{_TOKEN}/channels"),
    _way("POST", f"api/kernels/{_TOKEN}/(interrupt|restart)"),
    _way("GET", f"api/kernelspecs(/{_TOKEN})?"),
    _way("GET", f"kernelspecs/{_TOKEN}/{_TOKEN}"),
    _way("GET POST", "api/sessions"),
    _way("GET PATCH DELETE", f"api/sessions/{_TOKEN}"),
    _way("GET", "api/events/subscribe"),
)
"""What JupyterLab asks its server for, relative to ``/user/NAME/``. Left out on purpose: ``files``,
``nbconvert``, ``view`` (they send files as downloads), ``terminals``, ``lsp``, ``metrics``, ``proxy``."""


def plain(raw_path: str) -> str:
    """Decode ``raw_path`` once.

    Raises:
        Closed: the path has more than one spelling, or is no text.
    """
    try:
        path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError as error:
        raise Closed("The path is not UTF-8.") from error
    if len(path) > MAX_PATH:
        raise Closed("The path is too long.")
    if not path.startswith("/") or "%" in path or "\\" in path or not path.isprintable():
        raise Closed("The path is not written plainly.")
    segments = path[1:].split("/")
    if any(segment in {".", ".."} for segment in segments) or "" in segments[:-1]:
        raise Closed("The path has empty or relative parts.")
    return path


def pass_outward(user: str, method: str, raw_path: str) -> str:
    """Return the path to send on for a request of ``user``'s notebook.

    Raises:
        Closed: it is not on the list.
    """
    path = plain(raw_path)
    if not any(way.admits(method, path) for way in outward(user)):
        raise Closed("A notebook may reach its gateway and nothing else.")
    return quote(path)


def pass_inward(user: str, method: str, raw_path: str) -> str:
    """Return the path to send on to ``user``'s notebook server.

    Raises:
        Closed: it is not on the list.
    """
    path = plain(raw_path)
    prefix = f"/user/{user}/"
    if not path.startswith(prefix):
        raise Closed("This way leads to another person's notebook.")
    rest = path.removeprefix(prefix)
    if not any(way.admits(method, rest) for way in _INWARD):
        raise Closed("This part of Jupyter is not offered here.")
    return quote(path)

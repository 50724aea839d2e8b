"""Who is asking, and which group carries which scope.

The hub groups people; a group that bears a role's name gives that role's scopes, any other group is
a project. One table (:data:`ROLE_SCOPES`) is the truth for the hub's roles, for the scope each route
needs and for the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a person may do; the value is the JupyterHub custom scope."""

    QUERY = "custom:sandbox:query"
    REQUEST = "custom:sandbox:release:request"
    REVIEW = "custom:sandbox:release:review"
    AUDIT = "custom:sandbox:audit:read"
    POLICY = "custom:sandbox:policy:write"
    AUTHORITY = "custom:sandbox:authority"
    BUDGET = "custom:sandbox:budget:decide"
    PASSWORD = "custom:sandbox:password"  # noqa: S105  # a scope's name, not a secret
    """Every role gives it; through the console only, so a notebook cannot use it."""


class Channel(StrEnum):
    """The way by which a person reached the gateway."""

    NOTEBOOK = "notebook"
    """Through the door: the user of the socket is the user of the token."""
    CONSOLE = "console"
    """Through the browser pages, logged in at the hub."""
    TERMINAL = "terminal"
    """On the gateway's own machine, by someone who holds its files."""
    SYSTEM = "system"
    """The sandbox itself."""


ROLE_SCOPES: dict[str, frozenset[Scope]] = {
    "analysts": frozenset({Scope.PASSWORD, Scope.QUERY, Scope.REQUEST}),
    "reviewers": frozenset({Scope.PASSWORD, Scope.REVIEW}),
    "officers": frozenset({Scope.PASSWORD, Scope.AUDIT}),
    "stewards": frozenset({Scope.PASSWORD, Scope.POLICY, Scope.BUDGET}),
    "authority": frozenset({Scope.PASSWORD, Scope.AUTHORITY, Scope.BUDGET}),
    "auditors": frozenset({Scope.PASSWORD, Scope.AUDIT}),
}

FORBIDDEN_PAIRS: frozenset[frozenset[str]] = frozenset(
    {
        frozenset({"officers", "reviewers"}),  # who audits releases does not approve them
        frozenset({"auditors", "reviewers"}),
        frozenset({"analysts", "officers"}),  # who is watched does not watch
        frozenset({"analysts", "auditors"}),
        frozenset({"stewards", "auditors"}),
    }
)
"""Role groups that no one person may hold together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """A person as the hub knows them at this moment."""

    name: str
    groups: frozenset[str]
    """Hub groups, roles and projects alike."""
    scopes: frozenset[Scope]
    """What the presented token or login may do; never more than the groups give."""
    channel: Channel


def scopes_of(groups: frozenset[str]) -> frozenset[Scope]:
    """Return the scopes that membership in ``groups`` gives."""
    return frozenset(scope for group in groups for scope in ROLE_SCOPES.get(group, ()))


def forbidden_together(groups: frozenset[str]) -> frozenset[str] | None:
    """Return a pair of role groups in ``groups`` that no one person may hold, or None."""
    return next((pair for pair in sorted(FORBIDDEN_PAIRS, key=sorted) if pair <= groups), None)

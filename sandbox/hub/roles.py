"""The hub's roles, made from the one table of scopes.

Guarantees: only analysts have a notebook; nobody may enter another person's; a notebook's own token can
ask and request, and nothing more, also where its owner reviews or audits.
"""

from __future__ import annotations

from typing import Any

from sandbox.policy.roles import ROLE_SCOPES, Scope

GATEWAY = "gateway"
IDLE_CULLER = "idle-culler"
FREEZER = "freezer"
"""Whoever freezes at the terminal: may see which notebooks run, and stop them."""
ANALYSTS = "analysts"
_ENTER_GATEWAY = f"access:services!service={GATEWAY}"
_KNOW_ONESELF = ("read:users:name!user", "read:users:groups!user")
_DESCRIPTIONS = {
    Scope.QUERY: "Ask questions of raw data, answered with noise.",
    Scope.REQUEST: "Ask that a file may leave the environment.",
    Scope.REVIEW: "Decide whether a file may leave the environment.",
    Scope.AUDIT: "Read and export the log.",
    Scope.POLICY: "Keep datasets and their policies.",
    Scope.AUTHORITY: "Grant and end authorizations.",
    Scope.BUDGET: "See every budget; open time windows and raise budgets by signed decisions.",
    Scope.PASSWORD: "Get a new password, by the present one.",
}


def custom_scopes() -> dict[str, dict[str, str]]:
    """Return the scopes the hub must know of."""
    return {scope.value: {"description": _DESCRIPTIONS[scope]} for scope in Scope}


def gateway_scopes() -> list[str]:
    """Return what the gateway may learn of, and do for, a person who logs in at its pages."""
    return [*(scope.value for scope in Scope), *_KNOW_ONESELF]


def load_roles() -> list[dict[str, Any]]:
    """Return the roles the hub starts with."""
    roles: list[dict[str, Any]] = [
        # the default roles, cut down: without `self`, so without tokens and servers of one's own
        {"name": "user", "scopes": ["read:users!user", "users:activity!user"]},
        {
            "name": "server",
            "scopes": [
                "users:activity!user",
                "access:servers!server",
                *_KNOW_ONESELF,
                *sorted(ROLE_SCOPES[ANALYSTS]),
                _ENTER_GATEWAY,
            ],
        },
    ]
    roles.append(
        {
            "name": IDLE_CULLER,
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": [IDLE_CULLER],
        }
    )
    roles.append(
        {
            "name": FREEZER,
            "scopes": ["list:users", "read:servers", "delete:servers"],
            "services": [FREEZER],
        }
    )
    for group, scopes in ROLE_SCOPES.items():
        own_notebook = (
            ["servers!user", "delete:servers!user", "access:servers!user"] if group == ANALYSTS else []
        )
        roles.append(
            {"name": group, "scopes": [*own_notebook, *sorted(scopes), _ENTER_GATEWAY], "groups": [group]}
        )
    return roles

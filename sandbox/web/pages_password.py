"""The page on which a person gets a new password; only where the sandbox makes passwords at all."""

from __future__ import annotations

from sandbox.errors import NotAllowed, NotAuthenticated, NotFound
from sandbox.governance import accounts
from sandbox.policy.load import load_login
from sandbox.web.bodies import PasswordChange
from sandbox.web.render import page
from sandbox.web.route import Call, Reply


def form(call: Call) -> Reply:
    """Ask for the present password."""
    _require_own_passwords(call)
    return page(call, "password.html", made="")


def change(call: Call) -> Reply:
    """Make a new password and show it once; wrong present ones count as wrong log-ins do."""
    _require_own_passwords(call)
    log, name = call.gateway.books.log, call.actor.name
    try:
        accounts.log_in(log, name, call.read(PasswordChange).present)
    except NotAuthenticated as refusal:
        # 401 would lead to a log-in, and this person is logged in
        raise NotAllowed(
            "password-wrong",
            "The present password is wrong, or the account is closed for now.",
            allowed="After five wrong ones wait a quarter of an hour, or ask the administrator.",
        ) from refusal
    return page(call, "password.html", made=accounts.new_password(log, name, actor=name))


def offered(call: Call) -> bool:
    """Whether passwords are made here."""
    return load_login(call.gateway.settings.policies).kind == "accounts"


def _require_own_passwords(call: Call) -> None:
    if not offered(call):
        raise NotFound("path-unknown", "There is no such page.")

"""Log-in at the hub by the sandbox's own accounts.

Guarantees: groups come from the accounts at every request, so a role taken away is gone at the next one;
whoever is disabled, frozen, or no longer an analyst, also loses the notebook that still runs. A new password
ends every session that began with an earlier one; a running notebook goes on.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.auth import Authenticator  # type: ignore[import-untyped]  # ships no types
from traitlets import Callable as CallableTrait

from sandbox.audit.log import Log
from sandbox.errors import Refusal
from sandbox.governance import accounts
from sandbox.governance.accounts import Account
from sandbox.hub import sessions, standing
from sandbox.hub.roles import ANALYSTS

REFRESH_SECONDS = 1
"""Age at which the hub asks again; one read of the state database each."""


class AccountAuthenticator(Authenticator):  # type: ignore[misc]  # jupyterhub has no types
    """Asks :mod:`sandbox.governance.accounts`."""

    log_of_record = CallableTrait(help="Returns the log that accounts are kept with.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.manage_groups = True
        self.allow_all = True  # whoever has an account; what they may do is their groups' matter
        self.auth_refresh_age = REFRESH_SECONDS
        self.refresh_pre_spawn = True
        self.auth_refresh_strict = True  # else tokens of a disabled account would go on with its last groups
        self._stopping: set[asyncio.Task[Any]] = set()

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Return name and groups, or None where the log-in is refused."""
        log: Log = self.log_of_record()
        try:
            account = await asyncio.to_thread(
                accounts.log_in, log, data.get("username", ""), data.get("password", "")
            )
        except Refusal:
            return None
        self._align(handler.find_user(account.name), account)
        return {"name": account.name, "groups": sorted(account.groups)}

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Return the groups as they are now; False ends the log-in."""
        log: Log = self.log_of_record()
        account, freeze = await asyncio.to_thread(standing.of, log, user.name)
        active = account is not None and not account.disabled
        groups = account.groups if account is not None and active else frozenset()
        if ANALYSTS not in groups or freeze is not None:
            self._stop_notebook(user)
        if account is not None and not sessions.belong(user, account.generation):
            browser = not sessions.of_notebook(handler)
            sessions.end(user, account.generation)
            active = active and not browser
        return {"name": user.name, "groups": sorted(groups)} if active else False

    def add_user(self, user: Any) -> None:
        """Learn of a person, new or from before the hub's start, whose sessions may be older than that."""
        super().add_user(user)
        self._align(user, accounts.find(self.log_of_record().engine, user.name))

    def _align(self, user: Any, account: Account | None) -> None:
        """End what began with an earlier password, before anything begins with the present one."""
        if user is not None and account is not None and not sessions.belong(user, account.generation):
            sessions.end(user, account.generation)

    def _stop_notebook(self, user: Any) -> None:
        if user.running and not user.spawner.pending:
            task = asyncio.ensure_future(user.stop())
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

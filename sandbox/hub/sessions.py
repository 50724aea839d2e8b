"""Log-in sessions at the hub: which password they belong to, and how all of a person's are ended.

The hub knows a browser by one ``cookie_id`` for each person; here it begins with the generation of the
password. Console and notebook know theirs by OAuth tokens that the hub has issued and can forget.
"""

from __future__ import annotations

import secrets
from typing import Any

from jupyterhub import orm  # type: ignore[import-untyped]  # ships no types
from sqlalchemy.orm import object_session

COOKIE_BYTES = 32
_OWN = "jupyterhub"
"""The hub's own tokens, a running notebook's among them; all others were issued to a browser's log-in."""


def belong(user: Any, generation: int) -> bool:
    """Whether the person's sessions began with the password of ``generation``."""
    before, dot, _ = user.cookie_id.partition(".")
    return (int(before) if dot else 0) == generation


def end(user: Any, generation: int) -> None:
    """End every session of the person; new ones belong to ``generation``. A running notebook goes on."""
    person = getattr(user, "orm_user", user)
    person.cookie_id = f"{generation}.{secrets.token_hex(COOKIE_BYTES)}"
    database: Any = object_session(person)
    for kind in (orm.APIToken, orm.OAuthCode):
        for one in database.query(kind).filter(kind.user_id == person.id, kind.client_id != _OWN):
            database.delete(one)
    database.commit()


def of_notebook(handler: Any) -> bool:
    """Whether the request comes from a running notebook itself and not from a browser's log-in."""
    token = None if handler is None else handler.get_token()
    return token is not None and token.client_id == _OWN

"""Sessions in a real hub database: a new password ends those of the one before, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub import orm  # type: ignore[import-untyped]  # ships no types

from sandbox.hub import sessions


@pytest.fixture
def database() -> Iterator[Any]:
    database = orm.new_session_factory("sqlite://")()
    for client in ("jupyterhub", "service-gateway", "jupyterhub-user-ana"):
        database.add(orm.OAuthClient(identifier=client, secret=""))
    database.commit()
    yield database
    database.close()
    database.bind.dispose()


def person(database: Any, name: str) -> Any:
    user = orm.User(name=name)
    database.add(user)
    database.commit()
    for client in ("jupyterhub", "service-gateway", "jupyterhub-user-ana"):
        database.add(orm.APIToken(user=user, client_id=client, hashed=f"{name}-{client}", prefix="0000"))
        database.add(orm.OAuthCode(user=user, client_id=client, code=name[:3] + client[-6:]))
    database.commit()
    return user


def clients(database: Any, user: Any) -> list[str]:
    return [one.client_id for one in database.query(orm.APIToken).filter_by(user_id=user.id)]


def test_ending_leaves_the_running_notebooks_own_token_and_nothing_else(database: Any) -> None:
    ana = person(database, "ana")
    cookie = ana.cookie_id
    sessions.end(ana, 1)
    assert ana.cookie_id != cookie
    assert clients(database, ana) == ["jupyterhub"]
    assert [code.client_id for code in database.query(orm.OAuthCode)] == ["jupyterhub"]


def test_nobody_elses_sessions_end(database: Any) -> None:
    ana, ben = person(database, "ana"), person(database, "ben2")
    cookie = ben.cookie_id
    sessions.end(ana, 1)
    assert ben.cookie_id == cookie
    assert len(clients(database, ben)) == 3


def test_sessions_belong_to_the_password_they_began_with(database: Any) -> None:
    ana = person(database, "ana")
    assert sessions.belong(ana, 0)
    assert not sessions.belong(ana, 1)
    sessions.end(ana, 3)
    assert sessions.belong(ana, 3)
    assert not sessions.belong(ana, 4)

"""Whoever is at the terminal has a name that an account can have."""

from __future__ import annotations

import getpass

import pytest

from sandbox.cli.common import login_name
from sandbox.policy.names import PERSON_NAME


@pytest.mark.parametrize("name", ["root", "John.Doe", "svc_data", "李雷", "1st", "a" * 60, ""])
def test_any_login_name_becomes_the_name_of_an_account(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: name)
    assert PERSON_NAME.fullmatch(login_name())


@pytest.mark.parametrize("fault", [KeyError("uid"), OSError("no name")])
def test_a_uid_without_a_name_has_one_too(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise fault

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert login_name().startswith("uid-")

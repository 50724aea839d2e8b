"""How people log in, as a policy: what is not named gives nothing, and every mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.policy.load import PolicyMistakes, load_login
from sandbox.policy.login import fit_address

SHIPPED = Path(__file__).parents[2] / "policies"
WHOLE = """
kind = "oidc"
issuer = "https://login.example/realms/office"
client_id = "sandbox"
mfa = true
mfa_acr = ["gold"]

[groups]
"Research unit" = ["analysts", "visits-study"]
audit = ["officers"]
"""


def test_a_directory_without_the_file_means_the_built_in_log_in(tmp_path: Path) -> None:
    assert load_login(tmp_path).kind == "accounts"
    assert load_login(SHIPPED).kind == "accounts"


def test_only_groups_that_are_named_give_groups_here(tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(WHOLE)
    policy = load_login(tmp_path)
    assert policy.groups_of(["Research unit", "choir"]) == {"analysts", "visits-study"}
    assert policy.groups_of(["analysts", "research unit"]) == frozenset()


def test_several_factors_are_what_the_policy_says_they_are(tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(WHOLE)
    policy = load_login(tmp_path)
    assert policy.several_factors(("pwd", "mfa"), "")
    assert policy.several_factors((), "gold")
    assert not policy.several_factors(("pwd", "otp"), "silver")
    assert not policy.several_factors((), "")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("https://login", "http://login", "Write an https address"),
        ('client_id = "sandbox"', "", 'kind = "oidc" needs this key'),
        ('kind = "oidc"', 'kind = "accounts"', "The built-in log-in has no such key"),
        ('kind = "oidc"', 'kind = "ldap"', "is not one of the words known here"),
        ("mfa = true", 'mfa = "true"', "Write true or false without quotes"),
        ("mfa = true", "mfa_aal = true", "There is no key 'mfa_aal' here"),
        ("mfa = true", 'mfa = true\nscopes = ["profile"]', 'Write "openid" among them'),
        ('mfa_acr = ["gold"]', "mfa_amr = []", "or nobody could log in"),
    ],
)
def test_each_mistake_is_told_with_what_to_write(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    assert before in WHOLE
    (tmp_path / "login.toml").write_text(WHOLE.replace(before, after))
    with pytest.raises(PolicyMistakes, match=sentence):
        load_login(tmp_path)


@pytest.mark.parametrize(
    ("address", "fit"),
    [
        ("https://login.example", True),
        ("http://127.0.0.1:8080/realm", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080", True),
        ("http://login.example", False),
        ("http://127.0.0.1.example", False),
        ("https://user:word@login.example", False),
        ("https://login.example?x=1", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_secrets_go_to_https_or_stay_on_the_machine(address: str, fit: bool) -> None:
    assert fit_address(address) is fit

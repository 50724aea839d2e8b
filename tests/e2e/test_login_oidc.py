"""Log-in at a certified OpenID Connect provider, from the hub's first page to a question in a notebook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from provider_under_test import ProviderUnderTest, running_provider
from sandbox_under_test import own_sandbox

from sandbox.governance import accounts
from sandbox.governance.installation import open_books
from sandbox.hub.driver import DriverError, Person
from sandbox.hub.openid import SECRET_FILE
from sandbox.hub.running import RunningSandbox

POLICY = """
kind = "oidc"
issuer = "{issuer}"
client_id = "sandbox"
mfa = true

[groups]
research = ["analysts", "visits-study"]
audit = ["officers"]
"""
SOON = 15.0
"""Seconds: the provider is asked every other one, and a notebook takes some to stop."""
ASK = """
from sandbox.client import connect
question = "SELECT district, COUNT(*) AS n FROM visits GROUP BY district"
answer = connect("visits-study").ask(question, epsilon="0.5")
print(answer)
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderUnderTest]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def sandbox(provider: ProviderUnderTest) -> Iterator[RunningSandbox]:
    def changed(policies: Path) -> None:
        (policies / "login.toml").write_text(POLICY.format(issuer=provider.issuer))
        keys = policies.parent / "keys"
        keys.mkdir()
        (keys / SECRET_FILE).write_text(provider.secret + "\n")
        (keys / SECRET_FILE).chmod(0o600)

    with own_sandbox("bubblewrap", changed=changed) as sandbox:
        yield sandbox


def groups(sandbox: RunningSandbox, name: str) -> frozenset[str] | None:
    """The groups of the account, None where there is none."""
    books = open_books(sandbox.settings)
    try:
        account = accounts.find(books.engine, name)
    finally:
        books.close()
    return None if account is None else account.groups


def said(sandbox: RunningSandbox, name: str) -> list[str]:
    """What the log says of this person, oldest first."""
    books = open_books(sandbox.settings)
    try:
        return [str(entry.event["kind"]) for entry in books.log.story(name)]
    finally:
        books.close()


async def logged_in(person: Person) -> None:
    status, text = await person.log_in_at_provider({"login": person.name})
    assert status == HTTPStatus.OK, text


async def stopped(sandbox: RunningSandbox, person: Person) -> bool:
    """Whether the person's notebook is stopped soon, while they ask the hub for anything."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        await person.fetch("GET", "/hub/home")
        if "server.stopped" in said(sandbox, person.name):
            return True
        await asyncio.sleep(0.5)
    return False


def test_who_logs_in_at_the_provider_has_the_groups_of_the_policy_and_a_notebook_that_asks(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("dora", groups=["research", "choir"], factors=["pwd", "otp", "mfa"])

    async def story() -> str:
        async with sandbox.person("dora") as dora:
            await logged_in(dora)
            await dora.start_notebook()
            output = await dora.run(ASK)
            return output.text + output.error

    text = asyncio.run(story())
    assert "Dong" in text, text
    assert "cost: epsilon 0.5" in text, text
    assert groups(sandbox, "dora") == frozenset({"analysts", "visits-study"})
    assert {"account.changed", "login"} <= set(said(sandbox, "dora"))


def test_groups_that_the_policy_does_not_name_give_nothing(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("egon", groups=["analysts", "choir"], factors=["mfa"])

    async def story() -> None:
        async with sandbox.person("egon") as egon:
            await egon.log_in_at_provider({"login": "egon"})
            await egon.start_notebook()

    with pytest.raises(DriverError):
        asyncio.run(story())
    assert groups(sandbox, "egon") == frozenset()


@pytest.mark.parametrize(
    ("name", "given", "factors", "sentence"),
    [
        ("fay", ["research"], ["pwd"], "more than one is required"),
        ("gil", ["research", "audit"], ["mfa"], "Nobody may be in analysts and in officers"),
        ("Hal.B", ["research"], ["mfa"], "cannot be an account"),
    ],
)
def test_who_may_not_log_in_reads_why_and_gets_no_account(  # noqa: PLR0917  # the cases give each by name
    sandbox: RunningSandbox,
    provider: ProviderUnderTest,
    name: str,
    given: list[str],
    factors: list[str],
    sentence: str,
) -> None:
    provider.person(name, groups=given, factors=factors)

    async def story() -> tuple[int, str]:
        async with sandbox.person(name) as person:
            return await person.log_in_at_provider({"login": name})

    status, text = asyncio.run(story())
    assert status == HTTPStatus.FORBIDDEN
    assert sentence in text
    assert groups(sandbox, name) is None


def test_somebody_else_whom_the_provider_gives_a_name_does_not_get_the_account(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    async def story() -> tuple[int, str]:
        async with sandbox.person("ina") as person:
            return await person.log_in_at_provider({"login": "ina"})

    provider.person("ina", groups=["research"], factors=["mfa"])
    assert asyncio.run(story())[0] == HTTPStatus.OK
    provider.person("ina", groups=["research"], factors=["mfa"], sub="another-person")
    status, text = asyncio.run(story())
    assert status == HTTPStatus.FORBIDDEN
    assert "log-in provider" in text


def test_a_role_taken_away_at_the_provider_is_gone_at_the_next_request(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("jan", groups=["research"], factors=["mfa"])

    async def story() -> None:
        async with sandbox.person("jan") as jan:
            await logged_in(jan)
            await jan.start_notebook()
            provider.person("jan", groups=["choir"], factors=["mfa"])
            assert await stopped(sandbox, jan)

    asyncio.run(story())
    assert groups(sandbox, "jan") == frozenset()


def test_an_expired_access_token_is_renewed_and_the_person_works_on(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("kim", groups=["research"], factors=["mfa"])

    async def story() -> None:
        async with sandbox.person("kim") as kim:
            await logged_in(kim)
            for _ in range(2):  # the second time with the renewed renewal
                provider.expire("kim")
                await asyncio.sleep(2.5)
                answers = await asyncio.gather(*(kim.fetch("GET", "/hub/api/users/kim") for _ in range(5)))
                assert {status for status, _, _ in answers} == {HTTPStatus.OK}

    asyncio.run(story())


def test_a_session_ended_at_the_provider_ends_the_log_in_and_the_notebook(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("lea", groups=["research"], factors=["mfa"])

    async def story() -> None:
        async with sandbox.person("lea") as lea:
            await logged_in(lea)
            await lea.start_notebook()
            provider.end("lea")
            assert await stopped(sandbox, lea)
            status, _, _ = await lea.fetch("GET", "/hub/api/users/lea")
            assert status == HTTPStatus.FORBIDDEN

    asyncio.run(story())


def test_an_account_that_is_disabled_here_stays_refused(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("mia", groups=["research"], factors=["mfa"])

    async def story() -> tuple[int, str]:
        async with sandbox.person("mia") as mia:
            return await mia.log_in_at_provider({"login": "mia"})

    assert asyncio.run(story())[0] == HTTPStatus.OK
    books = open_books(sandbox.settings)
    accounts.set_disabled(books.log, "mia", disabled=True, actor="test")
    books.close()
    status, text = asyncio.run(story())
    assert status == HTTPStatus.FORBIDDEN
    assert "disabled" in text
    assert said(sandbox, "mia").count("login.refused") == 1


def test_where_people_log_in_elsewhere_nobody_gets_a_password(
    sandbox: RunningSandbox, provider: ProviderUnderTest
) -> None:
    provider.person("nora", groups=["research"], factors=["mfa"])

    async def story() -> tuple[int, int]:
        async with sandbox.person("nora") as nora:
            await logged_in(nora)
            console = sandbox.settings.console_url
            async with nora._client.get(f"{console}/account") as answer:
                budgets = answer.status
            async with nora._client.get(f"{console}/password") as answer:
                return budgets, answer.status

    assert asyncio.run(story()) == (HTTPStatus.OK, HTTPStatus.NOT_FOUND)


def test_passwords_of_the_sandbox_open_nothing(sandbox: RunningSandbox) -> None:
    async def story() -> None:
        async with sandbox.person("ana") as ana:
            await ana.log_in(sandbox.passwords["ana"])

    with pytest.raises(DriverError, match="log-in"):
        asyncio.run(story())
    assert "login" not in said(sandbox, "ana")

"""What JupyterHub had to close once stays closed here: origins, redirects, prefixes, tokens in addresses."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from sandbox.hub.driver import Person
from sandbox.hub.running import RunningSandbox

pytestmark = pytest.mark.parametrize("isolator", ["bubblewrap"], indirect=True, scope="session")
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "/%2F/evil.example",
    "http://127.0.0.1@evil.example/",
    "\thttps://evil.example",
    "/\t/evil.example",
]
FOREIGN = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "{hub}.evil.example",
    "http://evil.example/{hub}",
    "http://evil{host}",
]
"""Origins, some of which begin or end like ours: a pattern without ends takes them for ours."""


async def logged_in(sandbox: RunningSandbox, name: str) -> Person:
    person = sandbox.person(name)
    await person.log_in(sandbox.passwords[name])
    return person


@pytest.mark.parametrize("target", ELSEWHERE)
def test_logging_in_leads_nowhere_else(running_sandbox: RunningSandbox, target: str) -> None:
    async def log_in() -> str:
        async with running_sandbox.person("ana") as person:
            await person.get("/hub/login")
            form = {"username": "ana", "password": running_sandbox.passwords["ana"]}
            form["_xsrf"] = person._xsrf("/hub/")
            status, headers, _ = await person.fetch(
                "POST", f"/hub/login?next={quote(target, safe='')}", data=form
            )
            assert status == 302
            return headers["Location"]

    where = asyncio.run(log_in())
    resolved = URL(running_sandbox.settings.hub_url).join(URL(where.replace("\\", "/")))
    assert str(resolved.origin()) == running_sandbox.settings.hub_url, where


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_opens_no_channel_to_a_kernel(
    running_sandbox: RunningSandbox, origin: str
) -> None:
    hub = running_sandbox.settings.hub_url
    said = origin.format(hub=hub, host=hub.removeprefix("http://"))
    running_sandbox.run_in_notebook("ana", "pass")

    async def connect() -> tuple[int, int]:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.enter_notebook()
            headers = {"X-XSRFToken": person._xsrf("/user/ana/")}
            _, _, body = await person.fetch("POST", "/user/ana/api/kernels", json={}, headers=headers)
            kernel = body.decode().split('"id": "')[1].split('"')[0]
            path = f"/user/ana/api/kernels/{kernel}/channels"
            try:
                return await opened(person, path, said), await opened(person, path, hub)
            finally:
                await person.fetch("DELETE", f"/user/ana/api/kernels/{kernel}", headers=headers)

    foreign, own = asyncio.run(connect())
    assert (foreign, own) == (403, 101)


async def opened(person: Person, path: str, origin: str) -> int:
    """The status of a websocket's handshake from a page of ``origin``, the person's cookies included."""
    try:
        async with person._client.ws_connect(person._url(path), headers={"Origin": origin}):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/hub/api/users/ana/server"),
        ("DELETE", "/hub/api/users/ana/server"),
        ("POST", "/user/ana/api/kernels"),
        ("PUT", "/user/ana/api/contents/planted.txt"),
        ("DELETE", "/user/ana/api/contents/kept.txt"),
    ],
)
def test_another_sites_page_changes_nothing_with_a_persons_cookies(
    running_sandbox: RunningSandbox, method: str, path: str
) -> None:
    running_sandbox.run_in_notebook("ana", "open('/home/analyst/kept.txt', 'w').write('x')")

    async def forge() -> int:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.enter_notebook()
            headers = {
                "Origin": "https://evil.example",
                "Referer": "https://evil.example/",
                "Sec-Fetch-Site": "cross-site",
                "Sec-Fetch-Mode": "no-cors",
                "Content-Type": "text/plain",
            }
            status, _, _ = await person.fetch(method, path, data=b"{}", headers=headers)
            return status

    assert asyncio.run(forge()) == 403


def test_a_notebooks_page_reads_nothing_of_the_hubs_api(running_sandbox: RunningSandbox) -> None:
    """Same origin, other path: a script in a notebook has the cookies and not the hub's token."""

    async def fetch() -> int:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            headers = {
                "Sec-Fetch-Site": "same-origin",
                "Sec-Fetch-Mode": "cors",
                "Referer": f"{person.hub_url}/user/ana/lab",
            }
            status, _, _ = await person.fetch("GET", "/hub/api/users/ana", headers=headers)
            return status

    assert asyncio.run(fetch()) == 403


@pytest.mark.parametrize("path", ["/user/an/lab", "/user/ana-x/lab", "/user/anax/lab", "/user/AN/lab"])
def test_a_name_that_begins_like_anothers_opens_nothing_of_theirs(
    running_sandbox: RunningSandbox, path: str
) -> None:
    running_sandbox.run_in_notebook("ana", "pass")

    async def enter() -> tuple[int, str]:
        async with running_sandbox.person("ben") as person:
            await person.log_in(running_sandbox.passwords["ben"])
            return await person.get(path)

    status, page = asyncio.run(enter())
    assert status in {403, 404, 424}
    assert "jupyter-config-data" not in page


def test_a_token_in_an_address_opens_nothing(running_sandbox: RunningSandbox) -> None:
    output = running_sandbox.run_in_notebook("ana", "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")
    token = output.text.strip()

    async def ask() -> tuple[int, int]:
        async with running_sandbox.person("ben") as person:
            await person.log_in(running_sandbox.passwords["ben"])
            lab, _, _ = await person.fetch("GET", f"/user/ana/api/contents?token={token}")
            hub, _, _ = await person.fetch("GET", f"/hub/api/users/ana?token={token}")
            return lab, hub

    lab, hub = asyncio.run(ask())
    assert lab in {302, 403}
    assert hub in {403, 404}

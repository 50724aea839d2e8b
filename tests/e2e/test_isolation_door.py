"""What passes the door: the gateway, one's own matters at the hub, JupyterLab; nothing else."""

from __future__ import annotations

import asyncio
import json

from sandbox.hub.running import RunningSandbox

ASK = """
import http.client, json, os, socket
class Door(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/door/out/door.sock")
def ask(path, method="GET", token=os.environ["JUPYTERHUB_API_TOKEN"], **headers):
    door = Door("door")
    door.putrequest(method, path, skip_host=True)
    for name, value in {"Host": "door", "Authorization": "token " + token, **headers}.items():
        door.putheader(name, value)
    door.endheaders()
    answer = door.getresponse()
    return answer.status, answer.read().decode()
"""
WAYS_OUT = [
    "/hub/api/users",
    "/hub/api/users/ben",
    "/hub/api/users/ben/activity",
    "/hub/api/users/ana",
    "/hub/api/users/ana/tokens",
    "/hub/login",
    "/hub/api/proxy",
    "/services/other/",
    "/services/gateway/../../hub/api/users",
    "/services/gateway/%2e%2e/%2e%2e/hub/api/users",
    "/services/gateway/%252e%252e/x",
    "/services/gateway//x",
    "//hub/api/user",
    "/hub/api/./user",
    "http://127.0.0.1/hub/api/user",
    "/",
]
JUPYTERS_WAYS_OUT = [
    "files/kept.txt",
    "%66iles/kept.txt",
    "/files/kept.txt",
    "nbconvert/html/kept.ipynb",
    "view/kept.html",
    "api/terminals",
    "metrics",
    "lsp/status",
    "proxy/80/",
    "api/contents/%252e%252e",
    "lab/../files/kept.txt",
]


def test_the_gateway_answers_through_the_door(running_sandbox: RunningSandbox) -> None:
    code = ASK + "status, text = ask('/services/gateway/api/v1/account'); print(json.dumps([status, text]))"
    status, text = json.loads(running_sandbox.run_in_notebook("ana", code).text)
    assert status == 200, text
    assert "visits-study" in text


def test_a_token_is_worth_nothing_behind_another_persons_door(running_sandbox: RunningSandbox) -> None:
    token = running_sandbox.run_in_notebook(
        "ben", "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])"
    ).text
    code = ASK + (
        f"print(json.dumps([ask('/services/gateway/api/v1/account', token={token.strip()!r}),"
        f" ask('/services/gateway/api/v1/account', token={token.strip()!r}, **{{'X-Sandbox-User': 'ben'}})]))"
    )
    plain, forged = json.loads(running_sandbox.run_in_notebook("ana", code).text)
    assert plain[0] == forged[0] == 403


def test_the_way_out_leads_nowhere_else(running_sandbox: RunningSandbox) -> None:
    output = running_sandbox.run_in_notebook(
        "ana", ASK + f"print(json.dumps({{path: ask(path)[0] for path in {WAYS_OUT}}}))"
    )
    assert json.loads(output.text) == dict.fromkeys(WAYS_OUT, 403)


def test_jupyters_own_ways_out_are_closed_for_the_browser(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ana", "open('/home/analyst/kept.txt', 'w').write('x')")

    async def fetch() -> dict[str, int]:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.enter_notebook()
            return {path: (await person.fetch("GET", f"/user/ana/{path}"))[0] for path in JUPYTERS_WAYS_OUT}

    # the proxy may clean or refuse a path (301, 400) before the door sees it; 403 is the door's own word
    assert set(asyncio.run(fetch()).values()) <= {301, 400, 403}


def test_a_page_from_a_notebook_carries_the_doors_rules(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ana", "pass")

    async def fetch() -> dict[str, str]:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.get("/user/ana/lab")
            _, headers, _ = await person.fetch("GET", "/user/ana/lab")
            return headers

    headers = asyncio.run(fetch())
    assert "connect-src 'self';" in headers["Content-Security-Policy"]
    assert "Cross-Origin-Opener-Policy" not in headers

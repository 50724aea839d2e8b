"""Every route of the single-user server, as the server itself lists them, and what the door makes of it.

A route that is not in the table fails the test, so a new version of Jupyter cannot open one unseen.
"""

from __future__ import annotations

import asyncio
import json
import socket

from sandbox.hub.driver import Person
from sandbox.hub.running import RunningSandbox

CLOSED = "closed"
"""The door's own refusal; a number is the server's answer to a request that passed."""
KERNEL = "00000000-0000-0000-0000-000000000000"
ROUTES: dict[str, tuple[str, int | str]] = {
    # what JupyterLab needs: it carries bytes to the screen, metered by the door
    "lab/api/settings/?": ("lab/api/settings", 200),
    "lab/api/settings/(?P<schema_name>.+)": ("lab/api/settings/@jupyterlab/apputils-extension:themes", 200),
    "lab/api/translations/?": ("lab/api/translations", 200),
    "lab/api/translations/(?P<locale>.*)": ("lab/api/translations/en", 200),
    "lab/api/workspaces/?": ("lab/api/workspaces", 200),
    "lab/api/workspaces/(?P<space_name>.+)": ("lab/api/workspaces/default", 200),
    "lab/api/listings/(.*)": ("lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json", 200),
    "lab/api/themes/(.*)": ("lab/api/themes/@jupyterlab/theme-light-extension/index.css", 200),
    "lab/api/licenses/(.*)": ("lab/api/licenses/", 200),
    "lab/extensions/(.*)": ("lab/extensions/none.js", 404),
    "lab/.*": ("lab/none", CLOSED),
    "(?P<mode>lab|doc)(?P<workspace>/workspaces/[a-zA-Z0-9\\-\\_]+)?(?P<tree>/tree/.*)?": ("lab", 200),
    "static/lab/(.*)": ("static/lab/none.js", 404),
    "static/(.*)": ("static/favicon.ico", 200),
    "api": ("api", 200),
    "api/status": ("api/status", 200),
    "api/me": ("api/me", 200),
    "api/config/(?P<section_name>\\w+)": ("api/config/notebook", 200),
    "api/contents(?P<path>(?:(?:/[^/]+)+|/?))": ("api/contents/kept.txt", 200),
    "api/contents(?P<path>(?:(?:/[^/]+)+|/?))/checkpoints": ("api/contents/kept.txt/checkpoints", 200),
    "api/contents(?P<path>(?:(?:/[^/]+)+|/?))/checkpoints/(?P<checkpoint_id>[\\w-]+)": (
        "api/contents/kept.txt/checkpoints/checkpoint",
        405,
    ),
    "api/contents(?P<path>(?:(?:/[^/]+)+|/?))/trust": ("api/contents/kept.txt/trust", 405),
    "api/kernels": ("api/kernels", 200),
    "api/kernels/(?P<kernel_id>\\w+-\\w+-\\w+-\\w+-\\w+)": (f"api/kernels/{KERNEL}", 404),
    "api/kernels/(?P<kernel_id>\\w+-\\w+-\\w+-\\w+-\\w+)/(?P<action>restart|interrupt)": (
        f"api/kernels/{KERNEL}/restart",
        CLOSED,
    ),
    "api/kernels/(?P<kernel_id>\\w+-\\w+-\\w+-\\w+-\\w+)/channels": (f"api/kernels/{KERNEL}/channels", 404),
    "api/kernelspecs": ("api/kernelspecs", 200),
    "api/kernelspecs/(?P<kernel_name>[\\w\\.\\-%]+)": ("api/kernelspecs/python3", 200),
    "kernelspecs/(?P<kernel_name>[\\w\\.\\-%]+)/(?P<path>.*)": ("kernelspecs/python3/logo-64x64.png", 200),
    "api/sessions": ("api/sessions", 200),
    "api/sessions/(?P<session_id>\\w+-\\w+-\\w+-\\w+-\\w+)": (f"api/sessions/{KERNEL}", 404),
    "api/events/subscribe": ("api/events/subscribe", 400),
    "oauth_callback": ("oauth_callback", 400),
    "?": ("", 302),
    # what nobody needs
    "lab/api/build": ("lab/api/build", CLOSED),
    "lab/api/extensions": ("lab/api/extensions", CLOSED),
    "lab/api/plugins": ("lab/api/plugins", CLOSED),
    "lab/api/update": ("lab/api/update", CLOSED),
    "lab/api/news": ("lab/api/news", CLOSED),
    "api/spec.yaml": ("api/spec.yaml", CLOSED),
    "api/resolvePath": ("api/resolvePath?path=kept.txt", CLOSED),
    "api/notebooks/?(.*)": ("api/notebooks/kept.txt", CLOSED),
    "api/security/csp-report": ("api/security/csp-report", CLOSED),
    "api/events": ("api/events", CLOSED),
    "(robots\\.txt|favicon\\.ico)": ("favicon.ico", CLOSED),
    "metrics": ("metrics", CLOSED),
    ".*/": ("files/", CLOSED),
    # last, because it ends the log-in
    "logout": ("logout", 302),
}
WITHOUT_PREFIX = {"/(robots\\.txt)", "/(favicon\\.ico)", "(.*)"}
"""Not below the person's own prefix, where no request of the proxy comes from."""
LEFT_OUT = [
    (method, path)
    for method in ("GET", "POST", "PUT", "DELETE")
    for path in (
        "files/kept.txt",
        "files/kept.txt?download=1",
        "nbconvert/html/kept.ynb",
        "nbconvert/html",
        "api/nbconvert",
        "view/kept.html",
        "api/terminals",
        "api/terminals/1",
        "terminals/websocket/1",
        "lsp/status",
        "lsp/ws/pylsp",
        "proxy/80/",
        "proxy/absolute/80/",
        "api/shutdown",
        "api/collaboration/session/kept.txt",
        "tree",
        "edit/kept.txt",
        "notebooks/kept.ipynb",
        "download/kept.txt",
        "api/shares",
    )
]
SPELLINGS = [
    "%66iles/kept.txt",
    "%2566iles/kept.txt",
    "/files/kept.txt",
    "./files/kept.txt",
    "lab/../files/kept.txt",
    "lab/%2e%2e/files/kept.txt",
    "lab/..%2ffiles/kept.txt",
    "lab//..//files/kept.txt",
    "static/../files/kept.txt",
    "static/%2e%2e/%2e%2e/files/kept.txt",
    "api/contents/../../files/kept.txt",
    "files\\kept.txt",
    "files;x/kept.txt",
    "FILES/kept.txt",
    "files%00/kept.txt",
    "api/contents/%ff",
    "../ben/lab",
    "..%2fben/lab",
]
LIST = """
import json
from jupyterhub.singleuser.extension import JupyterHubSingleUser
server = JupyterHubSingleUser.initialize_server(["--ServerApp.sock=/tmp/routes.sock", *MORE])
def walk(router):
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from walk(rule.target)
        elif hasattr(rule.matcher, "regex"):
            yield rule.matcher.regex.pattern
routes = {*walk(server.web_app.default_router), *walk(server.web_app.wildcard_router)}
print("ROUTES" + json.dumps(sorted(routes)))
"""

IN_A_PROCESS = """
import subprocess, sys
done = subprocess.run(
    [sys.executable, "-c", {code!r}], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
)
print(done.stdout)
"""


def routes_of(running_sandbox: RunningSandbox, *arguments: str) -> set[str]:
    """What a server configured like the running one offers, below the person's prefix."""
    inner = f"MORE = {list(arguments)!r}\n{LIST}"
    output = running_sandbox.run_in_notebook("ana", IN_A_PROCESS.format(code=inner))
    listed = json.loads(output.text.partition("ROUTES")[2])
    return {
        pattern.removesuffix("$").removeprefix("/user/ana/").removeprefix("/user/ana") for pattern in listed
    }


def test_every_route_of_the_server_is_known_to_the_table(running_sandbox: RunningSandbox) -> None:
    found = routes_of(running_sandbox)
    assert found - WITHOUT_PREFIX == set(ROUTES)


def test_a_route_that_is_new_would_be_noticed(running_sandbox: RunningSandbox) -> None:
    found = routes_of(
        running_sandbox,
        "--ServerApp.terminals_enabled=True",
        "--ServerApp.jpserver_extensions={'jupyterlab': True, 'jupyter_server_terminals': True}",
    )
    assert any("terminals" in route for route in found - WITHOUT_PREFIX - set(ROUTES))


def test_every_route_answers_through_the_door_as_the_table_says(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ana", "open('/home/analyst/kept.txt', 'w').write('x')")

    async def fetch() -> dict[str, int | str]:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.enter_notebook()
            return {path: await outcome(person, "GET", path) for path, _ in ROUTES.values()}

    assert asyncio.run(fetch()) == dict(ROUTES.values())


def test_what_the_server_leaves_out_is_closed_at_the_door_too(running_sandbox: RunningSandbox) -> None:
    running_sandbox.run_in_notebook("ana", "pass")

    async def fetch() -> dict[tuple[str, str], int | str]:
        async with running_sandbox.person("ana") as person:
            await person.log_in(running_sandbox.passwords["ana"])
            await person.enter_notebook()
            return {(method, path): await outcome(person, method, path) for method, path in LEFT_OUT}

    assert asyncio.run(fetch()) == dict.fromkeys(LEFT_OUT, CLOSED)


def test_no_other_spelling_passes_the_door(running_sandbox: RunningSandbox) -> None:
    """Without the proxy in between, which would clean most of them."""
    running_sandbox.run_in_notebook("ana", "pass")
    people = json.loads((running_sandbox.settings.run / "door" / "people.json").read_text())
    port = people["ana"]["port"]
    assert {path: raw_status(port, path) for path in SPELLINGS} == dict.fromkeys(SPELLINGS, 403)


def raw_status(port: int, path: str) -> int:
    """The door's answer to a path that no HTTP client would send as it is."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"GET /user/ana/{path} HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n".encode()
        )
        return int(connection.makefile("rb").readline().split()[1])


async def outcome(person: Person, method: str, path: str) -> int | str:
    """The server's status, or that the door itself refused."""
    status, headers, body = await person.fetch(method, f"/user/ana/{path}")
    if status == 403 and headers.get("Content-Type", "").startswith("application/problem+json"):
        return CLOSED if json.loads(body)["detail"] == "This part of Jupyter is not offered here." else 403
    return status

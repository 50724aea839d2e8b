"""What a notebook can reach: asked from inside, in a real one."""

from __future__ import annotations

import json
import socket

from sandbox.hub.running import RunningSandbox

TRY_TCP = """
import json, socket
def outcome(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        return type(error).__name__
    return "open"
print(json.dumps({{f"{{host}}:{{port}}": outcome(host, port) for host, port in {targets}}}))
"""


def test_no_port_of_the_machine_and_no_address_beyond_can_be_reached(running_sandbox: RunningSandbox) -> None:
    settings = running_sandbox.settings
    ports = [
        settings.hub_port,
        settings.hub_api_port,
        settings.proxy_api_port,
        settings.console_port,
        22,
        2375,
    ]
    hosts = ["127.0.0.1", "172.17.0.1", own_address()]
    targets = [(host, port) for host in hosts for port in ports] + [
        ("169.254.169.254", 80),
        ("198.51.100.2", 443),
    ]
    output = running_sandbox.run_in_notebook("ana", TRY_TCP.format(targets=targets))
    outcomes = json.loads(output.text)
    assert len(outcomes) >= len(ports)
    assert "open" not in outcomes.values()


def test_no_name_can_be_looked_up(running_sandbox: RunningSandbox) -> None:
    code = "import socket; socket.getaddrinfo('secret-value.example.org', 443)"
    assert running_sandbox.run_in_notebook("ana", code).error.startswith("gaierror")


def test_the_only_interface_is_its_own_loopback(running_sandbox: RunningSandbox) -> None:
    output = running_sandbox.run_in_notebook("ana", "import socket; print(socket.if_nameindex())")
    assert output.text.strip() == "[(1, 'lo')]"


def test_an_abstract_socket_of_the_machine_is_out_of_reach(running_sandbox: RunningSandbox) -> None:
    with socket.socket(socket.AF_UNIX) as bait:
        bait.bind("\0sandbox-bait")
        bait.listen()
        code = "import socket; socket.socket(socket.AF_UNIX).connect('\\0sandbox-bait')"
        assert running_sandbox.run_in_notebook("ana", code).error.startswith("ConnectionRefusedError")


def own_address() -> str:
    """An address of this machine that is not loopback, where it has one; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])

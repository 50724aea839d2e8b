"""What must hold before the first process starts; each failure is one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from sandbox.errors import StartupRefusal
from sandbox.hub import images
from sandbox.hub.openid import client_secret, discover
from sandbox.policy.load import load_login
from sandbox.settings import Settings

SOCKET_PATH_BYTES = 107
"""sun_path of unix(7), less its final NUL."""
_LONGEST_SOCKET = "door/people/" + "n" * 32 + "/out/door.sock"
_CAN_START = "import os, sys, sandbox; sys.exit(0 if os.access(sys.argv[1], os.X_OK) else 3)"


def check(settings: Settings) -> None:
    """Look at everything that would otherwise fail later and less clearly.

    Raises:
        StartupRefusal: something is in the way.
    """
    if not (settings.keys / "gateway-hub-token").exists():
        raise StartupRefusal(f"{settings.home} holds no sandbox; run `sandbox init` first.")
    login = load_login(settings.policies)
    if login.kind == "oidc":
        client_secret(settings)
        discover(login)
    longest = len(os.fsencode(settings.run.resolve() / _LONGEST_SOCKET))
    if longest > SOCKET_PATH_BYTES:
        raise StartupRefusal(
            f"SANDBOX_HOME is {longest - SOCKET_PATH_BYTES} characters too long for the sockets in it."
        )
    _ports(settings)
    if os.geteuid() == 0:
        _users(settings)
    if images.isolation(settings) == "docker":
        _docker(settings)
    elif settings.runtime != "runc":
        raise StartupRefusal(
            f"SANDBOX_RUNTIME is {settings.runtime} and notebooks would run without Docker; "
            "start its daemon, or leave SANDBOX_RUNTIME out."
        )


def _docker(settings: Settings) -> None:
    client = images.docker_client()
    if client is None:
        raise StartupRefusal("No Docker daemon answers; start one, or set SANDBOX_ISOLATION=bubblewrap.")
    known = client.info()["Runtimes"]
    client.close()
    if settings.runtime not in known:
        raise StartupRefusal(
            f"The Docker daemon knows no runtime {settings.runtime}; "
            "install it and name it in the daemon's daemon.json."
        )


def _ports(settings: Settings) -> None:
    wanted = {
        "hub_port": (settings.hub_listen, settings.hub_port),
        "hub_api_port": ("127.0.0.1", settings.hub_api_port),
        "proxy_api_port": ("127.0.0.1", settings.proxy_api_port),
        "console_port": (settings.console_listen, settings.console_port),
    }
    for name, address in wanted.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise StartupRefusal(
                    f"Port {address[1]} of {address[0]} cannot be used ({error.strerror}); "
                    f"set SANDBOX_{name.upper()} to another."
                ) from error


def _users(settings: Settings) -> None:
    """Started as root, each part has its own uid: every one must reach the program and the home."""
    parts = (settings.signer_uid, settings.gateway_uid, settings.door_uid, settings.notebook_uid_base)
    for uid in parts:
        command = [sys.executable, "-c", _CAN_START, str(settings.home.resolve())]
        try:
            failed = subprocess.call(command, user=uid, group=uid, extra_groups=(), stderr=subprocess.DEVNULL)  # noqa: S603  # our own words
        except PermissionError:
            failed = 1
        if failed:
            where = settings.home.resolve() if failed == 3 else f"{sys.executable} and the sandbox's code"  # noqa: PLR2004  # see _CAN_START
            raise StartupRefusal(
                f"uid {uid} cannot reach {where}; let everybody pass through the directories above."
            )

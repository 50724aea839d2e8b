"""Everything the hub is told.

Guarantees, each held by a test of the configuration: there is no administrator who can enter others'
servers; nobody loads configuration of their own; what is run in a notebook, and from which image, is
fixed; the gateway is a service of its own uid that the hub neither starts nor routes to.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bcrypt

from sandbox.errors import StartupRefusal
from sandbox.governance.installation import open_books
from sandbox.hub import images, roles
from sandbox.hub.authenticator import AccountAuthenticator
from sandbox.hub.bubblewrap import BubblewrapNotebook
from sandbox.hub.docker import DockerNotebook, container_names
from sandbox.hub.oidc import OidcAuthenticator
from sandbox.hub.openid import client_secret, discover
from sandbox.hub.own_secret import own_secret
from sandbox.hub.spawner import DoorSpawner
from sandbox.hub.started import StartedNotebook
from sandbox.policy.load import load_login, load_notebooks
from sandbox.policy.notebooks import NotebooksPolicy
from sandbox.settings import Settings

SPAWNERS: dict[str, type[DoorSpawner]] = {
    "docker": DockerNotebook,
    "bubblewrap": BubblewrapNotebook,
    "starter": StartedNotebook,
}
KUBERNETES = "kubernetes"
FREEZER_TOKEN = "freezer_token"  # noqa: S105  # a file's name, not a secret
CALL_HOME_NO_MORE = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}


def configure(c: Any, settings: Settings) -> None:
    """Fill the hub's configuration object.

    Raises:
        StartupRefusal: a key, the state or the policy of notebooks is missing or unfit.
    """
    directory = hub_directory(settings)
    books = open_books(settings)
    kind = images.isolation(settings)
    _server(c, settings, directory)
    if (
        kind != KUBERNETES
    ):  # there the chart that runs the hub has said where it listens and what its proxy is
        _addresses(c, settings)
        _proxy(c, settings, directory)
    _login(c, settings, directory)
    c.AccountAuthenticator.log_of_record = lambda: books.log  # a configuration is copied; a log must not be
    c.JupyterHub.custom_scopes = roles.custom_scopes()
    c.JupyterHub.load_roles = roles.load_roles()
    notebooks = load_notebooks(settings.policies)
    c.JupyterHub.services = [gateway_service(settings), idle_culler(notebooks), freezer(settings)]
    c.JupyterHub.spawner_class = spawner_of(kind)
    c.DoorSpawner.settings_of_sandbox = settings
    c.DoorSpawner.notebooks = notebooks
    c.DoorSpawner.log_of_record = lambda: books.log
    c.Spawner.disable_user_config = True
    c.Spawner.args = []
    c.Spawner.http_timeout = 30
    c.Spawner.start_timeout = 90
    c.Spawner.default_url = "/lab"
    if kind == "docker":
        c.DockerSpawner.image = images.notebook_image()
        c.DockerSpawner.name_template = container_names(settings)


def landing(settings: Settings) -> Callable[[Any], str]:
    """Return what leads people, once logged in, to where they can do something."""

    def lead(handler: Any) -> str:
        user = handler.current_user
        if user is None:
            return "/hub/login"
        analyst = roles.ANALYSTS in {group.name for group in user.groups}
        return "/hub/spawn" if analyst else settings.console_url

    return lead


def hub_directory(settings: Settings) -> Path:
    """Return the directory of the hub's own files, readable by the hub alone."""
    directory = settings.home.resolve() / "hub"
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    return directory


def gateway_service(settings: Settings) -> dict[str, Any]:
    """Return the gateway as the hub sees it: someone who may ask who a person is.

    Raises:
        StartupRefusal: the token they share is missing.
    """
    try:
        token = (settings.keys / "gateway-hub-token").read_text().strip()
    except OSError as error:
        raise StartupRefusal("The gateway's token for the hub is missing; run `sandbox init`.") from error
    return {
        "name": roles.GATEWAY,
        "api_token": token,
        "oauth_client_id": f"service-{roles.GATEWAY}",
        "oauth_redirect_uri": f"{settings.console_url}/oauth_callback",
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": roles.gateway_scopes(),
        "display": False,
    }


def idle_culler(policy: NotebooksPolicy) -> dict[str, Any]:
    """Return the process that stops notebooks nobody uses; it may list and stop servers and nothing else."""
    return {
        "name": roles.IDLE_CULLER,
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={policy.idle_seconds}",
            f"--max-age={policy.age_hours * 3600}",
            f"--cull-every={policy.look_seconds}",
        ],
        "display": False,
    }


def freezer(settings: Settings) -> dict[str, Any]:
    """Return the service whose token `sandbox freeze` stops notebooks with; it runs nothing."""
    token = own_secret(hub_directory(settings) / FREEZER_TOKEN)
    return {"name": roles.FREEZER, "api_token": token, "display": False}


def _login(c: Any, settings: Settings, directory: Path) -> None:
    policy = load_login(settings.policies)
    if policy.kind == "accounts":
        c.JupyterHub.authenticator_class = AccountAuthenticator
        return
    secret, provider = client_secret(settings), discover(policy)
    c.JupyterHub.authenticator_class = OidcAuthenticator
    c.OidcAuthenticator.client_secret = secret
    c.OidcAuthenticator.provider = lambda: provider
    c.OidcAuthenticator.oauth_callback_url = f"{settings.hub_url}/hub/oauth_callback"
    c.CryptKeeper.keys = [own_secret(directory / "auth_state_key")]


def _server(c: Any, settings: Settings, directory: Path) -> None:
    hub = c.JupyterHub
    hub.db_url = f"sqlite:///{directory / 'hub.sqlite'}"
    hub.cookie_secret_file = str(directory / "cookie_secret")
    own_secret(directory / "cookie_secret")
    hub.pid_file = str(directory / "hub.pid")
    hub.default_url = landing(settings)
    hub.admin_access = False
    hub.allow_named_servers = False
    hub.cookie_host_prefix_enabled = settings.hub_url.startswith("https:")
    hub.tornado_settings = {
        "headers": {
            "Content-Security-Policy": content_security_policy(settings),
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        },
    }


def _addresses(c: Any, settings: Settings) -> None:
    c.JupyterHub.bind_url = f"http://{settings.hub_listen}:{settings.hub_port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_api_port}"


def spawner_of(kind: str) -> type[DoorSpawner]:
    """Return what starts notebooks of this way of isolation.

    Raises:
        StartupRefusal: notebooks shall be pods, and what that needs is not installed.
    """
    if kind != KUBERNETES:
        return SPAWNERS[kind]
    try:
        # Only here: one machine needs neither Kubernetes nor its client, which is larger than the hub.
        from sandbox.hub.kubernetes import KubeNotebook  # noqa: PLC0415  # see above
    except ImportError as error:
        raise StartupRefusal(
            "Notebooks as pods need the extra: pip install 'SANDBOX[kubernetes]'."
        ) from error
    return KubeNotebook


def content_security_policy(settings: Settings) -> str:
    """Return the browser's rules for the hub's own pages.

    A form may lead to the console because logging in there begins with the hub's log-in form.
    """
    return "; ".join(
        f"{directive} {sources}"
        for directive, sources in {
            "default-src": "'self'",
            "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",  # the hub's pages need both
            "style-src": "'self' 'unsafe-inline'",
            "img-src": "'self' data:",
            "connect-src": "'self'",
            "object-src": "'none'",
            "base-uri": "'self'",
            "form-action": f"'self' {settings.console_url}",
            "frame-ancestors": "'none'",
        }.items()
    )


def _proxy(c: Any, settings: Settings, directory: Path) -> None:
    # Traefik comes as a program beside this Python; the proxy class looks for it on PATH.
    beside = str(Path(sys.executable).parent)
    if shutil.which("traefik") is None:
        os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", "")])
    c.JupyterHub.proxy_class = "traefik_file"
    c.TraefikProxy.traefik_api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.TraefikProxy.traefik_api_username = "hub"
    password = own_secret(directory / "proxy_password")
    c.TraefikProxy.traefik_api_password = password
    # The usual twelve rounds are for passwords that can be guessed, and this one is random; Traefik would
    # count them at each of the requests for which the start of a notebook waits.
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4))
    c.TraefikProxy.traefik_api_hashed_password = hashed.decode()
    c.TraefikProxy.traefik_log_level = "ERROR"
    c.TraefikProxy.extra_static_config = CALL_HOME_NO_MORE
    c.TraefikFileProviderProxy.static_config_file = str(directory / "traefik.toml")
    c.TraefikFileProviderProxy.dynamic_config_file = str(directory / "rules.toml")

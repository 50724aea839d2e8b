"""What the hub is told, in the points JupyterHub's own security page asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SMALL_POLICIES
from traitlets.config import Config

from sandbox.governance.installation import install
from sandbox.hub import roles
from sandbox.hub.config import configure
from sandbox.hub.docker import hardening
from sandbox.hub.spawner import COMMAND
from sandbox.policy.load import load_notebooks
from sandbox.policy.roles import ROLE_SCOPES
from sandbox.settings import Settings


@pytest.fixture
def config(tmp_path: Path) -> Config:
    settings = Settings(home=tmp_path / "home", raw=tmp_path / "home" / "raw", isolation="docker")
    install(settings)
    c = Config()
    configure(c, settings)
    return c


def test_nobody_administers_other_peoples_servers(config: Config) -> None:
    assert config.JupyterHub.admin_access is False
    scopes = {scope for role in roles.load_roles() for scope in role["scopes"]}
    assert not {scope for scope in scopes if scope.startswith(("admin", "shares", "tokens"))}
    assert {s for s in scopes if s.startswith("access:servers")} == {
        "access:servers!user",
        "access:servers!server",
    }


def test_only_analysts_may_start_a_notebook() -> None:
    starters = [role["name"] for role in roles.load_roles() if "servers!user" in role["scopes"]]
    assert starters == ["analysts"]


def test_a_notebooks_token_can_do_what_an_analyst_can_and_no_more() -> None:
    server = next(role for role in roles.load_roles() if role["name"] == "server")
    assert {s for s in server["scopes"] if s.startswith("custom:")} == ROLE_SCOPES["analysts"]


def test_what_stops_idle_notebooks_can_list_and_stop_them_and_nothing_else(config: Config) -> None:
    service = next(one for one in config.JupyterHub.services if one["name"] == roles.IDLE_CULLER)
    assert {"--timeout=3600", "--max-age=86400", "--cull-every=300"} <= set(service["command"])
    role = next(role for role in roles.load_roles() if roles.IDLE_CULLER in role.get("services", ()))
    assert role["scopes"] == ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def test_a_notebook_runs_a_fixed_program_from_a_fixed_image(config: Config) -> None:
    assert config.Spawner.disable_user_config is True
    assert Path(COMMAND[0]).is_absolute()
    assert config.DockerSpawner.image.startswith("sandbox-notebook:")


def test_the_hubs_pages_cannot_be_framed_or_scripted_from_elsewhere(config: Config) -> None:
    headers = config.JupyterHub.tornado_settings["headers"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_secrets_of_the_hub_are_its_own(config: Config) -> None:
    directory = Path(config.JupyterHub.cookie_secret_file).parent
    assert directory.stat().st_mode & 0o077 == 0
    assert Path(config.JupyterHub.cookie_secret_file).stat().st_mode & 0o077 == 0


def test_a_container_has_no_network_and_no_right_left() -> None:
    flags = hardening(load_notebooks(SMALL_POLICIES).sizes["small"], runtime="runc")
    assert flags["network_mode"] == "none"
    assert flags["read_only"] is True
    assert flags["cap_drop"] == ["ALL"]
    assert flags["security_opt"][0] == "no-new-privileges"
    assert flags["security_opt"][1].startswith("seccomp={")


def test_a_container_of_a_larger_size_may_use_more_and_do_no_more() -> None:
    small, large = (
        hardening(load_notebooks(SMALL_POLICIES).sizes[name], runtime="runc") for name in ("small", "large")
    )
    more = {name for name in small if small[name] != large[name]}
    assert more == {"tmpfs", "pids_limit", "mem_limit", "memswap_limit", "cpu_quota", "shm_size"}
    assert all(small[name] < large[name] for name in more - {"tmpfs"})


def test_gvisor_filters_system_calls_itself_and_everything_else_stays() -> None:
    size = load_notebooks(SMALL_POLICIES).sizes["small"]
    plain, gvisor = (hardening(size, runtime=runtime) for runtime in ("runc", "runsc"))
    assert gvisor["security_opt"] == ["no-new-privileges"]
    changed = {name for name in plain if name != "log_config" and plain[name] != gvisor[name]}
    assert changed == {"runtime", "security_opt"}

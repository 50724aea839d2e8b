"""Each weakening of a notebook is planted in the code that starts all of them, and found from inside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sandbox_under_test import made_once

from sandbox.doctor import notebook
from sandbox.doctor.check import Result
from sandbox.doctor.subject import Subject
from sandbox.hub import bubblewrap, images
from sandbox.hub import docker as containers
from sandbox.settings import Settings

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the limits need root")


@pytest.fixture
def isolated(settings: Settings, isolator: str) -> Settings:
    """A sandbox that does not run, with what its notebooks are made of."""
    settings = replace(settings, isolation=isolator)
    with made_once():
        images.prepare(settings)
    return settings


def failing(settings: Settings) -> dict[str, str]:
    """What each check from inside has found that fails; one that could not be made counts too."""
    subject = Subject(settings)
    try:
        outcomes = {check.name: check.run(subject) for check in notebook.CHECKS}
    finally:
        subject.close()
    return {name: outcome.found for name, outcome in outcomes.items() if outcome.result is not Result.HOLDS}


@AS_ROOT
def test_a_notebook_in_order_keeps_every_promise(isolated: Settings) -> None:
    assert failing(isolated) == {}


Weaken = Callable[[dict[str, Any], Settings], None]


def _unfiltered(options: dict[str, Any], _: Settings) -> None:
    options["security_opt"] = ["no-new-privileges", "seccomp=unconfined"]


def _with_docker(options: dict[str, Any], _: Settings) -> None:
    options["binds"].append("/var/run/docker.sock:/var/run/docker.sock")


def _with_keys(options: dict[str, Any], settings: Settings) -> None:
    options["binds"].append(f"{settings.keys.resolve()}:{settings.keys.resolve()}:ro")


def _change(**changes: Any) -> Weaken:
    return lambda options, _: options.update(changes)


IN_CONTAINERS = {
    "network of its own": (_change(network_mode="bridge"), {"interfaces", "routes", "names"}),
    "the machine's network": (_change(network_mode="host"), {"interfaces", "ports", "routes", "sockets"}),
    "no filter": (_unfiltered, {"calls", "families"}),
    "new privileges": (_change(security_opt=["seccomp=unconfined"]), {"rights", "calls"}),
    "capabilities": (_change(cap_drop=[]), {"rights"}),
    "a root that can be written": (_change(read_only=False), {"read-only"}),
    "the machine's processes": (_change(pid_mode="host"), {"processes"}),
    "the machine's memory": (_change(ipc_mode="host"), {"processes"}),
    "no limit of memory": (_change(mem_limit=0, memswap_limit=0), {"limits"}),
    "no limit of processes": (_change(pids_limit=0), {"limits"}),
    "Docker's socket": (_with_docker, {"files"}),
    "the keys": (_with_keys, {"files"}),
}


@AS_ROOT
@pytest.mark.parametrize("isolator", ["docker"], indirect=True, scope="session")
@pytest.mark.parametrize(("weaken", "checks"), IN_CONTAINERS.values(), ids=IN_CONTAINERS)
def test_a_weaker_container_is_found(
    isolated: Settings, monkeypatch: pytest.MonkeyPatch, weaken: Weaken, checks: set[str]
) -> None:
    whole = containers.surroundings

    def weaker(*arguments: Any, **named: Any) -> dict[str, Any]:
        options = whole(*arguments, **named)
        weaken(options, isolated)
        return options

    monkeypatch.setattr(containers, "surroundings", weaker)
    assert {f"notebook-{check}" for check in checks} <= failing(isolated).keys()


def without(*left_out: str) -> Callable[[list[str], Settings], list[str]]:
    return lambda words, _: [word for word in words if word not in left_out]


def _with_raw(words: list[str], settings: Settings) -> list[str]:
    raw = str(settings.raw.resolve())
    return [*words[:-3], "--ro-bind", raw, raw, *words[-3:]]


IN_NAMESPACES = {
    "the machine's network": (without("--unshare-net"), {"interfaces", "ports", "routes", "sockets"}),
    "the machine's processes": (without("--unshare-pid"), {"processes"}),
    "the machine's memory": (without("--unshare-ipc"), {"processes"}),
    "the raw tables": (_with_raw, {"files"}),
}


@AS_ROOT
@pytest.mark.parametrize("isolator", ["bubblewrap"], indirect=True, scope="session")
@pytest.mark.parametrize(("weaken", "checks"), IN_NAMESPACES.values(), ids=IN_NAMESPACES)
def test_weaker_namespaces_are_found(
    isolated: Settings,
    monkeypatch: pytest.MonkeyPatch,
    weaken: Callable[[list[str], Settings], list[str]],
    checks: set[str],
) -> None:
    whole = bubblewrap.namespaces
    monkeypatch.setattr(bubblewrap, "namespaces", lambda *a, **named: weaken(whole(*a, **named), isolated))
    assert {f"notebook-{check}" for check in checks} <= failing(isolated).keys()


@AS_ROOT
@pytest.mark.parametrize("isolator", ["bubblewrap"], indirect=True, scope="session")
def test_namespaces_without_limits_or_without_the_filter_are_found(
    isolated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bubblewrap, "becoming", lambda uid, _: lambda: os.setresuid(uid, uid, uid))
        assert "notebook-limits" in failing(isolated)
    whole = bubblewrap.cage

    @contextmanager
    def unfiltered(*arguments: Any, **named: Any) -> Iterator[tuple[list[str], int]]:
        with whole(*arguments, **named) as (words, allowed):
            yield [*words[:-3], "--"], allowed

    monkeypatch.setattr(bubblewrap, "cage", unfiltered)
    assert {"notebook-calls", "notebook-families"} <= failing(isolated).keys()


@AS_ROOT
def test_a_home_without_a_limit_is_found(isolated: Settings, tmp_path: Path) -> None:
    policies = Path(shutil.copytree(isolated.policies, tmp_path / "policies"))
    file = policies / "notebooks.toml"
    file.write_text(file.read_text().replace("home_mib = 64", "home_mib = 0"))
    assert "home_mib is 0" in failing(replace(isolated, policies=policies))["notebook-room"]


def test_a_notebook_that_cannot_be_started_fails_once_and_nothing_is_said_to_hold(settings: Settings) -> None:
    subject = Subject(replace(settings, isolation="bubblewrap"))  # without the environment it needs
    try:
        outcomes = {check.name: check.run(subject) for check in notebook.CHECKS}
    finally:
        subject.close()
    start = outcomes.pop("notebook-start")
    assert (start.result, "environment is missing" in start.found) == (Result.FAILS, True)
    assert {outcome.result for outcome in outcomes.values()} == {Result.UNKNOWN}

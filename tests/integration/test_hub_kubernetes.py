"""Notebooks as pods: what the hub creates in a cluster, against Kubernetes' own schemas and standard."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from cluster import Cluster, check, running_cluster
from jupyterhub import orm  # type: ignore[import-untyped]  # ships no types
from kubernetes_asyncio.config import kube_config
from kubernetes_validate import ValidationError  # type: ignore[import-untyped]  # ships no types
from kubespawner import clients  # type: ignore[import-untyped]  # ships no types
from restricted import violations
from tornado.web import HTTPError
from traitlets.config import Config

from sandbox.audit import reading
from sandbox.audit.event import Kind
from sandbox.audit.log import Log
from sandbox.door import passes
from sandbox.governance import accounts
from sandbox.governance.installation import install, open_books
from sandbox.hub.config import spawner_of
from sandbox.hub.kubernetes import DOOR_SECRETS, KubeNotebook
from sandbox.hub.profiles import config_map, profiles
from sandbox.policy.load import load_notebooks
from sandbox.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "kubernetes"
KEY = b"k" * 32
Pod = dict[str, Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("kube")
    (home / "doors").mkdir()
    (home / "doors" / "pass.key").write_bytes(KEY)
    (home / "doors" / "ca.crt").write_text("an authority")
    made = Settings(
        home=home / "var",
        raw=home / "var" / "raw",
        policies=ROOT / "policies",
        isolation="kubernetes",
        doors=home / "doors",
        door_image="sandbox-gateway:test",
        hall_host="localhost",
    )
    install(made)
    with books_of(made) as log:
        accounts.create(log, "ana", groups=frozenset({"analysts"}), actor="root")
    return made


@contextmanager
def books_of(settings: Settings) -> Iterator[Log]:
    books = open_books(settings)
    try:
        yield books.log
    finally:
        books.close()


def in_cluster(settings: Settings, monkeypatch: pytest.MonkeyPatch, story: Callable[..., Any]) -> Any:
    """Run ``story`` with a spawner for ana and the cluster it speaks to."""

    async def run() -> Any:
        async with running_cluster(settings.home) as (cluster, config):
            monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(config))
            with books_of(settings) as log:
                spawner = notebook_of("ana", settings, log)
                try:
                    return await story(spawner, cluster)
                finally:
                    await KubeNotebook._stop_all_reflectors()
                    KubeNotebook.reflectors.clear()
                    await spawner.api.api_client.close()
                    clients.load_config.cache_clear()  # it keeps the address of a cluster that is gone

    return asyncio.run(run())


def notebook_of(name: str, settings: Settings, log: Log) -> KubeNotebook:
    config = Config()
    config.DoorSpawner.settings_of_sandbox = settings
    config.DoorSpawner.notebooks = load_notebooks(settings.policies)
    config.DoorSpawner.log_of_record = lambda: log
    config.KubeSpawner.namespace = "sandbox"
    config.KubeSpawner.image = "sandbox-notebook:test"
    config.KubeSpawner.events_enabled = False
    user = SimpleNamespace(name=name, id=1, url=f"/user/{name}/", escaped_name=name)
    hub = SimpleNamespace(
        public_host="", url="http://hub:8081/hub/", base_url="/hub/", api_url="http://hub:8081/hub/api"
    )
    server = orm.Server(base_url=f"/user/{name}/", ip="", port=0, proto="http", cookie_name="")
    stored = SimpleNamespace(name="", user_options={}, server=server)
    spawner = spawner_of("kubernetes")(
        config=config, user=user, hub=hub, orm_spawner=stored, db=SimpleNamespace(commit=lambda: None)
    )
    assert isinstance(spawner, KubeNotebook)
    return spawner


@pytest.fixture(scope="module")
def rendered(settings: Settings) -> Pod:
    async def story(spawner: KubeNotebook, cluster: Cluster) -> Pod:
        await spawner.start()
        (made,) = cluster.objects["pods"].values()
        return dict(made)

    with pytest.MonkeyPatch.context() as patched:
        made: Pod = in_cluster(settings, patched, story)
    return made


@pytest.fixture
def pod(rendered: Pod) -> Pod:
    """One's own copy of the pod that the hub creates for ana."""
    return copy.deepcopy(rendered)


def container(pod: Pod, name: str) -> Pod:
    (found,) = (one for one in pod["spec"]["containers"] if one["name"] == name)
    return dict(found)


def test_a_start_makes_claim_pod_and_pass_and_a_stop_leaves_the_claim(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(spawner: KubeNotebook, cluster: Cluster) -> None:
        assert await spawner.start() == "http://127.0.0.1:8888"
        assert [len(cluster.objects[kind]) for kind in ("pods", "secrets", "persistentvolumeclaims")] == [
            1,
            1,
            1,
        ]
        (made,), (secret,) = cluster.objects["pods"].values(), cluster.objects["secrets"].values()
        assert secret["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
        assert passes.holder(KEY, secret["stringData"]["pass"]) == "ana"
        assert await spawner.poll() is None
        await spawner.stop()
        await spawner.run_post_stop_hook()
        assert [len(cluster.objects[kind]) for kind in ("pods", "secrets", "persistentvolumeclaims")] == [
            0,
            0,
            1,
        ]

    in_cluster(settings, monkeypatch, story)
    with books_of(settings) as log, log.reading() as connection:
        newest = reading.search(connection, subject="ana", limit=2)
    assert [entry.event["kind"] for entry in newest] == [Kind.SERVER_STOPPED, Kind.SERVER_STARTED]


def test_a_disabled_account_gets_no_pod(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(spawner: KubeNotebook, cluster: Cluster) -> None:
        with pytest.raises(HTTPError):
            await spawner.start()
        assert not any(cluster.objects.values())

    with books_of(settings) as log:
        accounts.set_disabled(log, "ana", disabled=True, actor="root")
    try:
        in_cluster(settings, monkeypatch, story)
    finally:
        with books_of(settings) as log:
            accounts.set_disabled(log, "ana", disabled=False, actor="root")


def test_the_pod_keeps_to_the_restricted_standard(pod: Pod) -> None:
    check(pod)
    assert violations(pod["spec"]) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hostNetwork", True),
        ("hostPID", True),
        ("containers.0.securityContext.privileged", True),
        ("containers.0.securityContext.allowPrivilegeEscalation", True),
        ("containers.0.securityContext.capabilities", {"drop": ["NET_RAW"]}),
        ("containers.0.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        ("containers.1.securityContext.runAsUser", 0),
        ("containers.0.securityContext.seccompProfile", {"type": "Unconfined"}),
        ("containers.0.ports", [{"containerPort": 1, "hostPort": 1}]),
        ("volumes.0", {"name": "x", "hostPath": {"path": "/"}}),
        ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    ],
)
def test_a_pod_that_asks_for_more_is_found(pod: Pod, path: str, value: object) -> None:
    where: Any = pod["spec"]
    *steps, last = path.split(".")
    for step in steps:
        where = where[int(step)] if step.isdigit() else where.setdefault(step, {})
    where[int(last) if last.isdigit() else last] = value
    check(pod)
    assert violations(pod["spec"])


def test_a_field_that_kubernetes_does_not_know_is_found(pod: Pod) -> None:
    pod["spec"]["hostnetwork"] = False
    with pytest.raises(ValidationError):
        check(pod)


def test_the_notebook_has_sockets_files_and_nothing_of_the_doors(pod: Pod) -> None:
    notebook = container(pod, "notebook")
    assert {one["mountPath"]: one.get("readOnly", False) for one in notebook["volumeMounts"]} == {
        "/home/analyst": False,
        "/run/door/out": True,
        "/run/door/in": False,
        "/tmp": False,  # noqa: S108  # inside
        "/dev/shm": False,  # noqa: S108  # inside
    }
    profile = notebook["securityContext"]["seccompProfile"]
    assert profile == {"type": "Localhost", "localhostProfile": "sandbox/notebook.json"}
    assert notebook["securityContext"]["readOnlyRootFilesystem"]
    assert notebook["securityContext"]["runAsUser"] >= 300_000
    assert "--KernelManager.transport=ipc" in notebook["args"]
    assert not any(passes.issue(KEY, "ana") in str(value) for value in (notebook, pod["metadata"]))
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert not pod["spec"]["enableServiceLinks"]


def test_the_door_has_the_pass_and_another_uid(pod: Pod) -> None:
    notebook, door = container(pod, "notebook"), container(pod, "door")
    assert DOOR_SECRETS in {one["mountPath"] for one in door["volumeMounts"]}
    assert door["securityContext"]["runAsUser"] != notebook["securityContext"]["runAsUser"]
    assert f"--uid={notebook['securityContext']['runAsUser']}" in door["command"]
    assert pod["spec"]["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["localhost"]}]


def test_sizes_are_those_of_the_policy(pod: Pod, settings: Settings) -> None:
    size = load_notebooks(settings.policies).chosen("", {"analysts"})
    limits = container(pod, "notebook")["resources"]["limits"]
    assert (limits["cpu"], int(limits["memory"])) == (float(size.processors), size.memory_mib * 1024**2)
    scratch = next(one for one in pod["spec"]["volumes"] if one["name"] == "scratch")
    assert scratch["emptyDir"] == {"medium": "Memory", "sizeLimit": f"{size.scratch_mib}Mi"}


# --- the files that an administrator applies ----------------------------------------------------------


def documents() -> list[tuple[str, Pod]]:
    files = [file for file in sorted(DEPLOY.glob("*.yaml")) if file.name != "values.yaml"]
    return [(file.name, document) for file in files for document in yaml.safe_load_all(file.read_text())]


@pytest.mark.parametrize(
    ("file", "document"), documents(), ids=lambda part: part if isinstance(part, str) else ""
)
def test_every_document_is_one_that_kubernetes_knows(file: str, document: Pod) -> None:
    del file
    check(document)


def test_the_lists_of_system_calls_are_a_config_map_that_kubernetes_knows() -> None:
    check(config_map())
    lists = profiles()
    families = {
        name: {rule["args"][0]["value"] for rule in lists[name]["syscalls"] if rule["names"] == ["socket"]}
        for name in lists
    }
    assert families == {"notebook.json": {1, 16}, "gateway.json": {1, 2, 16}}
    assert json.loads(config_map()["data"]["notebook.json"])["defaultAction"] == "SCMP_ACT_ERRNO"


def values() -> Pod:
    read: Pod = yaml.safe_load((DEPLOY / "values.yaml").read_text())
    return read


def pod_of_the_hub() -> Pod:
    """The pod that the chart makes of our values, as far as they say what is in it."""
    hub = values()["hub"]
    image = f"{hub['image']['name']}:{hub['image']['tag']}"
    own = {
        "name": "hub",
        "image": image,
        "command": hub["command"],
        "args": hub["args"],
        "env": [{"name": name, "value": value} for name, value in hub["extraEnv"].items()],
        "securityContext": hub["containerSecurityContext"],
        "volumeMounts": hub["extraVolumeMounts"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hub"},
        "spec": {
            "initContainers": hub["initContainers"],
            "containers": [own, *hub["extraContainers"]],
            "volumes": hub["extraVolumes"],
            "securityContext": hub["podSecurityContext"],
        },
    }


def test_the_hubs_pod_keeps_to_the_restricted_standard() -> None:
    pod = pod_of_the_hub()
    check(pod)
    assert violations(pod["spec"]) == []


def test_each_part_sees_only_those_directories_that_are_its_business() -> None:
    spec = pod_of_the_hub()["spec"]
    seen = {
        one["name"]: {mount.get("subPath") for mount in one["volumeMounts"] if mount["name"] == "sandbox"}
        for one in spec["containers"]
    }
    assert seen == {
        "hub": {"home", "keys", "state", "hub"},
        "signer": {"signer"},
        "gateway": {"home", "keys", "bounded", "state"},
        "hall": set(),
    }
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounted = {mount["name"] for one in spec["containers"] for mount in one["volumeMounts"]}
    assert mounted <= volumes


def test_the_parts_are_told_the_same_by_the_chart_and_by_us() -> None:
    hub = values()["hub"]
    for part in (*hub["extraContainers"], *hub["initContainers"]):
        told = {one["name"]: one["value"] for one in part["env"]}
        assert told.items() <= hub["extraEnv"].items()
        Settings.from_environment(told)
    assert Settings.from_environment(hub["extraEnv"]).isolation == "kubernetes"


def flows(labels: dict[str, str], direction: str) -> set[tuple[tuple[tuple[str, str], ...], int]]:
    """Whom a pod with ``labels`` may reach or be reached by: the peer's labels, and a port."""
    found = set()
    for _, policy in documents():
        spec = policy.get("spec", {})
        if policy["kind"] != "NetworkPolicy" or not chosen(spec["podSelector"], labels):
            continue
        for rule in spec.get(direction, []):
            for peer in rule["from" if direction == "ingress" else "to"]:
                selector = peer.get("podSelector") or peer["namespaceSelector"]
                for port in rule["ports"]:
                    found.add((tuple(sorted(selector["matchLabels"].items())), int(port["port"])))
    return found


def chosen(selector: Pod, labels: dict[str, str]) -> bool:
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def test_a_notebook_reaches_the_hall_and_is_reached_by_the_proxy_and_nothing_else(pod: Pod) -> None:
    labels = pod["metadata"]["labels"]
    assert flows(labels, "egress") == {((("app", "jupyterhub"), ("component", "hub")), 8443)}
    assert flows(labels, "ingress") == {((("app", "jupyterhub"), ("component", "proxy")), 8888)}


def test_whatever_is_not_named_is_refused_in_both_directions() -> None:
    denied = [
        policy["spec"] for _, policy in documents()
        if policy["kind"] == "NetworkPolicy" and policy["spec"]["podSelector"] == {}
    ]  # fmt: skip
    assert denied == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_the_namespace_enforces_the_standard() -> None:
    (labels,) = (
        document["metadata"]["labels"] for _, document in documents()
        if document["kind"] == "Namespace" and document["metadata"]["name"] == "sandbox"
    )  # fmt: skip
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

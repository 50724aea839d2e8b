"""A notebook as a pod, with its door beside it.

A pod always has a network, and its containers share it. So the notebook's container gets a list of system
calls under which no other sockets than unix ones can be made, and the door, a container of its own beside it,
is the only one of the two that can use the network; NetworkPolicy lets it reach the hall and nothing else
(``deploy/kubernetes/README.md``). The two share a directory of sockets in each direction, in memory.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from kubernetes_asyncio.client.models import V1ObjectMeta, V1OwnerReference, V1Secret
from kubespawner import KubeSpawner  # type: ignore[import-untyped]  # ships no types

from sandbox.door import beside, passes
from sandbox.errors import Unavailable
from sandbox.hub.profiles import NOTEBOOK
from sandbox.hub.spawner import INSIDE_HOME, INSIDE_IN, INSIDE_OUT, MIB, DoorSpawner
from sandbox.policy.notebooks import NotebookSize

PORT = 8888
SECCOMP_PROFILE = f"sandbox/{NOTEBOOK}"
"""Below the directory of the node's own profiles; ``deploy/kubernetes/nodes.yaml`` puts it there."""
SOCKETS_SIZE = "64Ki"
DOOR_SECRETS = "/run/secrets/door"
DOOR_TRAFFIC = "/run/traffic"
DOOR_MEMORY = "256Mi"
KERNELS_BY_UNIX_SOCKETS = "--KernelManager.transport=ipc"


class KubeNotebook(DoorSpawner, KubeSpawner):  # type: ignore[misc]  # kubespawner has no types
    """KubeSpawner with nothing left open."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.port = PORT
        self.automount_service_account_token = False
        self.allow_privilege_escalation = False
        self.enable_user_namespaces = False
        self.storage_pvc_ensure = True
        self.storage_access_modes = ["ReadWriteOnce"]
        self.pod_security_context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        self.after_pod_created_hook = give_pass
        self.component_label = "notebook"  # what network.yaml knows notebooks by
        self.extra_labels: dict[str, str] = {}  # the chart's own would let the pod reach the hub

    def uid_for(self, number: int) -> int:
        """Return a uid of the person's own: on a node, not on this machine, so the hub need not be root."""
        return self.settings.notebook_uid_base + number

    async def open_surroundings(self) -> None:
        """Describe the pod; the door comes with it, and the files kept are a claim of their own."""
        self.working_dir = INSIDE_HOME
        self.fs_gid = self.gid = self.uid
        self.storage_capacity = f"{self.policy.home_mib}Mi" if self.policy.home_mib else None
        address = await _address_of(self.settings.hall_host)
        surroundings = pod_of(self.limits, claim=self.pvc_name, secret=self.secret_name)
        for name, value in surroundings.items():
            setattr(self, name, value)
        door = door_of(
            self.user.name,
            uid=self.uid,
            door_uid=self.settings.door_uid,
            hall=f"https://{self.settings.hall_host}:{self.settings.hall_port}",
            image=self.door_image,
        )
        self.extra_containers = [door]
        # The door asks no name server, so nothing else has to be let through to it.
        self.extra_pod_config = {
            **POD,
            "hostAliases": [{"ip": address, "hostnames": [self.settings.hall_host]}],
        }

    async def bring_up(self) -> str:
        """Create the pod, and return the door's address once its server answers through it."""
        self.cmd = [*self.command, KERNELS_BY_UNIX_SOCKETS]
        url: str = await KubeSpawner.start(self)
        return url

    async def stop_isolated(self, *, now: bool) -> None:
        """Delete the pod; the claim with the person's files stays."""
        await KubeSpawner.stop(self, now=now)

    async def close_surroundings(self) -> None:
        """Nothing is left: the door ended with the pod, and the pass belonged to it."""

    @property
    def door_image(self) -> str:
        """The image of the sandbox's own processes."""
        image: str = self.settings.door_image
        return image

    def get_env(self) -> dict[str, str]:
        """Return the environment of a notebook, with a short directory for its kernels' sockets."""
        # a unix socket's address has at most 107 bytes
        return {**super().get_env(), "JUPYTER_RUNTIME_DIR": "/tmp/jupyter"}  # noqa: S108  # of this pod only


POD = {
    "enableServiceLinks": False,
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["127.0.0.1"]},  # a list is asked for; nobody answers there
    "hostname": "notebook",
}


def pod_of(size: NotebookSize, *, claim: str, secret: str) -> dict[str, Any]:
    """Return what a notebook's container is given and limited to, as KubeSpawner's options."""
    return {
        "cpu_limit": float(size.processors),
        "cpu_guarantee": size.processors / 4,
        "mem_limit": size.memory_mib * MIB,
        "mem_guarantee": size.memory_mib * MIB // 2,
        "extra_resource_limits": {"ephemeral-storage": "64Mi"},
        "volumes": {
            "home": {"name": "home", "persistentVolumeClaim": {"claimName": claim}},
            "out": _in_memory("out", SOCKETS_SIZE),
            "into": _in_memory("into", SOCKETS_SIZE),
            "scratch": _in_memory("scratch", f"{size.scratch_mib}Mi"),
            "shm": _in_memory("shm", f"{size.scratch_mib}Mi"),
            "traffic": _in_memory("traffic", SOCKETS_SIZE),
            "pass": {"name": "pass", "secret": {"secretName": secret, "defaultMode": 0o440}},
        },
        "volume_mounts": {
            "home": {"name": "home", "mountPath": INSIDE_HOME},
            "out": {"name": "out", "mountPath": INSIDE_OUT, "readOnly": True},
            "into": {"name": "into", "mountPath": INSIDE_IN},
            "scratch": {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108  # of this pod only
            "shm": {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  # of this pod only
        },
        "container_security_context": {
            **_HARDENED,
            "seccompProfile": {"type": "Localhost", "localhostProfile": SECCOMP_PROFILE},
        },
    }


def door_of(person: str, *, uid: int, door_uid: int, hall: str, image: str) -> dict[str, Any]:
    """Return the container of the door beside a notebook."""
    words = {
        "person": person,
        "uid": str(uid),
        "hall": hall,
        "out": INSIDE_OUT,
        "in": INSIDE_IN,
        "secrets": DOOR_SECRETS,
        "traffic": f"{DOOR_TRAFFIC}/traffic.json",
        "port": str(PORT),
    }
    return {
        "name": "door",
        "image": image,
        "command": ["python", "-m", "sandbox.door.beside", *(f"--{word}={words[word]}" for word in words)],
        "ports": [{"name": "door", "containerPort": PORT}],
        "securityContext": {**_HARDENED, "runAsUser": door_uid, "runAsGroup": door_uid},
        "resources": {
            "limits": {"cpu": "1", "memory": DOOR_MEMORY},
            "requests": {"cpu": "50m", "memory": "64Mi"},
        },
        "volumeMounts": [
            {"name": "out", "mountPath": INSIDE_OUT},
            {"name": "into", "mountPath": INSIDE_IN},
            {"name": "pass", "mountPath": DOOR_SECRETS, "readOnly": True},
            {"name": "traffic", "mountPath": DOOR_TRAFFIC},
        ],
        "readinessProbe": {
            # the server's socket is there: only then does the hub send anybody
            "exec": {"command": ["test", "-S", f"{INSIDE_IN}/server.sock"]},
            "periodSeconds": 1,
            "failureThreshold": 90,
        },
    }


async def give_pass(spawner: KubeNotebook, pod: dict[str, Any]) -> None:
    """Make the secret that the pod's door waits for; it ends with the pod."""
    secret = pass_secret(
        spawner.secret_name,
        owner=pod,
        shown=passes.issue(passes.read_key(spawner.settings.doors), spawner.user.name),
        authority=(spawner.settings.doors / beside.AUTHORITY).read_text(),
    )
    await spawner._ensure_not_exists("secret", spawner.secret_name)  # noqa: SLF001  # KubeSpawner's own way
    await spawner._make_create_resource_request("secret", secret)  # noqa: SLF001  # as above


def pass_secret(name: str, *, owner: dict[str, Any], shown: str, authority: str) -> V1Secret:
    """Return the secret with a door's pass and the authority of the hall's certificate."""
    about = owner["metadata"]
    pod = V1OwnerReference(api_version="v1", kind="Pod", name=about["name"], uid=about["uid"])
    return V1Secret(
        api_version="v1",
        kind="Secret",
        type="Opaque",
        metadata=V1ObjectMeta(name=name, owner_references=[pod]),
        string_data={beside.PASS: shown, beside.AUTHORITY: authority},
        immutable=True,
    )


_HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "privileged": False,
    "capabilities": {"drop": ["ALL"]},
}


def _in_memory(name: str, size: str) -> dict[str, Any]:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": size}}


async def _address_of(host: str) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable("hall-unknown", "The place where doors arrive has no address.") from error
    return str(found[0][4][0])

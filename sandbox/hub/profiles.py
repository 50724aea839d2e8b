"""``python -m sandbox.hub.profiles``: the lists of system calls for nodes of a cluster, as a ConfigMap.

Two lists, both made from the one for notebooks: that of a notebook beside its door, which can make no socket
that leads into the network, and that of the gateway, which besides can make the namespaces in which it reads
submitted files.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sandbox.syscalls import NO_NETWORK, ON_ONE_MACHINE, profile

NAME = "system-calls"
NAMESPACE = "sandbox-nodes"
NOTEBOOK = "notebook.json"
GATEWAY = "gateway.json"
MAKING_NAMESPACES = (
    "capget", "capset", "chroot", "clone", "fchownat", "mount", "pivot_root", "seccomp", "setgid",
    "setgroups", "sethostname", "setns", "setresgid", "setresuid", "setuid", "umount2", "unshare",
)  # fmt: skip
"""What bubblewrap calls, as nobody in particular, before it gives all of it up."""


def profiles() -> dict[str, dict[str, Any]]:
    """Return the lists by the name of their file."""
    gateway = profile(ON_ONE_MACHINE)
    gateway["syscalls"] = [
        *(rule for rule in gateway["syscalls"] if rule["names"] != ["clone"]),
        {"comment": "throw-away cages", "names": list(MAKING_NAMESPACES), "action": "SCMP_ACT_ALLOW"},
    ]
    return {NOTEBOOK: profile(NO_NETWORK), GATEWAY: gateway}


def config_map() -> dict[str, Any]:
    """Return what ``deploy/kubernetes/nodes.yaml`` puts on every node."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {name: json.dumps(document) for name, document in profiles().items()},
    }


if __name__ == "__main__":
    json.dump(config_map(), sys.stdout, indent=1)

"""A cluster of one: the few parts of Kubernetes' API that a spawner uses, on loopback, with its own schemas.

Whatever is created is checked strictly first, as ``kubectl apply`` would. Pods start at once, on 127.0.0.1,
as soon as every secret that they mount is there.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import yaml
from aiohttp import web

VERSION = "1.31"
KINDS = {
    "pods": "Pod",
    "secrets": "Secret",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "events": "Event",
}
Object = dict[str, Any]


def check(document: Object) -> None:
    """Raise where Kubernetes would not know a field or a value."""
    kubernetes_validate.validate(document, VERSION, strict=True)


class Cluster:
    """What was created, by kind and name."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self._version = 1
        self._changed = asyncio.Event()
        self._told: list[tuple[str, str, Object]] = []

    def app(self) -> web.Application:
        """Return the API as an application."""
        app = web.Application()
        base = "/api/v1/namespaces/{namespace}/{kind}"
        app.router.add_get(base, self._list)
        app.router.add_post(base, self._create)
        app.router.add_get(base + "/{name}", self._read)
        app.router.add_delete(base + "/{name}", self._delete)
        return app

    async def _list(self, request: web.Request) -> web.StreamResponse:
        kind = request.match_info["kind"]
        if "watch" in request.query:
            return await self._watch(request, kind)
        items = list(self.objects[kind].values())
        return web.json_response(
            {"kind": f"{KINDS[kind]}List", "apiVersion": "v1", "metadata": self._at(), "items": items}
        )

    async def _watch(self, request: web.Request, kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        seen = int(request.query["resourceVersion"]) - 1
        while request.transport is not None and not request.transport.is_closing():
            for what, of, document in self._told[seen:]:
                if of == kind:
                    line = json.dumps({"type": what, "object": document})
                    await response.write(line.encode() + b"\n")
            seen = len(self._told)
            self._changed.clear()
            await self._changed.wait()
        return response

    async def _create(self, request: web.Request) -> web.StreamResponse:
        kind, document = request.match_info["kind"], await request.json()
        check(document)
        about = document["metadata"]
        about |= {"uid": str(uuid.uuid4()), "namespace": request.match_info["namespace"]}
        about["creationTimestamp"] = "2026-01-01T00:00:00Z"
        if kind == "pods":
            document["status"] = {"phase": "Pending"}
        self.objects[kind][about["name"]] = document
        self._tell("ADDED", kind, document)
        self._start_pods()
        return web.json_response(document, status=201)

    def _start_pods(self) -> None:
        for pod in self.objects["pods"].values():
            wanted = {v["secret"]["secretName"] for v in pod["spec"]["volumes"] if "secret" in v}
            if pod["status"]["phase"] == "Pending" and wanted <= set(self.objects["secrets"]):
                ready = [
                    {
                        "name": one["name"], "image": one["image"], "imageID": "", "ready": True,
                        "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                    }
                    for one in pod["spec"]["containers"]
                ]  # fmt: skip
                pod["status"] = {"phase": "Running", "podIP": "127.0.0.1", "containerStatuses": ready}
                self._tell("MODIFIED", "pods", pod)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        found = self.objects[request.match_info["kind"]].get(request.match_info["name"])
        if found is None:
            return _missing()
        return web.json_response(found)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        kind = request.match_info["kind"]
        found = self.objects[kind].pop(request.match_info["name"], None)
        if found is None:
            return _missing()
        self._tell("DELETED", kind, found)
        for of in self.objects:  # what belonged to it goes too
            for name, one in list(self.objects[of].items()):
                owners = one["metadata"].get("ownerReferences", [])
                if found["metadata"]["uid"] in {owner["uid"] for owner in owners}:
                    del self.objects[of][name]
        return web.json_response(found)

    def _tell(self, what: str, kind: str, document: Object) -> None:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self._told.append((what, kind, json.loads(json.dumps(document))))
        self._changed.set()

    def _at(self) -> Object:
        return {"resourceVersion": str(self._version)}


def _missing() -> web.Response:
    document = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
    return web.json_response(document, status=404)


@asynccontextmanager
async def running_cluster(directory: Path) -> AsyncIterator[tuple[Cluster, Path]]:
    """Yield a cluster and the file that says where it is."""
    cluster = Cluster()
    runner = web.AppRunner(cluster.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "one", "cluster": server}],
        "users": [{"name": "hub", "user": {"token": "none"}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "hub", "namespace": "sandbox"}}],
    }
    file = directory / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    try:
        yield cluster, file
    finally:
        await runner.cleanup()

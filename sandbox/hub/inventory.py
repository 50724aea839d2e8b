"""What an image holds, as a CycloneDX 1.6 bill of materials.

Asked of the image itself, in a container without a network: Debian's packages by dpkg, Python's
distributions by their own metadata. The same image gives the same bytes.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import docker

from sandbox.errors import StartupRefusal

PLACE = "/usr/share/public-data-sandbox/sbom.cdx.json"
"""Where an image carries its own."""
LABEL = "org.publicdatasandbox.sbom"
"""Label of an image with the SHA-256 digest of its bill."""
_DEBIAN = ("dpkg-query", "-W", "-f", "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n")
_PYTHON = """
import importlib.metadata, json
found = importlib.metadata.distributions(path=PATH)
print(json.dumps(sorted([d.name, d.version, d.metadata.get("License-Expression") or ""] for d in found)))
"""
_PLACES = ("/opt/nb/lib/python3*/site-packages", "/opt/venv/lib/python3*/site-packages", "/app")
"""Where an image has Python's distributions; each image has one of them, or none."""


def bill_of(client: docker.DockerClient, image: str, *, name: str, version: str) -> bytes:
    """Return the bill of ``image``.

    Args:
        client: the daemon that holds it.
        image: its id.
        name: what the bill calls it.
        version: its tag.

    Raises:
        StartupRefusal: the image does not tell what it holds.
    """
    try:
        debian = _debian(_say(client, image, list(_DEBIAN)))
        found = _say(client, image, ["/bin/sh", "-c", f"ls -d {' '.join(_PLACES)} 2>/dev/null; true"]).split()
        code = _PYTHON.replace("PATH", repr(found))
        said = _say(client, image, ["python3", "-I", "-S", "-c", code]) if found else "[]"
        python = [_component("pypi", *entry) for entry in json.loads(said)]
    except (docker.errors.DockerException, ValueError) as error:
        raise StartupRefusal(f"What {name} holds could not be listed.") from error
    return document(name, version, [*debian, *python])


def document(name: str, version: str, components: list[dict[str, Any]]) -> bytes:
    """Return the bill with these components, as the bytes that are kept."""
    subject = {"type": "container", "bom-ref": f"{name}:{version}", "name": name, "version": version}
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # of the content and not of the moment: building again changes nothing
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, json.dumps([subject, components]))}",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _say(client: docker.DockerClient, image: str, command: list[str]) -> str:
    said: bytes = client.containers.run(
        image, command, remove=True, network_mode="none", read_only=True, cap_drop=["ALL"]
    )
    return said.decode()


def _debian(listing: str) -> list[dict[str, Any]]:
    rows = [line.split("\t") for line in listing.splitlines()]
    return [
        _component("deb/debian", package, version, "", suffix=f"?arch={architecture}")
        for status, package, version, architecture in rows
        if status == "installed"
    ]


def _component(kind: str, name: str, version: str, licence: str, *, suffix: str = "") -> dict[str, Any]:
    spelled = name.lower().replace("_", "-") if kind == "pypi" else name
    purl = f"pkg:{kind}/{quote(spelled, safe='')}@{quote(version, safe='')}{suffix}"
    licences = {"licenses": [{"expression": licence}]} if licence else {}
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        **licences,
        "purl": purl,
    }

"""``python -m sandbox.door.beside``: one person's door, in the same pod as their notebook.

The notebook's container can open unix sockets only (``deploy/kubernetes/README.md``), so this process is its
whole world, as the door of one machine is. Outward it speaks to the hall and to nothing else; inward it is
where the proxy reaches the notebook's server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import click
from aiohttp import web
from yarl import URL

from sandbox.door import relay
from sandbox.door.listener import Listener
from sandbox.door.meter import Meter
from sandbox.door.passes import PASS_HEADER
from sandbox.door.refusals import Refusals
from sandbox.door.rules import Closed, pass_outward
from sandbox.door.sides import Person, Watch, address_of, inward, outward_headers, raw_path, refused
from sandbox.door.sockets import DOOR_SOCKET, peer_uid
from sandbox.settings import Settings

PASS = "pass"  # noqa: S105  # a file's name
AUTHORITY = "ca.crt"
log = logging.getLogger("sandbox.door")
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where this door stands."""

    person: Person
    out: Path
    """Directory whose socket the notebook speaks to; it cannot write there."""
    into: Path
    """Directory in which the notebook's server makes its socket."""
    secrets: Path
    """Directory with the pass and with the authority that signed the hall's certificate."""
    hall: URL
    listen: str
    port: int
    """Where the proxy speaks to the door."""
    traffic: Path
    """File of the bytes counted."""


async def outward(
    request: web.BaseRequest, *, place: Place, hall: aiohttp.ClientSession, watch: Watch, limit: int
) -> web.StreamResponse:
    """Answer one request that the notebook made."""
    person = place.person
    transport = request.transport
    if transport is None or peer_uid(transport.get_extra_info("socket")) != person.uid:
        return refused(person, request, "This way belongs to another person.", watch)
    try:
        path = pass_outward(person.name, request.method, raw_path(request))
    except Closed as closed:
        return refused(person, request, str(closed), watch)
    return await relay.carry(
        request,
        hall,
        address_of(place.hall, path, request),
        headers=outward_headers(request),
        answer_headers=relay.end_to_end,
        limit=limit,
    )


def client_side(directory: Path) -> ssl.SSLContext:
    """Return the door's side of TLS: it knows one authority, that of the hall."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(directory / AUTHORITY)
    return context


async def serve(place: Place, settings: Settings, stop: asyncio.Event) -> None:
    """Keep the door open until ``stop`` is set."""
    shown = (place.secrets / PASS).read_text().strip()
    watch = Watch(
        refusals=Refusals(),
        meter=Meter(place.traffic, limit=settings.browser_limit),
        upload_limit=settings.upload_limit,
    )
    connector = aiohttp.TCPConnector(ssl=client_side(place.secrets))
    at = str(place.hall.origin())
    async with relay.session(connector, headers={PASS_HEADER: shown}) as hall:
        answer = partial(outward, place=place, hall=hall, watch=watch, limit=settings.body_limit)
        notebooks = Listener(_own_socket(place.out / DOOR_SOCKET), answer)
        browsers = Listener(
            socket.create_server((place.listen, place.port), backlog=1),
            partial(inward, person=place.person, directory=place.into, watch=watch),
        )
        chores = [
            asyncio.create_task(watch.refusals.report_now_and_then(hall, at)),
            asyncio.create_task(watch.meter.save_now_and_then()),
        ]
        notebooks.start()
        browsers.start()
        log.info("open")
        await stop.wait()
        for listener in (notebooks, browsers):
            await listener.close()
        for chore in chores:
            chore.cancel()
        watch.meter.save()
        await watch.refusals.report(hall, at)


def _own_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    # The kernel tells who connects, so the socket itself may be open to all.
    os.chmod(path, 0o666)  # noqa: S103, PTH101  # see above
    return bound


@click.command()
@click.option("--person", required=True, help="Whose door it is.")
@click.option("--uid", type=int, required=True, help="As whom their notebook runs.")
@click.option("--hall", required=True, help="Where doors arrive, as https://ADDRESS:PORT.")
@click.option("--out", type=_DIRECTORY, required=True, help="Where the notebook finds the door's socket.")
@click.option("--in", "into", type=_DIRECTORY, required=True, help="Where the server makes its own.")
@click.option("--secrets", type=_DIRECTORY, required=True, help=f"Holds {PASS} and {AUTHORITY}.")
@click.option("--traffic", type=click.Path(path_type=Path), required=True, help="File of bytes counted.")
@click.option("--listen", default="0.0.0.0", help="Address on which the proxy is heard.")  # noqa: S104  # a pod's own
@click.option("--port", type=int, default=8888, help="Port on which the proxy is heard.")
def main(
    *,
    person: str,
    uid: int,
    hall: str,
    out: Path,
    into: Path,
    secrets: Path,
    traffic: Path,
    listen: str,
    port: int,
) -> None:
    """Keep one person's door open, in the same pod as their notebook."""
    place = Place(
        person=Person(name=person, uid=uid),
        out=out,
        into=into,
        secrets=secrets,
        hall=URL(hall),
        listen=listen,
        port=port,
        traffic=traffic,
    )
    asyncio.run(_until_told(place, Settings.from_environment()))


async def _until_told(place: Place, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(place, settings, stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    main()

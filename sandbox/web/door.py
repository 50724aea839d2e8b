"""The server behind the door's socket: JSON in, JSON out, a notebook's token for identity."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus

from tornado.web import RequestHandler

from sandbox.errors import Malformed, Unavailable
from sandbox.policy.roles import Actor
from sandbox.web import session
from sandbox.web.bodies import DoorReport
from sandbox.web.front import Front, Site
from sandbox.web.problem import shown
from sandbox.web.strict import read_body


class DoorFront(Front):
    """Answers notebooks."""

    async def identify(self) -> Actor:
        """Return the person whose token and whose door agree."""
        return await session.door_actor(self.auth, self.request.headers)


class DoorReports(RequestHandler):
    """Takes from the door itself what it refused, for the log.

    Only the door and the gateway can open the socket, and the door sends nothing of a notebook to a path
    outside ``/services/gateway/``; so who speaks here is the door.
    """

    PATH = "/door/refusals"

    def initialize(self, site: Site) -> None:
        """Take what all requests share."""
        self.site = site

    async def post(self) -> None:
        """Record one report; a status other than 204 makes the door keep it."""
        try:
            content_type = self.request.headers.get("Content-Type", "")
            report = read_body(DoorReport, self.request.body, content_type=content_type)
            record = partial(
                self.site.gateway.refused_at_door, report.user, report.reasons, first=shown(report.first)
            )
            await asyncio.get_running_loop().run_in_executor(self.site.pool, record)
        except Malformed as refusal:
            self.set_status(refusal.status)
        except Unavailable:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self.set_status(HTTPStatus.NO_CONTENT)

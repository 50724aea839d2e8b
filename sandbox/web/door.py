"""The server behind the door's socket: JSON in, JSON out, a notebook's token for identity."""

from __future__ import annotations

from sandbox.policy.roles import Actor
from sandbox.web import session
from sandbox.web.front import Front


class DoorFront(Front):
    """Answers notebooks."""

    async def identify(self) -> Actor:
        """Return the person whose token and whose door agree."""
        return await session.door_actor(self.auth, self.request.headers)

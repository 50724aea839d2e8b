"""Whether a freeze holds a release request up: of its author, its authorization, its dataset, or of all."""

from __future__ import annotations

from sqlalchemy import Connection

from sandbox import freezes
from sandbox.freezes import Freeze
from sandbox.policy.policies import Policies
from sandbox.review.request import Request


def freeze_of(connection: Connection, policies: Policies, request: Request) -> Freeze | None:
    """Return what holds ``request`` up, as the open transaction of ``connection`` sees it."""
    granted = policies.authorizations.get(request.authorization)
    return freezes.concerning(
        connection,
        person=request.author,
        authorization=request.authorization,
        dataset=granted.dataset if granted else "",
    )


def check(connection: Connection, policies: Policies, request: Request) -> None:
    """Return if nothing holds ``request`` up.

    Raises:
        NotAllowed: a freeze does.
    """
    freeze = freeze_of(connection, policies, request)
    if freeze is not None:
        raise freeze.refusal()

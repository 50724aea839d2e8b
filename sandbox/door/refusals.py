"""What the door did not let pass, told to the log.

Guarantees: each person costs the log one entry for each minute in which something of theirs was refused,
however often they try; what was counted is kept until the gateway has recorded it; the door's own file
gets no more than a few lines of each person for each minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

log = logging.getLogger("sandbox.door")

REPORT_PATH = "/door/refusals"
"""On the gateway's socket, and not below what a notebook may reach there."""
GATEWAY = "http://gateway"
REPORT_SECONDS = 60.0
LINES = 20
"""Refusals of one person that are written to the door's file between two reports."""
SHOWN_CHARACTERS = 200


@dataclass(slots=True)
class _Count:
    first: str
    reasons: Counter[str] = field(default_factory=Counter)


class Refusals:
    """Counts what was refused, by person, until the gateway has it."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def note(self, name: str, *, what: str, reason: str) -> None:
        """Count that ``what`` of ``name`` was refused for ``reason``, one of the door's own sentences."""
        count = self._counts.setdefault(name, _Count(first=what[:SHOWN_CHARACTERS]))
        count.reasons[reason] += 1
        if count.reasons.total() <= LINES:
            log.warning("refused: user=%s request=%r reason=%s", name, what[:SHOWN_CHARACTERS], reason)

    async def report(self, gateway: aiohttp.ClientSession, at: str = GATEWAY) -> None:
        """Tell the gateway, reached at ``at``, what was counted; keep what it does not take."""
        counts, self._counts = self._counts, {}
        for name, count in counts.items():
            document: dict[str, object] = {
                "user": name,
                "first": count.first,
                "reasons": dict(count.reasons),
            }
            if not await _sent(gateway, at, document):
                kept = self._counts.setdefault(name, _Count(first=count.first))
                kept.reasons += count.reasons

    async def report_now_and_then(self, gateway: aiohttp.ClientSession, at: str = GATEWAY) -> None:
        """Report every minute, until cancelled."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            await self.report(gateway, at)


async def _sent(gateway: aiohttp.ClientSession, at: str, document: dict[str, object]) -> bool:
    body, headers = json.dumps(document), {"Content-Type": "application/json"}
    try:
        async with gateway.post(f"{at}{REPORT_PATH}", data=body, headers=headers) as answer:
            if answer.status == HTTPStatus.NO_CONTENT:
                return True
            log.warning("the gateway did not take a report: status=%d", answer.status)
    except (aiohttp.ClientError, TimeoutError):
        log.warning("the gateway does not answer; refusals are reported later")
    return False

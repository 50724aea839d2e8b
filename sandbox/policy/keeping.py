"""How the log is kept: where copies of it go, and for how long its sealed texts are kept.

Both files stand beside the policies and are read as strictly, but are not part of their digest: who
adds a collector changes neither what may be asked nor the answers that may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from sandbox.audit.sinks import Spec
from sandbox.policy.values import Located, PolicyModel, Slug

LEAST_DAYS = 1095
"""Three years: for so long, at least, the log can be read in full."""
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([1-9][0-9]{0,4})")
_SYSLOG, _FILE = ("transport", "address"), ("path", "mode")


class SinkPolicy(PolicyModel):
    """One place that every record of the log is copied to."""

    kind: Literal["file", "ocsf", "syslog"]
    """``file``: each leaf and its place as a line of JSON; ``ocsf``: each as an OCSF event; ``syslog``."""
    required: StrictBool
    """Whether nothing is answered while it does not take records."""
    path: str | None = None
    """Of ``file`` and ``ocsf``: the file, as an absolute path."""
    mode: Literal["0600", "0640"] | None = None
    """Of ``file`` and ``ocsf``: its permission bits; 0600 if left out."""
    transport: Literal["tcp", "udp", "unix"] | None = None
    """Of ``syslog``: how the receiver is reached."""
    address: str | None = None
    """Of ``syslog``: ``host:port``, or the absolute path of a unix socket."""

    def spec(self, name: str) -> Spec:
        """Return what :class:`sandbox.audit.sinks.Sinks` is made from."""
        return Spec(
            name=name,
            kind=self.kind,
            required=self.required,
            path=Path(self.path or ""),
            mode=int(self.mode or "0600", 8),
            transport=self.transport or "unix",
            address=self.address or "",
        )

    def _contradictions(self) -> Iterator[Located]:
        foreign, needed = (_FILE, _SYSLOG) if self.kind == "syslog" else (_SYSLOG, ("path",))
        for key in foreign:
            if getattr(self, key) is not None:
                yield (key,), f"A sink of kind {self.kind!r} has no {key}; leave this key out."
        for key in needed:
            if getattr(self, key) is None:
                yield (key,), f"A sink of kind {self.kind!r} needs this key."
        if self.path is not None and not Path(self.path).is_absolute():
            yield ("path",), "Write the whole path, beginning with /."
        if self.transport is not None and self.address is not None:
            yield from self._wrong_address(self.address)
        if self.transport == "udp" and self.required:
            yield (
                ("required",),
                "Nobody acknowledges UDP, so it cannot be required; write false, or use tcp or unix.",
            )

    def _wrong_address(self, address: str) -> Iterator[Located]:
        if self.transport == "unix":
            if not Path(address).is_absolute():
                yield ("address",), "Write the whole path of the socket, beginning with /."
            return
        found = _HOST_AND_PORT.fullmatch(address)
        if found is None or int(found[2]) > 65_535:  # noqa: PLR2004 - the largest port
            yield ("address",), 'Write host and port, as in "127.0.0.1:601".'


class SinksPolicy(PolicyModel):
    """All copies of the log that are written while it grows."""

    sinks: dict[Slug, SinkPolicy] = Field(default_factory=dict)
    """Sinks by name; each under ``[sinks.NAME]``."""

    def _contradictions(self) -> Iterator[Located]:
        places: dict[str, str] = {}
        for name, sink in self.sinks.items():
            if sink.path is not None and places.setdefault(sink.path, name) != name:
                yield (
                    ("sinks", name, "path"),
                    f"The sink {places[sink.path]!r} writes this file already; name another.",
                )


class RetentionPolicy(PolicyModel):
    """For how long the sealed texts of entries are kept; the entries themselves are never erased."""

    private_days: Annotated[StrictInt, Field(ge=LEAST_DAYS, le=36_500)]
    """Days after which the sealed text of an entry (a question's literals, a vote's reason) is erased."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """Sinks and retention, as loaded together; only :func:`sandbox.policy.load.load_keeping` makes it."""

    sinks: SinksPolicy
    retention: RetentionPolicy

    @property
    def specs(self) -> tuple[Spec, ...]:
        """What the sinks are, in order of their names."""
        return tuple(sink.spec(name) for name, sink in sorted(self.sinks.sinks.items()))

"""Which witnesses the log asks to cosign its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StrictStr

from sandbox.audit.cosignature import Cosigner
from sandbox.errors import Refusal
from sandbox.policy.values import Located, PolicyModel, Slug

_Text = Annotated[StrictStr, Field(min_length=1, max_length=255)]


class WitnessPolicy(PolicyModel):
    """One witness: where it answers, and the key by which its word is known."""

    name: Slug
    """Name of the witness here; in the file it is the heading."""
    url: _Text
    """Its submission prefix: the address before ``/add-checkpoint``."""
    key: _Text
    """Its verifier key ``name+id+key``, from the witness itself and not over the network."""

    def _contradictions(self) -> Iterator[Located]:
        if not _is_address(self.url):
            yield ("url",), "Write the witness's address, as in https://witness.example/w1, without a query."
        try:
            Cosigner.read(self.key)
        except Refusal:
            yield (
                ("key",),
                "Write the verifier key that `sandbox witness show` prints there, of the form name+id+key.",
            )

    @property
    def cosigner(self) -> Cosigner:
        """The witness's name and key, read."""
        return Cosigner.read(self.key)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises where it is no number
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    spelled = text.isascii() and text.isprintable() and " " not in text
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and spelled

"""What notebooks may use, and who may have one of which size.

The file stands beside the policies and is read as strictly, but is not part of their digest: the size of
a notebook changes neither what may be asked nor what comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

from sandbox.errors import NotAllowed
from sandbox.policy.values import Located, PolicyModel, Slug

LEAST_HOME_MIB = 16
"""A smaller file system has no room for its own tables and a notebook's settings."""


class NotebookSize(PolicyModel):
    """The limits of one notebook."""

    title: Annotated[StrictStr, Field(min_length=1, max_length=100)]
    """What people read when they choose."""
    groups: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Whoever is in one of these groups may choose it."""
    processors: Annotated[StrictInt, Field(ge=1, le=256)]
    """Processor time per second, in seconds; held in containers."""
    memory_mib: Annotated[StrictInt, Field(ge=256, le=4_194_304)]
    """Memory, swap included; held in containers."""
    scratch_mib: Annotated[StrictInt, Field(ge=16, le=1_048_576)]
    """The notebook's directory for temporary files, in memory and gone with it."""
    processes: Annotated[StrictInt, Field(ge=64, le=32_768)]
    """Processes and threads."""


class NotebooksPolicy(PolicyModel):
    """All sizes, and what holds for notebooks of every size."""

    idle_minutes: Annotated[StrictInt, Field(ge=1, le=10_080)]
    """Minutes after which a notebook is stopped that nobody uses and that computes nothing."""
    age_hours: Annotated[StrictInt, Field(ge=0, le=8_760)]
    """Hours after which a notebook is stopped in any case; 0 for never."""
    home_mib: Annotated[StrictInt, Field(ge=0, le=16_777_216)]
    """Room for the files a person keeps between notebooks; 0 for no limit."""
    home_files: Annotated[StrictInt, Field(ge=1_000, le=100_000_000)]
    """How many such files, where there is a limit."""
    sizes: Annotated[Mapping[Slug, NotebookSize], Field(min_length=1)]
    """Sizes by name, in the order of the file."""

    def _contradictions(self) -> Iterator[Located]:
        if 0 < self.home_mib < LEAST_HOME_MIB:
            yield ("home_mib",), f"Write 0 for no limit, or at least {LEAST_HOME_MIB}."

    @property
    def idle_seconds(self) -> int:
        """Seconds after which a notebook that nobody uses is stopped."""
        return self.idle_minutes * 60

    @property
    def look_seconds(self) -> int:
        """How often it is looked whether anybody uses it: four times in that while, or every 5 minutes."""
        return min(300, self.idle_seconds // 4)

    def sizes_of(self, groups: Collection[str]) -> dict[str, NotebookSize]:
        """Return the sizes that somebody in ``groups`` may choose, the one taken unasked first."""
        return {name: size for name, size in self.sizes.items() if set(size.groups) & set(groups)}

    def chosen(self, name: str, groups: Collection[str]) -> NotebookSize:
        """Return the size called ``name``, or the one that is taken unasked where it is empty.

        Raises:
            NotAllowed: there is none of this name for them, or none at all.
        """
        allowed = self.sizes_of(groups)
        if not allowed:
            raise NotAllowed("no-notebook", "No size of notebook is meant for any of your groups.")
        if name not in {"", *allowed}:
            raise NotAllowed(
                "notebook-size",
                "There is no such size of notebook for you.",
                allowed=f"You may choose: {', '.join(allowed)}.",
            )
        return allowed[name or next(iter(allowed))]

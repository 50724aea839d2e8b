"""Release requests as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

WAITS_FOR: Mapping[str, str] = {
    "SCREENING": "the automatic checks",
    "BLOCKED": "you: a check refused a file; resubmit a corrected one, or withdraw",
    "REVIEW": "the reviewers",
    "CONSOLIDATION": "the reviewers",
    "HELD": "a security officer",
    "RETURNED": "you: a reviewer asks for changes; resubmit, or withdraw",
    "APPROVED": "the sandbox, which packs it",
    "SEALING": "the sandbox, which packs it",
    "RELEASED": "you: download the package",
    "TAMPERED": "a security officer",
}
"""By state, whom a request waits for; a state that is not here is final and waits for nobody."""


@dataclass(frozen=True, slots=True)
class Release:
    """One of your release requests as it stood when you asked."""

    document: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        """Return one field of the gateway's document, as ``release["id"]``."""
        return self.document[key]

    @property
    def id(self) -> str:
        """What :meth:`Session.withdraw` and the others take."""
        return str(self.document["id"])

    @property
    def status(self) -> str:
        """Where it stands."""
        return str(self.document["status"])

    @property
    def waits_for(self) -> str:
        """Whom it waits for; empty where it is final."""
        return WAITS_FOR.get(self.status, "")

    @property
    def findings(self) -> pd.DataFrame:
        """One row for each thing the checks found."""
        rows = [{"file": name, **found} for name, found in _found(self.document)]
        return pd.DataFrame(rows, columns=["file", "code", "severity", "where", "sentence", "fix"])

    @property
    def reasons(self) -> pd.DataFrame:
        """What reviewers said, as far as it is shown yet."""
        return pd.DataFrame(self.document["votes"], columns=["reviewer", "verdict", "reason", "at"])

    @property
    def comments(self) -> pd.DataFrame:
        """What was written beside it, as far as it is shown yet; a return's letter is among them."""
        columns = ["author", "file", "anchor", "text", "at"]
        return pd.DataFrame(self.document["comments"], columns=columns)

    def __repr__(self) -> str:
        lines = [f"request {self.id}: {self.status}, round {self.document['round']}"]
        lines += [f"waits for {self.waits_for}"] if self.waits_for else []
        package = self.document["package"]
        if package is not None:
            expires = _minute(package["expires_at"])
            lines.append(f"{package['downloads_left']} downloads left until {expires}")
        for name, found in _found(self.document):
            place = ", ".join(part for part in (name, found["where"]) if part)
            sentence = f"{found['sentence']} {found['fix']}".rstrip()
            lines.append(f"  {found['code']} [{found['severity']}] {place}: {sentence}")
        lines += [
            f"  {vote['verdict']} by {vote['reviewer']}: {vote['reason']}" for vote in self.document["votes"]
        ]
        for one in self.document["comments"]:
            place = ", ".join(part for part in (one["file"], one["anchor"]) if part)
            lines.append(f"  {one['author']}{f' on {place}' if place else ''}: {one['text']}")
        return "\n".join(lines)


def overview(documents: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return requests as a table to read, newest first; times are UTC."""
    columns = ["request", "status", "waits_for", "round", "files", "downloads_left", "expires", "updated"]
    rows = []
    for document in documents:
        package = document["package"] or {}
        rows.append(
            {
                "request": document["id"],
                "status": document["status"],
                "waits_for": WAITS_FOR.get(document["status"], ""),
                "round": document["round"],
                "files": ", ".join(file["name"] for file in document["files"]),
                "downloads_left": package.get("downloads_left", pd.NA),
                "expires": _minute(package.get("expires_at", "")),
                "updated": _minute(document["updated_at"]),
            }
        )
    return pd.DataFrame(rows, columns=columns).astype({"downloads_left": "Int64"})


def _found(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    of_files = [(str(file["name"]), found) for file in document["files"] for found in file["findings"]]
    return of_files + [("", found) for found in document["findings"]]


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")

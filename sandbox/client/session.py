"""One notebook's conversation with the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, overload
from urllib.parse import quote

import pandas as pd

from sandbox.client.answer import Answer, Estimate, Filed
from sandbox.client.checked import Checked
from sandbox.client.handing import Handed, read_files
from sandbox.client.releases import Release, overview
from sandbox.client.transport import DOOR, Refused, Transport


def connect(authorization: str | None = None, *, door: Path = DOOR) -> Session:
    """Open the way to the gateway.

    Args:
        authorization: the authorization to ask under; may be left out where you hold just one.
        door: the door's socket; notebooks have it at the default place.

    Raises:
        Refused: the gateway does not answer, or the authorization must be named.
    """
    transport = Transport(door)
    if authorization is None:
        held = [entry["authorization"] for entry in transport.call("GET", "/catalogue")["authorizations"]]
        if len(held) != 1:
            raise Refused(
                "authorization-unnamed",
                "Say under which authorization you ask.",
                allowed="You hold: " + (", ".join(held) or "none") + ".",
            )
        authorization = held[0]
    return Session(transport, authorization)


@dataclass(frozen=True, slots=True)
class Session:
    """Asks under one authorization."""

    _transport: Transport
    authorization: str

    @overload
    def ask(
        self,
        sql: str,
        *,
        epsilon: str | Decimal | None = None,
        target_error: str | Decimal | None = None,
        dry_run: Literal[False] = False,
        fresh: bool = False,
    ) -> Answer: ...
    @overload
    def ask(
        self,
        sql: str,
        *,
        epsilon: str | Decimal | None = None,
        target_error: str | Decimal | None = None,
        dry_run: Literal[True],
        fresh: bool = False,
    ) -> Estimate: ...
    def ask(
        self,
        sql: str,
        *,
        epsilon: str | Decimal | None = None,
        target_error: str | Decimal | None = None,
        dry_run: bool = False,
        fresh: bool = False,
    ) -> Answer | Estimate:
        """Ask one question.

        Args:
            sql: a SELECT of aggregates; what may stand in it is in the how-to for analysts.
            epsilon: the privacy loss to spend; the most one question may cost where left out.
            target_error: half the width that every 95 % interval should have at most, instead of an
                epsilon: the smallest epsilon that predicts it is spent.
            dry_run: say cost and expected error instead; touches no data and costs nothing.
            fresh: pay for new noise; where left out, a question that was answered before under this
                authorization gets the same answer again and costs nothing.

        Raises:
            Refused: with the reason and what would be allowed.
        """
        body: dict[str, Any] = {"sql": sql, "authorization": self.authorization, "dry_run": dry_run}
        if fresh:
            body["fresh"] = True
        if epsilon is not None:
            body["epsilon"] = str(epsilon)
        if target_error is not None:
            body["target_error"] = str(target_error)
        document = self._transport.call("POST", "/queries", body)
        return Estimate(document) if dry_run else Answer.read(document)

    def ask_reviewed(self, sql: str, *, purpose: str) -> Filed:
        """Have an exact answer computed and filed as a release request; nobody sees it before review.

        Args:
            sql: a SELECT of plain aggregates of one table; the how-to for analysts says which.
            purpose: what the table shows and what for; its reviewers read it.

        Returns:
            The request's id and the table's columns: nothing that follows from the data.

        Raises:
            Refused: the dataset or the authorization gives no reviewed answers, or not to this question.
        """
        body = {"sql": sql, "authorization": self.authorization, "mode": "reviewed", "purpose": purpose}
        return Filed(self._transport.call("POST", "/queries", body))

    def catalogue(self) -> pd.DataFrame:
        """List the tables and columns you may use, with their use, domain and bounds."""
        entries = self._transport.call("GET", "/catalogue")["authorizations"]
        rows = [
            {"authorization": entry["authorization"], "dataset": entry["dataset"], **column}
            for entry in entries
            for column in entry["columns"]
        ]
        return pd.DataFrame(rows)

    def dummy(self, table: str, *, rows: int = 100, seed: int = 0) -> pd.DataFrame:
        """Return made-up rows of a table, to try code on; costs nothing and says nothing about anyone.

        Domains, bounds, types and rows per unit are those of the policy; how values are spread is
        invented. The same seed gives the same rows.

        Args:
            table: a table that the authorization opens.
            rows: how many, at most 10,000.
            seed: a whole number, at least 0.

        Raises:
            Refused: the authorization opens no such table.
        """
        where = f"/dummy/{quote(self.authorization, safe='')}/{quote(table, safe='')}"
        document = self._transport.call("GET", f"{where}?rows={rows}&seed={seed}")
        return dummy_frame(document)

    def account(self) -> pd.DataFrame:
        """Show what is left in every budget your questions are charged to; a window only while it is open."""
        return pd.DataFrame(self._transport.call("GET", "/account")["balances"])

    def questions(self) -> pd.DataFrame:
        """List your newest charged questions, without their values, and what each of them cost."""
        return pd.DataFrame(self._transport.call("GET", "/account/questions")["questions"])

    @overload
    def submit(
        self,
        files: Handed,
        *,
        purpose: str,
        receipts: Iterable[str] | None = None,
        dry_run: Literal[False] = False,
    ) -> Release: ...
    @overload
    def submit(
        self, files: Handed, *, purpose: str, receipts: Iterable[str] | None = None, dry_run: Literal[True]
    ) -> Checked: ...
    def submit(
        self, files: Handed, *, purpose: str, receipts: Iterable[str] | None = None, dry_run: bool = False
    ) -> Release | Checked:
        """Hand files in for release; a second person reviews the very bytes that leave.

        Args:
            files: paths in this notebook; or a dict of names, each with a data frame or a path.
            purpose: what the files are for and what they show; the reviewers read it.
            receipts: receipts of the answers the files come from; where left out, the ones that
                :meth:`Answer.save` wrote beside the files, or of the answers themselves.
            dry_run: say what the checks would find instead, as :meth:`check` does.

        Raises:
            Refused: a file cannot be read, or the gateway takes no files from you now.
        """
        if dry_run:
            return self.check(files, receipts=receipts)
        body = {"authorization": self.authorization, "purpose": purpose, **_body(files, receipts)}
        return Release(self._transport.call("POST", "/releases", body))

    def check(self, files: Handed, *, receipts: Iterable[str] | None = None) -> Checked:
        """Say what the checks would find in files; nothing is handed in, and that you asked is recorded.

        Args:
            files: as for :meth:`submit`.
            receipts: as for :meth:`submit`.

        Raises:
            Refused: a file cannot be read, or you have had too many checks within the hour.
        """
        body = {"authorization": self.authorization, **_body(files, receipts)}
        return Checked(self._transport.call("POST", "/checks", body))

    def my_releases(self) -> pd.DataFrame:
        """List what you have submitted: where it stands, whom it waits for, downloads left, expiry."""
        return overview(self._transport.call("GET", "/releases")["releases"])

    def release(self, request: str | Release) -> Release:
        """Show one of your requests with its findings and what reviewers said.

        Raises:
            Refused: you have no such request.
        """
        return Release(self._transport.call("GET", _path(request)))

    def resubmit(
        self,
        request: str | Release,
        files: Handed,
        *,
        purpose: str = "",
        receipts: Iterable[str] | None = None,
    ) -> Release:
        """Answer a return or a block with corrected files; they replace all files of the round before.

        Args:
            request: the request as you looked at it, or its id for the request as it stands now.
            files: as for :meth:`submit`.
            purpose: a new one; the old one stands where left out.
            receipts: as for :meth:`submit`.

        Raises:
            Refused: it does not wait for you, or has changed since you looked at it.
        """
        body = {"row_version": self._version(request), "purpose": purpose, **_body(files, receipts)}
        return Release(self._transport.call("POST", f"{_path(request)}/rounds", body))

    def withdraw(self, request: str | Release) -> Release:
        """Take a request back before it is released.

        Raises:
            Refused: it is too late, or the request has changed since you looked at it.
        """
        body = {"row_version": self._version(request)}
        return Release(self._transport.call("POST", f"{_path(request)}/withdrawal", body))

    def download(self, request: str | Release, path: str | Path = ".") -> Path:
        """Fetch the package of a released request; each download is counted, and there are few.

        Args:
            request: the request or its id.
            path: a directory that exists, or the name of a file that does not.

        Raises:
            Refused: it is not released, expired or used up; or there is a file already.
        """
        identifier = request.id if isinstance(request, Release) else request
        target = Path(path)
        directory = target if target.is_dir() else target.parent
        if not directory.is_dir() or (target != directory and target.exists()):
            # Before it is fetched: a download that finds no place would be counted all the same.
            raise Refused(
                "no-place",
                f"{target} is no directory, and no file that could be made.",
                allowed="Name a directory, or a file that does not exist yet.",
            )
        name, content = self._transport.fetch(f"{_path(request)}/package")
        target = directory / (name or f"release-{identifier}") if target == directory else target
        with target.open("xb") as file:
            file.write(content)
        return target

    def _version(self, request: str | Release) -> int:
        release = request if isinstance(request, Release) else self.release(request)
        return int(release["row_version"])


def _path(request: str | Release) -> str:
    return f"/releases/{quote(request.id if isinstance(request, Release) else request, safe='')}"


def _body(files: Handed, receipts: Iterable[str] | None) -> dict[str, Any]:
    read = read_files(files)
    found = [receipt for file in read for receipt in file.receipts] if receipts is None else list(receipts)
    return {"files": [file.to_document() for file in read], "receipts": list(dict.fromkeys(found))}


def dummy_frame(document: Mapping[str, Any]) -> pd.DataFrame:
    """Read made-up rows into columns of their own types, missing values included."""
    kinds = {column["name"]: column["type"] for column in document["columns"]}
    frame = pd.DataFrame(document["rows"], columns=list(kinds), dtype=object)
    for name, kind in kinds.items():
        match kind:
            case "integer":
                frame[name] = frame[name].astype("Int64")
            case "decimal":
                frame[name] = pd.to_numeric(frame[name])
            case "date":
                frame[name] = pd.to_datetime(frame[name])
            case "boolean":
                frame[name] = frame[name].astype("boolean")
            case _:
                pass  # texts stay what they are
    return frame

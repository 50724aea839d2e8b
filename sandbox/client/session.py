"""One notebook's conversation with the gateway."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, overload
from urllib.parse import quote

import pandas as pd

from sandbox.client.answer import Answer, Estimate, Filed
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

    def submit(
        self, files: Iterable[str | Path], *, purpose: str, receipts: Iterable[str] | None = None
    ) -> Mapping[str, Any]:
        """Hand files in for release; a second person reviews the very bytes that leave.

        Args:
            files: paths in this notebook.
            purpose: what the files are for and what they show; the reviewers read it.
            receipts: receipts of the answers the files come from; where left out, the ones that
                :meth:`Answer.save` wrote beside the files.

        Raises:
            Refused: a file cannot be read or a check refuses it.
        """
        paths = [Path(file) for file in files]
        body = {
            "authorization": self.authorization,
            "purpose": purpose,
            "files": [
                {"name": path.name, "content": base64.b64encode(path.read_bytes()).decode()} for path in paths
            ],
            "receipts": list(receipts) if receipts is not None else receipts_beside(paths),
        }
        view: Mapping[str, Any] = self._transport.call("POST", "/releases", body)
        return view

    def my_releases(self) -> pd.DataFrame:
        """List what you have submitted and where it stands."""
        return pd.DataFrame(self._transport.call("GET", "/releases")["releases"])


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


def receipts_beside(paths: Iterable[Path]) -> list[str]:
    """Return the receipts that stand beside ``paths`` as ``NAME.receipt``."""
    beside = (path.with_name(path.name + ".receipt") for path in paths)
    return [path.read_text(encoding="ascii").strip() for path in beside if path.is_file()]
